"""Manifests: attributes in sections, in lines of at most 72 bytes (JAR File Specification)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from seemachine.jar.errors import JarError

LINE_BYTES = 70
# From the end of a line on, as many empty ones as there are.
_BLANKS = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)+")
Attributes = dict[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Attributes of the whole, and of each name. Names of attributes are as they were written."""

    main: Attributes
    sections: dict[str, Attributes]


def read(data: bytes) -> Manifest:
    """Raises JarError."""
    blocks = [_attributes(block) for block in _blocks(data)]
    main, sections = (blocks[0] if blocks else {}), dict[str, Attributes]()
    for block in blocks[1:]:
        name = block.pop(_named(block))
        sections.setdefault(name, {}).update(block)
    return Manifest(main, sections)


def pieces(data: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The main section and that of each name as they stand, with the empty lines at their ends.

    Raises JarError, also where a name has two, or the main section is not there.
    """
    found, begin = list[bytes](), 0
    for blank in _BLANKS.finditer(data):
        found.append(data[begin : blank.end()])
        begin = blank.end()
    main, *rest = [*found, data[begin:]] if begin < len(data) or not found else found
    named = {name: each for each in rest for name in read(b"\n\n" + each).sections}
    if len(named) != len(rest) or list(named) != list(read(data).sections):
        raise JarError("the sections of its manifest can't be told apart")
    return main, named


def section(attributes: Iterable[tuple[str, str]]) -> bytes:
    """Lines, folded, and the empty one at their end. Raises JarError for a value that would be
    lines of its own.
    """
    return b"".join(_line(name, value) for name, value in attributes) + b"\r\n"


def _line(name: str, value: str) -> bytes:
    if any(character in value for character in "\r\n\0"):
        raise JarError(f"{value!r} can't stand in a manifest")
    line = f"{name}: {value}".encode()
    pieces = [line[:LINE_BYTES]]
    rest = line[LINE_BYTES:]
    while rest:
        pieces.append(b" " + rest[: LINE_BYTES - 1])
        rest = rest[LINE_BYTES - 1 :]
    return b"".join(piece + b"\r\n" for piece in pieces)


def _blocks(data: bytes) -> list[list[bytes]]:
    """Unfolded lines between empty ones; the first block may have none. A line may be folded within
    a character.
    """
    found: list[list[bytes]] = [[]]
    for line in data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        if line.startswith(b" ") and found[-1]:
            found[-1][-1] += line[1:]
        elif line:
            found[-1].append(line)
        elif found[-1] or len(found) == 1:
            found.append([])
    return found if found[-1] else found[:-1]


def _attributes(lines: list[bytes]) -> Attributes:
    found: Attributes = {}
    for line in lines:
        try:
            name, separator, value = line.decode().partition(": ")
        except UnicodeDecodeError:
            raise JarError("its manifest is not UTF-8") from None
        if not separator or name.lower() in map(str.lower, found):
            what = "a line that is not an attribute, or an attribute twice"
            raise JarError(f"its manifest has {what}: {name[:60]!r}")
        found[name] = value
    return found


def _named(block: Attributes) -> str:
    for name in block:
        if name.lower() == "name":
            return name
    raise JarError("its manifest has a section without a name")
