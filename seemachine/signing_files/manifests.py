"""Lists of files with their digests, as sha256sum, sha384sum and sha512sum print them.

    DIGEST  NAME            DIGEST *NAME            SHA256 (NAME) = DIGEST

A line that begins with a backslash has a name in which a backslash, a line feed and a carriage
return are written as two characters. Names are relative to the current folder, as they are for
`sha256sum --check`.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from seeclient import files

from seemachine.signing_files import manners
from seemachine.signing_files.refusing import WHERE, refuse
from seemachine.signing_files.sources import ITS_TITLE, STANDARD_INPUT, Source

MOST_BYTES = 64 << 20
BY_DIGITS = {64: "sha256", 96: "sha384", 128: "sha512"}
PLAIN = re.compile(rb"(\\?)([0-9A-Fa-f]{32,}) [ *](.+)", re.DOTALL)
TAGGED = re.compile(rb"(\\?)([A-Z0-9/-]+) \((.+)\) = ([0-9A-Fa-f]+)", re.DOTALL)
ESCAPED = re.compile(rb"\\(.?)", re.DOTALL)
MEANT = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}


def sources(path: Path, standard_input: bytes | None) -> Iterator[Source]:
    """The files of a list, each with the digest that it states. Raises StatusError, which names
    the line.
    """
    title = ITS_TITLE if str(path) == STANDARD_INPUT else str(path)
    data = standard_input if str(path) == STANDARD_INPUT else _whole(path)
    if data is None or len(data) > MOST_BYTES:
        refuse(f"{title} has more than {MOST_BYTES >> 20} MiB, which no list of digests has")
    lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        refuse(f"{title} lists no files")
    for number, line in numbered:
        yield _source(line, f"{title}, line {number}")


def by_key(listed: Iterable[Source]) -> dict[str, Source]:
    """The files of a list, each once. Raises StatusError where two lines state two digests of one,
    since one of them can't be right, or can't be compared with the other.
    """
    found: dict[str, Source] = {}
    for source in listed:
        if found.setdefault(source.key, source).stated != source.stated:
            refuse(f"{source.name} is listed twice, with two digests; list it once")
    return found


def check(source: Source) -> None:
    """That a file is the one whose digest the list states. Raises StatusError."""
    if source.stated is None:
        return
    name, stated = source.stated
    if manners.digest(name, source.content) != stated:
        refuse(
            f"{source.name} has another {manners.title(name)} than the list states; it was changed,"
            " or is another file"
        )


def _whole(path: Path) -> bytes:
    """One byte more than a list may have is enough of what has no end. Raises StatusError."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise files.refusal(path, error, WHERE) from None


def _source(line: bytes, where: str) -> Source:
    name, digits, path = _read(line, where)
    if "\0" in path:
        refuse(f"{where}: a name has no zero byte")
    return Source(path, Path(path), _below(path), (name, bytes.fromhex(digits)))


def _read(line: bytes, where: str) -> tuple[str, str, str]:
    """Name and digits of the digest, name of the file."""
    if found := TAGGED.fullmatch(line):
        escaped, tag, name, digits = found.groups()
        kind = tag.decode().lower().replace("-", "")
        if kind not in manners.DIGESTS:
            refuse(f"{where}: {tag.decode()} is none of {', '.join(manners.DIGESTS)}")
        if BY_DIGITS.get(len(digits)) != kind:
            refuse(f"{where}: {len(digits)} digits are no {manners.title(kind)}")
    elif found := PLAIN.fullmatch(line):
        escaped, digits, name = found.groups()
        kind = BY_DIGITS.get(len(digits), "")
        if not kind:
            refuse(
                f"{where}: a digest of {len(digits)} digits is none of"
                f" {', '.join(manners.DIGESTS)}; make the list with sha256sum"
            )
    else:
        refuse(f"{where}: it is not DIGEST  NAME, as sha256sum prints it")
    return kind, digits.decode(), os.fsdecode(_unescaped(name, where) if escaped else name)


def _unescaped(name: bytes, where: str) -> bytes:
    def meant(found: re.Match[bytes]) -> bytes:
        if found[1] not in MEANT:
            refuse(f"{where}: a backslash in a name stands before a backslash, n or r")
        return MEANT[found[1]]

    return ESCAPED.sub(meant, name)


def _below(name: str) -> str:
    """In a folder of signatures; nothing for what would be elsewhere."""
    path = Path(name)
    return "" if path.is_absolute() or ".." in path.parts else str(path)
