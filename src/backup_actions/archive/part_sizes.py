"""How large the parts of a multipart upload are: small for small objects, and never more than 10,000 of them."""

from __future__ import annotations

MIB = 1 << 20
MAX_PARTS = 10_000  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.md
MAX_PART_BYTES = 5 << 30
LARGEST_OBJECT_BYTES = MAX_PARTS * MAX_PART_BYTES  # 48.8 TiB
SMALLEST_BYTES = 8 * MIB
_PLANNED_PARTS = 9_500  # the rest is there for streams that turn out longer than expected


def part_bytes(number: int, expected_bytes: int | None) -> int:
    """The size of part ``number`` (from 1) of an object of about that many bytes.

    With an expectation all parts are alike: 8 MiB up to 78 GiB, 16 MiB up to 148 GiB, 108 MiB for 1 TiB. A stream that
    goes on after 9,500 of them gets parts that grow by 16 MiB each: 1.9 TiB more. Without an expectation parts have
    8 MiB up to 7.8 GiB and double after every 1,000, which reaches 7.8 TiB.
    """
    if expected_bytes is None:
        return SMALLEST_BYTES << (number - 1) // 1000
    planned = max(SMALLEST_BYTES, -(-expected_bytes * 102 // (100 * _PLANNED_PARTS * MIB)) * MIB)
    beyond = max(0, number - _PLANNED_PARTS)
    return min(MAX_PART_BYTES, planned + beyond * 16 * MIB)


def closes(filled_bytes: int, next_bytes: int, planned_bytes: int) -> bool:
    """Whether a part ends before the next frame: parts hold whole frames, so that a part is a number of them."""
    return filled_bytes >= planned_bytes or (filled_bytes > 0 and filled_bytes + next_bytes > MAX_PART_BYTES)
