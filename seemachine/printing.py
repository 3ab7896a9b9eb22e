"""Where all lines come from that our commands print.

Nothing else in them calls `print`: the linter sees to that.

What is printed may hold words of a machine, of a file from elsewhere, or of a folder of somebody
else's. Here they stop being able to steer a terminal or to begin a line of their own.
"""

from collections.abc import Mapping
from typing import Any, TextIO

from seemachine.wire.printable import printable


def say(
    *parts: object, sep: str = " ", end: str = "\n", file: TextIO | None = None, flush: bool = False
) -> None:
    """`print`, but that no part breaks its line or has a character that a terminal obeys; these are
    shown as escapes.
    """
    print(*(printable(str(part)) for part in parts), sep=sep, end=end, file=file, flush=flush)


def has_colors(environ: Mapping[str, str]) -> bool:
    """Whether a terminal shows colours, and its user wants them (no-color.org)."""
    return environ.get("TERM", "dumb") != "dumb" and not environ.get("NO_COLOR")


def say_json(document: Any, *, indent: int | None = 2) -> None:
    """One JSON document in ASCII, whose strings come back whole when it is read."""
    import json

    # The only control character that JSON has no need to escape (RFC 8259 7).
    text = json.dumps(document, indent=indent).replace("\x7f", "\\u007f")
    print(text, flush=True)  # noqa: T201
