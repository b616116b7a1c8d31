"""``search``: in which archive does a file lie?"""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.entries import readable, time_in_words
from backup_actions.cli.errors import described
from backup_actions.cli.locations import PLACE_ERRORS, store_at
from backup_actions.errors import (
    ArchiveDamaged,
    ArchiveMissing,
    AwsCallFailed,
    BackupActionsError,
    ManifestUnreadable,
    SearchIncomplete,
    UnsafePath,
)
from backup_actions.model.quantities import bytes_in_words

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from backup_actions.archive import Hit, Store
    from backup_actions.cli.output import Output

_TELL_EVERY = 100
_PASSED_OVER = (ArchiveDamaged, ArchiveMissing, ManifestUnreadable, UnsafePath, AwsCallFailed)


@command(
    "search",
    examples=(
        "backup-actions search s3://archives '*/passwd'",
        "backup-actions search s3://archives/data 'var/log/*.gz' --limit 20",
        "backup-actions search /mnt/archives '*.key' --json | jq -r '.archive + \" \" + .path'",
    ),
    fails_with=(*PLACE_ERRORS, ArchiveMissing, SearchIncomplete),
)
@click.argument("location")
@click.argument("pattern")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after this many; all are shown by default.")
def search(output: Output, location: str, pattern: str, limit: int | None) -> None:
    r"""Find files in many archives at once.

    Every archive at LOCATION, a bucket, prefix or folder, and below it is searched for paths that match PATTERN, in
    which * crosses folders; only indexes are read. Each line has size, time of change, archive and path, in which
    a byte that is not printable text is \xNN; with --json it is an object. An archive that cannot be searched is
    named and passed over.
    """
    searching = _Searching(output, location, pattern)
    with closing(searching.hits()) as hits:
        shown = 0
        for hit in islice(hits, limit):
            _show(output, hit)
            shown += 1
    searching.finish(shown)


class _Searching:
    """What was looked at so far."""

    def __init__(self, output: Output, location: str, pattern: str) -> None:
        self._output = output
        self._location = location
        self._pattern = pattern
        self._archives = 0
        self._passed_over = 0
        self._index_bytes = 0

    def hits(self) -> Generator[Hit, None, None]:
        """Every match in every archive that can be read."""
        from backup_actions.archive import archives_below

        for store in archives_below(store_at(self._location)):
            self._archives += 1
            try:
                yield from self._hits_in(store)
            except _PASSED_OVER as error:
                self._pass_over(store, error)
            if self._archives % _TELL_EVERY == 0:
                self._output.talk(f"{self._archives} archives searched")

    def finish(self, shown: int) -> None:
        """Tell what was done. Raises ArchiveMissing if there is no archive, SearchIncomplete if one was passed over."""
        if not self._archives:
            raise ArchiveMissing(where=self._location, reason="no manifest.json lies there or below")
        read = bytes_in_words(self._index_bytes)
        self._output.talk(f"{shown} found in {self._archives} archive(s), {read} of indexes read")
        if self._passed_over:
            raise SearchIncomplete(where=self._location, count=self._passed_over, total=self._archives)

    def _hits_in(self, store: Store) -> Iterator[Hit]:
        from backup_actions.archive import search as search_archive

        yield from search_archive(store, self._pattern, progress=self)

    def _pass_over(self, store: Store, error: BackupActionsError) -> None:
        self._passed_over += 1
        self._output.talk(f"{store.location} is passed over:")
        self._output.warn(error)
        if self._output.as_json:
            self._output.record({"archive": store.location, "error": described(error)})

    def start(self, what: str, total_bytes: int | None) -> None:
        """Nothing to tell: one archive follows the other."""

    def add(self, source_bytes: int) -> None:
        """Count what was read."""
        self._index_bytes += source_bytes

    def note(self, sentence: str) -> None:
        """Pass on what a reader should know."""
        self._output.talk(sentence)


def _show(output: Output, hit: Hit) -> None:
    if not output.as_json:
        output.data(f"{hit.size_bytes:>14} {time_in_words(hit.mtime_ns)} {hit.archive} {readable(hit.path)}")
        return
    output.record(
        {
            "archive": hit.archive,
            "path": readable(hit.path),
            "path_hex": hit.path.hex(),
            "type": hit.type,
            "size_bytes": hit.size_bytes,
            "mtime": time_in_words(hit.mtime_ns),
        }
    )
