"""The S3 endpoint of the benchmarks: compiled when it is needed, so that its cost is that of TLS and nothing else."""

from __future__ import annotations

import datetime
import ipaddress
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from backup_actions.archive.tree_program import pipe

_SOURCE = Path(__file__).with_name("sink.c")


@dataclass(frozen=True, slots=True)
class Sink:
    """A running endpoint; whatever is uploaded is counted and forgotten."""

    port: int
    folder: Path

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"https://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """What makes boto3, the AWS command line and s5cmd use this endpoint and trust its certificate."""
        certificate = str(self.folder / "certificate.pem")
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "S3_ENDPOINT_URL": self.endpoint,
            "AWS_CA_BUNDLE": certificate,
            "SSL_CERT_FILE": certificate,
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def received_bytes(self) -> int:
        """Bytes of all uploads so far."""
        return int(struct.unpack("q", (self.folder / "counter").read_bytes())[0])


@contextmanager
def running_sink(folder: Path) -> Iterator[Sink]:
    """An endpoint on loopback; it is gone when the block is left."""
    program = folder / "sink"
    libraries = ["-lssl", "-lcrypto", "-lpthread"]
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", program, _SOURCE, *libraries], check=True)
    _certify(folder)
    (folder / "counter").write_bytes(bytes(8))
    command = [program, folder / "certificate.pem", folder / "key.pem", folder / "counter"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield Sink(int(pipe(process.stdout).readline()), folder)
        finally:
            process.kill()


def _certify(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
