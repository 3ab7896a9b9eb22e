"""Our docstrings are plain text with `code` in single backticks and indented examples. This makes
reStructuredText of them, for the reference that autodoc builds.
"""

import re
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx

# `code`, which is not yet ``code`` and no role.
CODE = re.compile(r"(?<![`:\w])`([^`\n]+)`(?!`)")


def convert(lines: list[str]) -> Iterator[str]:
    """The lines of a docstring: indented blocks become literal ones, the rest is escaped."""
    literal, before = False, ""
    for line in lines:
        indented = line.startswith("    ")
        if indented and not literal and not before:
            yield from ("::", "")
            literal = True
        elif line and not indented:
            literal = False
        yield line if literal else escaped(line)
        before = line.strip()


def escaped(line: str) -> str:
    """Code in double backticks; stars, bars and underlines outside of it as they are."""
    parts = CODE.split(line)
    return "".join(
        f"``{part}``" if number % 2 else re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", part)
        for number, part in enumerate(parts)
    )


def process(*called: Any) -> None:
    """What autodoc calls for each docstring; its lines come last."""
    lines: list[str] = called[-1]
    lines[:] = convert(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's way in."""
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
