"""Ledgers of backups, kept in the world for `seemachine audit`: archive/<ESN>-<NVRAM>.jsonl."""

import json
import re
from pathlib import Path
from typing import Any

from seemachine.backup.archive import ARCHIVE, ArchiveError
from seemachine.backup.steps import Step
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.records import MAX_LEAVES
from seemachine.wire.names import FILE_NAME_BYTES, TOKEN_BYTES, is_esn, is_nvram
from seemachine.wire.printable import is_printable
from seemachine.world import World

# Digests in hexadecimal begin with it when a client hashes; alone it waits for one.
AWAITED = "71"
BYTES = re.compile(r"([0-9a-f]{2})+", re.ASCII)
ROW = {
    "esn": str,
    "nvram": str,
    "row": int,
    "file": str,
    "leaf": int,
    "digest": str,
    "token": str,
    "client": str,
    "time": int,
}

# The row of each leaf, by NVRAM file and number.
Rows = dict[tuple[str, int], dict[str, Any]]


def rows_in(data: bytes) -> Rows:
    """The rows of a ledger. Raises ArchiveError for what is none."""
    found: Rows = {}
    for line in data.splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise ArchiveError("a line of a ledger can't be read") from None
        if (
            type(row) is not dict
            or any(type(row.get(name)) is not kind for name, kind in ROW.items())
            or not _can_be(row)
        ):
            raise ArchiveError("a line of a ledger is not a row")
        found[row["file"], row["leaf"]] = row
    return found


def _can_be(row: dict[str, Any]) -> bool:
    """Whether each value is what it is called: `seemachine audit` makes lines of them."""
    machine = is_esn(row["esn"]) and is_nvram(row["nvram"])
    named = len(row["file"]) == 2 * FILE_NAME_BYTES and len(row["token"]) == 2 * TOKEN_BYTES
    octets = all(BYTES.fullmatch(row[name]) for name in ("file", "digest", "token"))
    return (
        machine
        and named
        and octets
        and is_printable(row["client"])
        and 0 <= row["leaf"] < MAX_LEAVES
    )


def keep(world: World, name: str, data: bytes, backup: str) -> Step:
    """Keep a ledger under its name.

    Of two the one with all rows of the other stays; where neither has, both do.
    """
    path = private_folder(world.archive) / name
    if not path.exists():
        replace_file(path, data)
        return Step("ledger", name, "written", f"ledger {name}: kept in {ARCHIVE}")
    mine, theirs = _rows_here(path), rows_in(data)
    if _covers(mine, theirs):
        return Step("ledger", name, "kept", f"ledger {name}: the one that is here has all its rows")
    if _covers(theirs, mine):
        replace_file(path, data)
        return Step("ledger", name, "replaced", f"ledger {name}: took the place of a shorter one")
    return _keep_both(path, data, backup, contradict=_contradict(mine, theirs))


def _rows_here(path: Path) -> Rows:
    try:
        return rows_in(path.read_bytes())
    except ArchiveError as error:
        raise ArchiveError(f"{path}: {error}; move it away, and restore again") from None


def _keep_both(path: Path, data: bytes, backup: str, *, contradict: bool) -> Step:
    second = path.with_name(f"{path.name.partition('.')[0]}.{backup}.jsonl")
    replace_file(second, data)
    if contradict:
        what = (
            f"ledger {path.name} contradicts the one in the backup: a leaf was handed out twice;"
            " both are kept, see: seemachine audit"
        )
        return Step("ledger", path.name, "contradicts", f"{what} {path.parent}", refused=True)
    return Step(
        "ledger",
        path.name,
        "both",
        f"ledger {path.name}: each of the two has rows that the other lacks; both are kept",
    )


def _covers(one: Rows, other: Rows) -> bool:
    return all(leaf in one and _follows(one[leaf], row) for leaf, row in other.items())


def _contradict(one: Rows, other: Rows) -> bool:
    return any(
        not _follows(one[leaf], other[leaf]) and not _follows(other[leaf], one[leaf])
        for leaf in one.keys() & other.keys()
    )


def _follows(later: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether a row is the same, or the same after its digest came.

    Their numbers may differ: old rows may have been dropped.
    """
    same = all(later[name] == row[name] for name in ("nvram", "token", "time"))
    awaited = row["digest"] == AWAITED and later["digest"].startswith(AWAITED)
    return same and (later["digest"] == row["digest"] or awaited)
