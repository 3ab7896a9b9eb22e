"""What the evidence proves. A leaf is named by its key and number; two signatures of one leaf that differ give the key away."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from seemachine.audit.evidence import SIGNATURE_ENDINGS, Evidence, Handed, Known, Signed
from seemachine.lms import engines
from seemachine.lms.hashing import finish_message, start_message
from seemachine.lms.keys import PublicKey, Signature
from seemachine.lms.verifying import candidate_root
from seemachine.wire.names import nvram_name, printed_name

REUSE, BAD, UNREAD, GAP, NOTE = "reuse", "bad", "unread", "gap", "note"
ORDER = (REUSE, BAD, UNREAD, GAP, NOTE)
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

    @property
    def complete(self) -> bool:
        """Everything could be read."""
        return not any(finding.kind == UNREAD for finding in self.findings)


def judge(evidence: Evidence) -> Verdict:
    """Look at everything."""
    known = list({key.key.encode(): key for key in evidence.keys}.values())
    owners = [_owner(known, signed) for signed in evidence.signatures]
    verified = [(signed, owner.key) for signed, owner in zip(evidence.signatures, owners, strict=True) if isinstance(owner, Known)]
    findings = [Finding(UNREAD, what) for what in evidence.unread]
    findings += [owner for owner in owners if isinstance(owner, Finding)]
    findings += [
        Finding(NOTE, f"{name} is no LMS or HSS signature of a known set", (name,))
        for name in evidence.unknown
        if name.endswith(SIGNATURE_ENDINGS)
    ]
    findings += _doubles(evidence.signatures)
    findings += _ledger_doubles(evidence.handed)
    findings += _against_ledgers(verified, evidence.handed)
    findings += _gaps(evidence, verified)
    return Verdict(
        findings=sorted(findings, key=lambda finding: ORDER.index(finding.kind)),
        verified=len(verified),
        signatures=len(evidence.signatures),
        keys=len(known),
        rows=len(evidence.handed),
    )


def _owner(keys: list[Known], signed: Signed) -> Known | Finding:
    """The key that a signature verifies with, or why there is none."""
    parts, source = signed.parts, (signed.source,)
    if signed.message is None:
        return Finding(NOTE, f"not verified: the message of {signed.source} is not here; name it with --message", source)
    candidates = [known for known in keys if (known.key.tree, known.key.ots) == (parts.tree, parts.ots)]
    if not candidates:
        return Finding(NOTE, f"not verified: no {parts.tree.name} {parts.ots.name} public key is here for {signed.source}", source)
    encoded = parts.encode()
    try:
        for known in candidates:
            if candidate_root(engines.select(), known.key, signed.pieces(), encoded) == known.key.root:
                # The next signature is likely to be of the same key.
                keys.remove(known)
                keys.insert(0, known)
                return known
    except OSError as error:
        return Finding(UNREAD, f"{signed.message!s}: {error.strerror}", source)
    over = f" over {signed.message}" if isinstance(signed.message, Path) else ""
    which = "the one key of its kind" if len(candidates) == 1 else f"any of the {len(candidates)} keys of its kind"
    what = f"{signed.source}{over} does not verify with {which}: damaged, over another message, or of a key that is not here"
    return Finding(BAD, what, source)


def _doubles(signatures: Iterable[Signed]) -> Iterator[Finding]:
    """Only one leaf of one key has this authentication path, so neither key nor message is needed to tell a leaf that was used twice."""
    leaves: dict[object, dict[bytes, Signed]] = defaultdict(dict)
    for signed in signatures:
        parts = signed.parts
        leaves[parts.tree, parts.ots, parts.leaf, parts.path].setdefault(parts.randomizer + parts.chains, signed)
    for found in leaves.values():
        different: list[Signed] = []
        for signed in found.values():
            like = next((other for other in different if _damaged(signed.parts, other.parts)), None)
            if like is None:
                different.append(signed)
            else:
                what = f"{signed.source} and {like.source} are one signature but for a few bytes: one of them is damaged"
                yield Finding(BAD, what, (signed.source, like.source))
        if len(different) > 1:
            sources = tuple(sorted(signed.source for signed in different))
            leaf = different[0].parts.leaf
            yield Finding(REUSE, f"leaf {leaf} of one key made {len(different)} different signatures: {', '.join(sources)}", sources)


def _damaged(one: Signature, other: Signature) -> bool:
    """Whether two signatures of a leaf are of one message. Those of two differ in half of their chains at least, but for rare luck."""
    n, p = one.ots.n, one.ots.p
    changed = sum(one.chains[place : place + n] != other.chains[place : place + n] for place in range(0, n * p, n))
    return changed * 4 < p


def _ledger_doubles(handed: Iterable[Handed]) -> Iterator[Finding]:
    """A leaf is in one ledger, once."""
    rows: dict[tuple[bytes, int], list[Handed]] = defaultdict(list)
    for row in handed:
        known = rows[row.file, row.leaf]
        if not any(row.same(other) for other in known):
            known.append(row)
    for (file, leaf), found in rows.items():
        if len(found) > 1:
            places = ", ".join(f"{row.esn} row {row.row} ({row.source})" for row in found)
            what = f"leaf {leaf} of {printed_name(file)} was handed out {len(found)} times: {places}"
            yield Finding(REUSE, what, tuple(sorted({row.source for row in found})))


def _against_ledgers(verified: list[tuple[Signed, PublicKey]], handed: list[Handed]) -> Iterator[Finding]:
    rows: dict[tuple[bytes, int], list[Handed]] = defaultdict(list)
    for row in handed:
        rows[row.file, row.leaf].append(row)
    files = {row.file for row in handed}
    for signed, key in verified:
        file, leaf = nvram_name(key.encode()), signed.parts.leaf
        if file in files and (file, leaf) not in rows:
            yield Finding(NOTE, f"{signed.source}: its leaf {leaf} is in none of the ledgers", (signed.source,))
        # A row that was read while Q was awaited says nothing of the message.
        conflict = next((row for row in rows.get((file, leaf), ()) if not row.awaited and not _bound_to(row, signed, key)), None)
        if conflict is not None:
            where = f"the ledger of {conflict.esn} ({conflict.source}, row {conflict.row})"
            what = f"leaf {leaf} of {printed_name(file)} signed another message than {where} says: {signed.source}"
            yield Finding(REUSE, what, (signed.source, conflict.source))


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
    leases = {nvram_name(known.key.encode()): known.lease for known in sorted(evidence.keys, key=lambda known: -known.lease)}
    used: dict[bytes, set[int]] = defaultdict(set)
    for row in evidence.handed:
        used[row.file].add(row.leaf)
    for signed, key in verified:
        used[nvram_name(key.encode())].add(signed.parts.leaf)
    for file, leaves in used.items():
        # Without the key nobody knows where a lease ends, and behind a lease leaves are free.
        for first, end in _holes(sorted(leaves), leases[file]) if file in leases else ():
            which = f"leaf {first}" if end - first == 1 else f"leaves {first} to {end - 1}"
            yield Finding(GAP, f"{which} of {printed_name(file)} never seen, between others of the lease that were used")


def _holes(leaves: list[int], lease: int) -> Iterator[tuple[int, int]]:
    """Ranges between two used leaves of one lease; the end is not included."""
    for before, after in pairwise(leaves):
        if after - before > 1 and before // lease == after // lease:
            yield before + 1, after
