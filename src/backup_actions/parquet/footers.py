"""What a Parquet file says of itself in its footer, read from S3 without reading its rows."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow
import pyarrow.parquet as pq

from backup_actions.aws import translated
from backup_actions.errors import ParquetUnreadable
from backup_actions.model.export_manifest import ExportedColumn
from backup_actions.parquet.column_types import athena_type

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_MARK = b"PAR1"
_END_BYTES = 8  # four of the footer's length, four of the mark
_USUALLY_ENOUGH_BYTES = 64 << 10
_SMALLEST_FILE_BYTES = len(_MARK) + _END_BYTES


@dataclass(frozen=True, slots=True)
class Footer:
    """Rows, columns, and what the rows occupy when they are not compressed."""

    rows: int
    columns: tuple[ExportedColumn, ...]
    uncompressed_bytes: int


def read_footer(s3: S3Client, bucket: str, key: str, size_bytes: int) -> Footer:
    """The footer of a file of that size. Raises ParquetUnreadable for what is no whole Parquet file."""
    if size_bytes < _SMALLEST_FILE_BYTES:
        raise ParquetUnreadable(where=key, reason=f"it has {size_bytes} bytes, too few for a Parquet file")
    end = _last_bytes(s3, bucket, key, min(size_bytes, _USUALLY_ENOUGH_BYTES))
    if end[-len(_MARK) :] != _MARK:
        raise ParquetUnreadable(where=key, reason="it does not end as a Parquet file does: a part of it is missing")
    length = int.from_bytes(end[-_END_BYTES : -len(_MARK)], "little") + _END_BYTES
    if length > size_bytes - len(_MARK):
        raise ParquetUnreadable(where=key, reason="its footer is longer than the file")
    if length > len(end):
        end = _last_bytes(s3, bucket, key, length)
    try:
        metadata = pq.read_metadata(BytesIO(end))
        columns = tuple(
            ExportedColumn(name=f.name, type=athena_type(f.type)) for f in metadata.schema.to_arrow_schema()
        )
    except (pyarrow.ArrowException, OSError, ValueError) as wrong:
        raise ParquetUnreadable(where=key, reason=" ".join(str(wrong).split())) from wrong
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return Footer(metadata.num_rows, columns, sum(group.total_byte_size for group in groups))


def _last_bytes(s3: S3Client, bucket: str, key: str, count: int) -> bytes:
    with translated():
        return s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=-{count}")["Body"].read()
