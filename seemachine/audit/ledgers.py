"""Whether rows of ledgers contradict each other, or what a leaf signed."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, pairwise
from typing import Any

from seemachine.audit.doubles import parts_of
from seemachine.audit.evidence import Evidence, KnownSignature, LeafUse
from seemachine.audit.findings import GAP, NOTE, REUSE, UNREAD, Finding
from seemachine.audit.rows import OF_HASH, Handed, uses
from seemachine.lms.bulk import on_all_cores
from seemachine.lms.hashing import finish_message, start_message
from seemachine.lms.keys import PublicKey
from seemachine.wire.names import printed_name

# Leaves that are held against rows at a time, and in one task.
WINDOW, SHARE = 2048, 64


def ledger_doubles(handed: Iterable[Handed]) -> Iterator[Finding]:
    """A leaf is in one ledger, once."""
    for (file, leaf), rows in _by_leaf(handed).items():
        found = uses(rows)
        if len(found) > 1:
            places = ", ".join(f"{row.esn} row {row.row} ({row.source})" for row in found)
            times = f"was handed out {len(found)} times: {places}"
            sources = tuple(sorted({row.source for row in found}))
            yield Finding(REUSE, f"leaf {leaf} of {printed_name(file)} {times}", sources)


def _by_leaf(handed: Iterable[Handed]) -> dict[tuple[bytes, int], list[Handed]]:
    rows: dict[tuple[bytes, int], list[Handed]] = defaultdict(list)
    for row in sorted(handed, key=lambda row: (row.esn, row.row, row.source, row.digest)):
        rows[row.file, row.leaf].append(row)
    return rows


def against_ledgers(
    signatures: Iterable[KnownSignature], handed: Sequence[Handed]
) -> Iterator[Finding]:
    """Leaves that signed another message than a ledger says, or that no ledger knows."""
    if not handed:
        return
    rows = _by_leaf(handed)
    files = {row.file for row in handed}
    known = ((use, key) for use, key in _proven_uses(signatures) if key.file_name in files)
    while window := list(islice(known, WINDOW)):
        for found in on_all_cores(partial(_of_uses, rows), window, SHARE):
            yield from found


def _of_uses(
    rows: Mapping[tuple[bytes, int], list[Handed]], uses: Iterable[tuple[LeafUse, PublicKey]]
) -> list[list[Finding]]:
    return [list(_against(use, key, rows.get((key.file_name, use.leaf), []))) for use, key in uses]


def _against(use: LeafUse, key: PublicKey, rows: list[Handed]) -> Iterator[Finding]:
    source = use.source
    if not rows:
        yield Finding(NOTE, f"{source}: its leaf {use.leaf} is in none of the ledgers", (source,))
    try:
        yield from _contradiction(use, key, rows)
    except OSError as error:
        yield Finding(UNREAD, use.signature.unread(error), (source,))


def _contradiction(use: LeafUse, key: PublicKey, rows: list[Handed]) -> Iterator[Finding]:
    """A row that says another message than a leaf signed. Raises OSError."""
    # A row that was read while Q was awaited says nothing of the message.
    known = (row for row in rows if not row.awaited)
    row = next((row for row in known if not _bound_to(row, use, key)), None)
    if row is not None:
        where = f"the ledger of {row.esn} ({row.source}, row {row.row})"
        leaf = f"leaf {use.leaf} of {printed_name(row.file)}"
        what = f"{leaf} signed another message than {where} says: {use.source}"
        yield Finding(REUSE, what, (use.source, row.source))


def _bound_to(row: Handed, use: LeafUse, key: PublicKey) -> bool:
    if row.digest[:1] != OF_HASH:
        return bool(row.digest[1:] == _hashed(hashlib.sha256(), use).digest())
    running = start_message(key.ots, key.identifier, use.leaf, parts_of(use).randomizer)
    digest: bytes = finish_message(key.ots, _hashed(running, use))
    return row.digest[1:] == digest


def _hashed(running: Any, use: LeafUse) -> Any:
    use.hash_into(running)
    return running


def gaps(evidence: Evidence) -> Iterator[Finding]:
    """Leaves between used ones of a lease that nobody used.

    They were burned by a crash, or are in the ledger of a machine which is not here.
    """
    leases: dict[bytes, int] = {}
    used: dict[bytes, list[int]] = defaultdict(list)
    for row in evidence.handed:
        used[row.file].append(row.leaf)
    for key, leaf in _proven_leaves(evidence.signatures):
        leases[key.file_name] = 1 << key.tree.h
        used[key.file_name].append(leaf)
    for known in sorted(evidence.keys, key=lambda known: -known.lease):
        leases[known.key.key.file_name] = known.lease
    for file, leaves in used.items():
        # Without the key nobody knows where a lease ends, and after a lease leaves are free.
        holes = _holes(sorted(set(leaves)), leases[file]) if file in leases else ()
        for first, end in holes:
            which = f"leaf {first}" if end - first == 1 else f"leaves {first} to {end - 1}"
            what = "never seen, between others of the lease that were used"
            yield Finding(GAP, f"{which} of {printed_name(file)} {what}")


def _proven_leaves(signatures: Iterable[KnownSignature]) -> Iterator[tuple[PublicKey, int]]:
    for signature in signatures:
        if signature.owner is not None:
            keys = (signature.owner.key.key, *signature.keys)
            yield from zip(keys, signature.leaves(), strict=True)


def _proven_uses(signatures: Iterable[KnownSignature]) -> Iterator[tuple[LeafUse, PublicKey]]:
    for use in (use for signature in signatures for use in signature.uses()):
        if (key := use.key) is not None:
            yield use, key


def _holes(leaves: list[int], lease: int) -> Iterator[tuple[int, int]]:
    """Ranges between two used leaves of one lease; the end is not included."""
    for before, after in pairwise(leaves):
        if after - before > 1 and before // lease == after // lease:
            yield before + 1, after
