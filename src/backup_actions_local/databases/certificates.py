"""The embedded AWS's own authority: what its databases show to prove who they are, and what clients trust."""

from __future__ import annotations

import ipaddress
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from backup_actions_local.databases.engine import Certificate

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import CertificateBuilder, Name

_VALID = timedelta(days=30)
_CLOCKS_DIFFER = timedelta(days=1)


class Authority:
    """Signs one certificate, for this machine's own name; it is made when it is first needed, and its key forgotten."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._issued = Certificate(folder / "server.pem", folder / "server.key", folder / "authority.pem")

    @property
    def bundle(self) -> Path:
        """What a client trusts; the file is there once a server has its certificate."""
        return self._issued.authority

    def certificate(self) -> Certificate:
        """The one of every server."""
        with self._lock:
            if not self._issued.key.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                self._issue()
        return self._issued

    def _issue(self) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        authority, server = _name("Embedded AWS"), _name("localhost")
        root = (
            _builder(authority, authority, authority_key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(authority_key, hashes.SHA256())
        )
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        leaf = (
            _builder(server, authority, server_key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        issued = self._issued
        issued.authority.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        issued.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        issued.key.write_bytes(
            server_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


def _name(common_name: str) -> Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: Name, issuer: Name, key: EllipticCurvePrivateKey) -> CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + _VALID)
    )
