"""How large a disk a restored instance gets: room for the snapshot, and for what is loaded back to be compared.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html
"""

from __future__ import annotations

from collections.abc import Mapping

_SMALLEST_GIB, _LARGEST_GIB = 20, 64 * 1024

# From here on gp3 is striped, and RDS takes no less than this, which is in its price.
_STRIPED_FROM_GIB = 400
_STRIPED_IOPS, _STRIPED_MIB_PER_S = 12_000, 500


def storage_of(*, size_gib: int, storage_type: str, iops: int | None, extra_percent: int) -> Mapping[str, int | str]:
    """The members of RestoreDBInstanceFromDBSnapshot that speak of storage, in a workflow's words."""
    size = min(_LARGEST_GIB, max(_SMALLEST_GIB, size_gib + size_gib * extra_percent // 100))
    if storage_type in {"io1", "io2"}:  # RDS takes their rate from the snapshot, and gp3 might not take it
        return {"AllocatedStorage": size, "StorageType": storage_type}
    told: dict[str, int | str] = {"AllocatedStorage": size, "StorageType": "gp3"}
    keeps_its_rate = storage_type == "gp3" and (iops or 0) >= _STRIPED_IOPS
    if size < _STRIPED_FROM_GIB or keeps_its_rate:
        return told
    return {**told, "Iops": _STRIPED_IOPS, "StorageThroughput": _STRIPED_MIB_PER_S}
