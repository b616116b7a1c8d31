"""What a function's process starts with: ``python -m …hosting.function CODE``; an event a line, a result a line."""

from __future__ import annotations

import json
import os
import sys
from typing import TextIO

from backup_actions.model.progress import Silence
from backup_actions_local.services.hosting.inline import error_of, load
from backup_actions_local.services.hosting.world import world_here


def main(code: str, events: TextIO, answers: TextIO) -> None:
    """Answer every event of a line with a line, until there are no more."""
    step, world = load(code), world_here(Silence())
    for line in events:
        try:
            answer = json.dumps({"result": step(world, json.loads(line))})
        except Exception as error:  # noqa: BLE001 - whatever the code raises is the function's error
            answer = json.dumps({"error": error_of(error).payload()})
        answers.write(answer + "\n")
        answers.flush()


if __name__ == "__main__":
    # what the code prints must not pass for an answer
    private = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    main(sys.argv[1], sys.stdin, private)
