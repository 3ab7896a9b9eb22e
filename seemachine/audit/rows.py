"""Rows of ledgers: the document of `seemachine ledger --json`, or lines of JSON, of `seemachine
ledger --json-lines` or of a backup.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seemachine.wire.names import FILE_NAME_BYTES, is_esn

MAX_LINE = 1 << 16
# A digest that begins with it is of a hash that a client made; alone it waits for one.
OF_HASH = b"q"
# What may stand before an object of JSON, in any of its encodings.
_BEFORE = b" \t\r\n\0\xef\xbb\xbf\xfe\xff"
_BEGINNING, _NAMES = b'{"esn":', (b'"esn"', b'"leaf"', b'"digest"')


@dataclass(frozen=True, slots=True)
class Handed:
    """A leaf that was handed out.

    By which machine and NVRAM, the number of the row, NVRAM file and leaf, what the leaf was bound
    to, and the request's token.
    """

    source: str
    esn: str
    nvram: str
    row: int
    file: bytes
    leaf: int
    digest: bytes
    token: str

    @property
    def awaited(self) -> bool:
        """Whether it was not known yet what the leaf signs."""
        return self.digest == OF_HASH

    @property
    def request(self) -> tuple[str, int, str]:
        """Which request the leaf was handed out to."""
        return self.nvram, self.row, self.token


def handed_from(values: Mapping[str, object], source: str) -> Handed:
    """A row of a ledger from its JSON form. Raises KeyError, ValueError, TypeError."""
    file, digest = bytes.fromhex(str(values["file"])), bytes.fromhex(str(values["digest"]))
    row, leaf, esn = int(str(values["row"])), int(str(values["leaf"])), str(values["esn"])
    if len(file) != FILE_NAME_BYTES or leaf < 0 or not is_esn(esn):
        raise ValueError("no row of a ledger")
    return Handed(source, esn, str(values["nvram"]), row, file, leaf, digest, str(values["token"]))


def row_in(line: bytes, source: str) -> Handed | None:
    """The row in a line, if it is one."""
    if not line.lstrip(_BEFORE).startswith(b"{"):
        return None
    try:
        return handed_from(json.loads(line), source)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def rows_in(lines: Iterable[bytes], source: str) -> tuple[list[Handed], str]:
    """The rows of a ledger, and which lines are none, if any."""
    rows: list[Handed] = []
    first = count = 0
    for number, line in enumerate(lines, 1):
        if (row := row_in(line, source)) is not None:
            rows.append(row)
        elif line.strip():
            first, count = first or number, count + 1
    more = f", nor are {count - 1} others" if count > 1 else ""
    return rows, f"line {first} is not a row of a ledger{more}" if count else ""


def ledger_in(data: bytes, source: str) -> tuple[list[Handed], str]:
    """The rows in some bytes, and why not all is one; both are empty for what is not a ledger."""
    document = _document_in(data)
    if document is not None:
        return _rows_of(document, source)
    begun = data.lstrip().startswith(_BEGINNING)
    if not begun and not all(name in data for name in _NAMES):
        return [], ""
    return rows_in(data.splitlines(), source)


def _document_in(data: bytes) -> dict[str, Any] | None:
    """What `seemachine ledger --json` printed, if that is what it is."""
    if not data.lstrip().startswith(b"{") or b'"rows"' not in data:
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    known = isinstance(found, dict) and found.get("command") == "ledger"
    return found if known and isinstance(found.get("rows"), list) else None


def _rows_of(document: dict[str, Any], source: str) -> tuple[list[Handed], str]:
    """What could not be asked to its end is not the whole picture."""
    rows, wrong = [], "" if document.get("ok") is True else "the ledger was not read to its end"
    for number, row in enumerate(document["rows"], 1):
        try:
            rows.append(handed_from(row, source))
        except (ValueError, KeyError, TypeError):
            wrong = f"row {number} is not a row of a ledger"
    return rows, wrong


def uses(rows: Iterable[Handed]) -> list[Handed]:
    """One row for each time that a leaf was handed out, whatever the order of the rows.

    A row that was read while its digest was awaited, and again later, tells of one use.
    """
    found: dict[tuple[str, int, str], dict[bytes, Handed]] = defaultdict(dict)
    for row in rows:
        found[row.request].setdefault(row.digest, row)
    for digests in found.values():
        if any(digest[:1] == OF_HASH and digest != OF_HASH for digest in digests):
            digests.pop(OF_HASH, None)
    return [row for digests in found.values() for row in digests.values()]
