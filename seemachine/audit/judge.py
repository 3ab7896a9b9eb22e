"""What the evidence proves. A leaf is named by its key and number; two signatures of one leaf that differ give the key away."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from seemachine.audit.evidence import Evidence, Handed, Known, Signed
from seemachine.lms import engines
from seemachine.lms.hashing import finish_message, start_message
from seemachine.lms.keys import PublicKey
from seemachine.lms.verifying import candidate_root

REUSE, BAD, GAP, NOTE = "reuse", "bad", "gap", "note"
WRONG = (REUSE, BAD)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: its kind, a sentence, and the files that prove it."""

    kind: str
    what: str
    sources: tuple[str, ...] = ()


@dataclass
class Verdict:
    """All findings, and how much was looked at."""

    findings: list[Finding] = field(default_factory=list)
    verified: int = 0
    signatures: int = 0
    keys: int = 0
    rows: int = 0

    @property
    def clean(self) -> bool:
        """No leaf was used twice, and no signature is bad."""
        return not any(finding.kind in WRONG for finding in self.findings)


def judge(evidence: Evidence) -> Verdict:
    """Look at everything."""
    owners = [_owner(evidence.keys, signed) for signed in evidence.signatures]
    verified = [(signed, owner.key) for signed, owner in zip(evidence.signatures, owners, strict=True) if isinstance(owner, Known)]
    findings = [owner for owner in owners if isinstance(owner, Finding)]
    bad = {finding.sources[0] for finding in findings if finding.kind == BAD}
    findings += _doubles(signed for signed in evidence.signatures if signed.source not in bad)
    findings += _ledger_doubles(evidence.handed)
    findings += _against_ledgers(verified, evidence.handed)
    findings += _gaps(evidence, verified)
    order = (REUSE, BAD, GAP, NOTE)
    return Verdict(
        findings=sorted(findings, key=lambda finding: order.index(finding.kind)),
        verified=len(verified),
        signatures=len(evidence.signatures),
        keys=len({known.key.encode() for known in evidence.keys}),
        rows=len(evidence.handed),
    )


def _owner(keys: Iterable[Known], signed: Signed) -> Known | Finding:
    """The key that a signature verifies with, or why there is none."""
    parts = signed.parts
    if signed.message is None:
        return Finding(NOTE, f"not verified: the message of {signed.source} is not here; name it with --message", (signed.source,))
    candidates = [known for known in keys if (known.key.tree, known.key.ots) == (parts.tree, parts.ots)]
    if not candidates:
        return Finding(
            NOTE, f"not verified: no {parts.tree.name} {parts.ots.name} public key is here for {signed.source}", (signed.source,)
        )
    encoded = parts.encode()
    for known in candidates:
        if candidate_root(engines.select(), known.key, signed.pieces(), encoded) == known.key.root:
            return known
    return Finding(BAD, f"{signed.source} verifies with none of the {len(candidates)} keys of its kind", (signed.source,))


def _doubles(signatures: Iterable[Signed]) -> Iterator[Finding]:
    """Only one leaf of one key has this authentication path, so neither key nor message is needed to tell a leaf that was used twice."""
    leaves: dict[object, dict[bytes, Signed]] = defaultdict(dict)
    for signed in signatures:
        parts = signed.parts
        leaves[parts.tree, parts.ots, parts.leaf, parts.path].setdefault(parts.randomizer + parts.chains, signed)
    for found in leaves.values():
        if len(found) > 1:
            sources = tuple(sorted(signed.source for signed in found.values()))
            leaf = next(iter(found.values())).parts.leaf
            yield Finding(REUSE, f"leaf {leaf} of one key made {len(found)} different signatures: {', '.join(sources)}", sources)


def _ledger_doubles(handed: Iterable[Handed]) -> Iterator[Finding]:
    """A leaf is in one ledger, once."""
    rows: dict[tuple[bytes, int], dict[tuple[str, bytes], Handed]] = defaultdict(dict)
    for row in handed:
        rows[row.file, row.leaf].setdefault((row.nvram, row.digest), row)
    for (file, leaf), found in rows.items():
        if len(found) > 1:
            places = ", ".join(f"{row.esn} row {row.row} ({row.source})" for row in found.values())
            what = f"leaf {leaf} of {file.hex(':', -4)} was handed out {len(found)} times: {places}"
            yield Finding(REUSE, what, tuple(sorted({row.source for row in found.values()})))


def _against_ledgers(verified: list[tuple[Signed, PublicKey]], handed: list[Handed]) -> Iterator[Finding]:
    rows = {(row.file, row.leaf): row for row in handed}
    files = {row.file for row in handed}
    for signed, key in verified:
        file, leaf = file_name(key), signed.parts.leaf
        row = rows.get((file, leaf))
        if row is None and file in files:
            yield Finding(NOTE, f"{signed.source}: its leaf {leaf} is in none of the ledgers", (signed.source,))
        if row is not None and not _bound_to(row, signed, key):
            what = f"leaf {leaf} of {file.hex(':', -4)} signed another message than the ledger of {row.esn} says: {signed.source}"
            yield Finding(REUSE, what, (signed.source, row.source))


def _bound_to(row: Handed, signed: Signed, key: PublicKey) -> bool:
    if row.digest[:1] == b"q":
        running = start_message(key.ots, key.identifier, signed.parts.leaf, signed.parts.randomizer)
    else:
        running = hashlib.sha256()
    for piece in signed.pieces():
        running.update(piece)
    return row.digest[1:] == (finish_message(key.ots, running) if row.digest[:1] == b"q" else running.digest())


def _gaps(evidence: Evidence, verified: list[tuple[Signed, PublicKey]]) -> Iterator[Finding]:
    """Leaves between used ones of a lease that nobody used: burned by a crash, or on a machine whose ledger is not here."""
    leases = {file_name(known.key): known.lease for known in sorted(evidence.keys, key=lambda known: -known.lease)}
    used: dict[bytes, set[int]] = defaultdict(set)
    for row in evidence.handed:
        used[row.file].add(row.leaf)
    for signed, key in verified:
        used[file_name(key)].add(signed.parts.leaf)
    for file, leaves in used.items():
        size = leases.get(file, 1 << 32)
        for first, end in _holes(sorted(leaves), size):
            which = f"leaf {first}" if end - first == 1 else f"leaves {first} to {end - 1}"
            yield Finding(GAP, f"{which} of {file.hex(':', -4)} never seen")


def _holes(leaves: list[int], lease: int) -> Iterator[tuple[int, int]]:
    """Ranges between two used leaves of one lease; the end is not included."""
    for before, after in pairwise(leaves):
        if after - before > 1 and before // lease == after // lease:
            yield before + 1, after


def file_name(key: PublicKey) -> bytes:
    """The NVRAM file that holds leaves of a key."""
    return b"lms" + key.root[:8]
