"""CRC64NVME, the checksum that S3 keeps for whole objects, in S3's base64 form."""

from __future__ import annotations

import base64

from awscrt.checksums import crc64nvme


class Crc64Nvme:
    """A running checksum."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Cover these bytes too."""
        self._value = crc64nvme(data, self._value)

    def base64(self) -> str:
        """As the header ``x-amz-checksum-crc64nvme`` carries it: eight bytes, big endian."""
        return base64.b64encode(self._value.to_bytes(8, "big")).decode()


def crc64nvme_base64(data: bytes | bytearray | memoryview) -> str:
    """The checksum of all of these bytes."""
    checksum = Crc64Nvme()
    checksum.update(data)
    return checksum.base64()
