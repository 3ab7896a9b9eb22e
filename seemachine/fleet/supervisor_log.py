"""What a supervisor says: sentences at a terminal; else lines of JSON, like those of its machines
in the same log.
"""

import contextlib
import datetime as dt
import json
import sys

from seemachine import printing

EVENT = "fleet"


def info(sentence: str) -> None:
    """Something ordinary."""
    _write("info", sentence)


def warning(sentence: str) -> None:
    """Something that a person should see one day."""
    _write("warning", sentence)


def _write(level: str, sentence: str) -> None:
    now = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    entry = {"detail": sentence, "event": EVENT, "level": level, "timestamp": now}
    line = f"{EVENT}: {sentence}" if sys.stderr.isatty() else json.dumps(entry)
    # No log is worth a fleet.
    with contextlib.suppress(OSError):
        printing.say(line, file=sys.stderr, flush=True)
