"""Tokens that say themselves what they are for and until when: nothing has to be remembered to believe them."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Self

_SEAL_BYTES = 12


@dataclass(frozen=True, slots=True)
class Token:
    """``str`` of it is what the API shows: base64, at most 256 characters."""

    kind: str
    subject: str
    number: int
    expires: datetime

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What the text stands for, or None where nobody here made it."""
        try:
            content = base64.b64decode(text, validate=True)
            seal, written = content[:_SEAL_BYTES], content[_SEAL_BYTES:]
            if seal != _seal_of(written):
                return None
            kind, subject, number, expires = written.decode().split(" ")
        except (binascii.Error, ValueError):
            return None
        return cls(kind, subject, int(number), datetime.fromisoformat(expires))

    def __str__(self) -> str:
        written = f"{self.kind} {self.subject} {self.number} {self.expires.isoformat()}".encode()
        return base64.b64encode(_seal_of(written) + written).decode()


def _seal_of(written: bytes) -> bytes:
    return hashlib.sha256(b"embedded EBS " + written).digest()[:_SEAL_BYTES]
