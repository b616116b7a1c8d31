"""CRC64NVME: the checksum that S3 keeps for whole objects, in S3's base64 form."""

from __future__ import annotations

import base64
from typing import Self

from awscrt.checksums import combine_crc64nvme, crc64nvme


class Crc64Nvme:
    """A running checksum."""

    def __init__(self, value: int = 0) -> None:
        self.value = value

    @classmethod
    def from_base64(cls, text: str) -> Self:
        """The checksum that ``base64`` gave. Raises ValueError for anything else."""
        value = base64.b64decode(text, validate=True)
        if len(value) != 8:
            raise ValueError(f"{text!r} is no CRC64NVME")
        return cls(int.from_bytes(value, "big"))

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Cover these bytes too."""
        self.value = crc64nvme(data, self.value)

    def join(self, value: int, length: int) -> None:
        """Cover that many bytes more, of which only their own checksum is known."""
        self.value = combine_crc64nvme(self.value, value, length)

    def base64(self) -> str:
        """As the header ``x-amz-checksum-crc64nvme`` carries it: eight bytes, big endian."""
        return base64.b64encode(self.value.to_bytes(8, "big")).decode()


def crc64nvme_base64(data: bytes | bytearray | memoryview) -> str:
    """The checksum of all of these bytes."""
    checksum = Crc64Nvme()
    checksum.update(data)
    return checksum.base64()
