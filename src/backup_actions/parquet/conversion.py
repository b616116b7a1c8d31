"""A DynamoDB export becomes Parquet: every file checked against its hash and its count, every item a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from queue import SimpleQueue

from backup_actions.archive.store import Store
from backup_actions.model.export_manifest import ExportedColumn
from backup_actions.model.manifest import StoredObject
from backup_actions.model.progress import Progress, Silence
from backup_actions.parquet.channels import ExportChannel, PartChannel
from backup_actions.parquet.column_types import KIND_OF_TAG, ColumnType, athena_type
from backup_actions.parquet.options import ConversionOptions, ConvertedTable, ExportFile, shares
from backup_actions.parquet.parts import ITEM, Columns, Part
from backup_actions.parquet.row_groups import merged
from backup_actions.parquet.sharing import Order, Share
from backup_actions.parquet.workers import Crew, Worker

_NAMES_TOLD = 20


def convert(
    files: Sequence[ExportFile],
    *,
    source: Store,
    to: Store,
    folder: str = "parquet",
    keys: Mapping[str, str],
    options: ConversionOptions | None = None,
    progress: Progress | None = None,
) -> ConvertedTable:
    """Every item of the export is a row of a Parquet file below ``folder``; one row an item, ``item`` without loss.

    ``keys`` has the types of the key attributes, S, N or B. The form is specified in ``docs/dynamodb-parquet.md``; the
    memory in ConversionOptions. A file whose columns turn out to be too narrow for what comes later is written again.
    Raises CorruptExport, ArchiveMissing, UploadFailed, WorkerDied, and what AWS refuses.
    """
    options, progress = options or ConversionOptions(), progress or Silence()
    progress.start("converting", None)
    dealt = shares(files, options.workers)
    orders = [
        Order(name=f"{folder}/part-{number:05}", files=share, keys=tuple(keys), options=options)
        for number, share in enumerate(dealt)
    ]
    stored: dict[str, StoredObject] = {}
    with Crew(min(options.workers, max(1, len(orders)))) as crew:
        done = _carried_out(orders, crew, lambda: ExportChannel(to, stored, progress, source, files))
        counts = sum((share.counts for share in done), Counter[str]())
        final = _final(done, counts, keys, options)
        narrow = [part for share in done for part in share.parts if not _suits(part, final)]
        if narrow:
            progress.note(f"{len(narrow)} of {len(stored)} files are written again with the columns of all")
        again = [_again(part, final, options) for part in narrow]
        _carried_out(again, crew, lambda: PartChannel(to, stored, progress))
    return ConvertedTable(
        files=tuple(stored[name] for name in sorted(stored)),
        rows=sum(part.rows for share in done for part in share.parts),
        columns=tuple(ExportedColumn(name=f.name, type=athena_type(f.type)) for f in final.schema),
        notes=_notes(counts, final),
    )


def _final(
    done: Sequence[Share], counts: Mapping[str, int], keys: Mapping[str, str], options: ConversionOptions
) -> Columns:
    """The columns of the table: what holds the values of all shares. A key has one even if there is no item."""
    types = {name: ColumnType(KIND_OF_TAG[tag]) for name, tag in keys.items()}
    for share in done:
        types = merged(types, share.types)
    return Columns.chosen(types, counts, keys, options.columns_at_most)


def _suits(part: Part, final: Columns) -> bool:
    return part.columns.agree(final) and part.left_out.isdisjoint(final.of)


def _again(part: Part, final: Columns, options: ConversionOptions) -> Order:
    return Order(
        name=part.name,
        files=[ExportFile(name=part.name, md5="", items=part.rows)],
        keys=(),
        options=options,
        columns=final,
    )


def _notes(counts: Mapping[str, int], final: Columns) -> tuple[str, ...]:
    without = sorted(counts.keys() - final.of.keys())
    renamed = [
        f"the attribute {name!r} is the column {column!r}" for name, (column, _) in final.of.items() if name != column
    ]
    if not without:
        return tuple(renamed)
    told = ", ".join(repr(name) for name in without[:_NAMES_TOLD])
    return (*renamed, f"{len(without)} attribute(s) have no column and are in {ITEM!r} alone, such as {told}")


def _carried_out(orders: Sequence[Order], crew: Crew, channel: Callable[[], PartChannel]) -> list[Share]:
    """What came of each order. After a failure no other order is begun."""
    idle: SimpleQueue[Worker] = SimpleQueue()
    for worker in crew.workers:
        idle.put(worker)

    def carry_out(order: Order) -> Share:
        worker = idle.get()
        try:
            with channel() as connected:
                return worker.convert(order, connected)
        finally:
            idle.put(worker)

    with ThreadPoolExecutor(len(crew.workers), thread_name_prefix="convert") as pool:
        futures = [pool.submit(carry_out, order) for order in orders]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            failed = next((future for future in futures if future.done() and future.exception()), None)
            if failed is not None:
                failed.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            crew.stop()
            raise
    return [future.result() for future in futures]
