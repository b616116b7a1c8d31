"""``make scale``: a whole night; what it came to is written beside this file and to docs/scale.md."""

from __future__ import annotations

import argparse
import gc
import json
import math
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.scale import page
from tests.scale.night import Night, Plan
from tests.scale.outcome import broken, numbers

from backup_actions_local.databases import DatabaseImage, PostgreSql, shop
from backup_actions_local.seaweed import object_server


def main() -> int:
    """0 when everything held."""
    parser = argparse.ArgumentParser(prog="make scale ARGS=…", description=__doc__)
    parser.add_argument("--points", type=int, default=10_000, help="how many recovery points appear (default 10,000)")
    parser.add_argument("--vcpus-per-zone", type=int, default=32, help="how many vCPUs jobs have (default 32)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="after so many no more of them appear")
    parser.add_argument("--dry-run", action="store_true", help="say what it came to and write nothing")
    arguments = parser.parse_args()
    plan = Plan(points=arguments.points, vcpus_per_zone=arguments.vcpus_per_zone, at_most_minutes=arguments.minutes)
    gc.set_threshold(50_000, 20, 50)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = DatabaseImage.made(PostgreSql(), folder / "shop.tar", shop.fill)
        with (
            object_server(folder / "objects") as objects,
            Night.begun(folder, objects, image, plan) as night,
        ):
            gc.freeze()
            night.pass_by()
            wrong, found = broken(night), numbers(night)
    found["broken"] = len(wrong)
    found["on"] = datetime.now(UTC).date().isoformat()
    sys.stdout.write("".join(f"{sentence}\n" for sentence in wrong) + json.dumps(found, indent=2) + "\n")
    if not arguments.dry_run:
        page.write(found)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
