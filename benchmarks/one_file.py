"""One small file out of a large archive that lies in S3: by its index, and by reading everything."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import boto3
from botocore.config import Config

from backup_actions.archive import Archive, S3Store, archive
from backup_actions_local.seaweed import ObjectServer, object_server

_BUCKET = "archives"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What it took to get a file."""

    name: str
    seconds: float
    index_bytes: int
    content_bytes: int


class _Counting(S3Store):
    """Counts what is read of each object."""

    read_bytes: ClassVar[Counter[str]] = Counter()

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        data = super().read(name, start, end)
        self.read_bytes[name] += len(data)
        return data


def one_file(source: Path, folder: Path) -> tuple[list[Fetched], int]:
    """What each way took, and how long the archive is. The file is one from the middle of the tree."""
    with object_server(folder / "server") as server:
        client = boto3.client(
            "s3",
            endpoint_url=server.endpoint,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            region_name="us-east-1",
            config=Config(s3={"payload_signing_enabled": False, "addressing_style": "path"}),
        )
        client.create_bucket(Bucket=_BUCKET)
        manifest = archive(source, S3Store(client=client, bucket=_BUCKET, prefix="one"))
        paths = [path for path in sorted(source.rglob("*")) if path.is_file()]
        wanted = paths[len(paths) // 2].relative_to(source)
        store = _Counting(client=client, bucket=_BUCKET, prefix="one")
        content = b"".join(Archive.open(store).read_file(str(wanted)))
        if content != (source / wanted).read_bytes():
            raise AssertionError(f"{wanted} came back as something else")
        member = manifest.members[0]
        place, stored = f"s3://{_BUCKET}/one", member.object.size_bytes
        fetched = [
            Fetched(
                "backup-actions extract",
                _seconds(f'backup-actions extract {place} "{wanted}" --to - | cat', server),
                store.read_bytes["index.parquet"],
                store.read_bytes[member.object.name],
            ),
            Fetched(
                "aws s3 cp, zstd -d, tar -xO",
                _seconds(f'aws s3 cp {place}/{member.object.name} - | zstd -dc | tar -xO "./{wanted}" | cat', server),
                0,
                stored,
            ),
        ]
        return fetched, stored


def _seconds(command: str, server: ObjectServer) -> float:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    began = time.perf_counter()
    subprocess.run(["bash", "-o", "pipefail", "-c", command], env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
