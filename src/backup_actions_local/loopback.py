"""Proof that a process can only be reached from this machine."""

from __future__ import annotations

import contextlib
import ipaddress
from pathlib import Path

_LISTENING = "0A"  # TCP_LISTEN, https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt


def loopback_only(pid: int, proc: Path = Path("/proc")) -> list[str]:
    """The addresses outside the loopback network that the process listens on; empty is as it should be.

    Where there is no ``/proc`` (macOS) nothing can be told and the list is empty.
    """
    ours = _socket_inodes(proc / str(pid) / "fd")
    offending = []
    for table in (proc / "net" / "tcp", proc / "net" / "tcp6"):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[3] == _LISTENING and fields[9] in ours:
                address, port = fields[1].split(":")
                ip = _address(address)
                if not ip.is_loopback:
                    offending.append(f"{ip}:{int(port, 16)}")
    return offending


def _socket_inodes(folder: Path) -> set[str]:
    inodes = set()
    for link in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError):  # a descriptor may be closed while we look
            target = str(link.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    return inodes


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The kernel prints each 32-bit word of an address in the byte order of the machine: little endian on ours."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    ip = ipaddress.ip_address(b"".join(words))
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip
