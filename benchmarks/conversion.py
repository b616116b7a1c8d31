"""DynamoDB's JSON to Parquet: ours, checked and with an exact copy of each item, against DuckDB's reader and writer."""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.contenders import OURS, Contender

FILES = 4
CONVERSIONS = [
    Contender(OURS, 'python -m benchmarks.conversion "$SOURCE" "$REPOSITORY"'),
    Contender("DuckDB read_json, COPY", 'python -m benchmarks.conversion --duckdb "$SOURCE" "$REPOSITORY"'),
]


def exported_table(folder: Path, items: int) -> Path:
    """An export of a table of orders, made once: texts, numbers, flags, a map, a list of maps, a set, and gaps."""
    place = folder / f"dynamodb-{items}"
    if place.exists():
        return place
    unfinished = folder / "dynamodb-unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    chance = random.Random(1)  # noqa: S311 - the same data every time
    listed = []
    for number in range(FILES):
        name, count = f"{number}.json.gz", items // FILES
        with gzip.open(unfinished / name, "wb", compresslevel=6) as file:
            for item in _orders(chance, number * count, count):
                file.write(json.dumps({"Item": item}, separators=(",", ":")).encode() + b"\n")
        md5 = hashlib.md5((unfinished / name).read_bytes(), usedforsecurity=False).digest()
        listed.append({"name": name, "md5": base64.b64encode(md5).decode(), "items": count})
    (unfinished / "files.json").write_text(json.dumps(listed), encoding="utf-8")
    return unfinished.rename(place)


def _orders(chance: random.Random, first: int, count: int) -> Iterator[dict[str, Any]]:
    for number in range(first, first + count):
        item: dict[str, Any] = {
            "customer": {"S": f"customer#{number % 5000:06d}"},
            "order": {"S": f"2026-11-{1 + number % 28:02d}#{number:08d}"},
            "status": {"S": chance.choice(["new", "paid", "shipped", "returned"])},
            "total": {"N": f"{chance.randrange(1, 100000) / 100:.2f}".rstrip("0").rstrip(".")},
            "quantity": {"N": str(chance.randrange(1, 20))},
            "created": {"S": f"2026-11-{1 + number % 28:02d}T10:{number % 60:02d}:00Z"},
            "gift": {"BOOL": number % 10 == 0},
            "address": {
                "M": {
                    "street": {"S": f"Road {number % 999}"},
                    "city": {"S": chance.choice(["Bonn", "Oslo", "Rome"])},
                    "zip": {"N": str(10000 + number % 9999)},
                }
            },
            "lines": {
                "L": [
                    {"M": {"sku": {"S": f"sku-{chance.randrange(9999)}"}, "n": {"N": str(chance.randrange(1, 5))}}}
                    for _ in range(1 + number % 3)
                ]
            },
            "tags": {"SS": [f"a{number % 7}", f"b{number % 11}"]},
            "version": {"N": str(number)},
        }
        if number % 3 == 0:
            item["note"] = {"S": "x" * (number % 80)}
        yield item


def main() -> None:
    """Convert once, by one of the two."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conversion", description=__doc__)
    parser.add_argument("--duckdb", action="store_true")
    parser.add_argument("source", type=Path)
    parser.add_argument("to", type=Path)
    asked = parser.parse_args()
    (_by_duckdb if asked.duckdb else _by_us)(asked.source, asked.to)


def _by_us(source: Path, to: Path) -> None:
    from backup_actions.archive import FolderStore
    from backup_actions.parquet import ExportFile, convert

    files = [ExportFile(**file) for file in json.loads((source / "files.json").read_text(encoding="utf-8"))]
    keys = {"customer": "S", "order": "S"}
    convert(files, source=FolderStore(source), to=FolderStore(to), keys=keys)


def _by_duckdb(source: Path, to: Path) -> None:
    import duckdb

    to.mkdir(parents=True, exist_ok=True)
    read = f"read_json('{source}/*.json.gz', format = 'newline_delimited')"
    duckdb.sql(f"COPY (FROM {read}) TO '{to}/table.parquet' (FORMAT parquet)")


if __name__ == "__main__":
    main()
