"""What the evidence proves.

A leaf is named by its key and number; two signatures of one leaf that differ give the key away.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seemachine.audit.evidence import Evidence, Known, KnownSignature
from seemachine.audit.files import sentence
from seemachine.audit.findings import BAD, GAP, NOTE, REUSE, UNREAD, Finding, Judged
from seemachine.audit.ledgers import against_ledgers, gaps, ledger_doubles
from seemachine.lms import engines
from seemachine.lms.hss import HssPublicKey, candidate_roots
from seemachine.lms.keys import PublicKey, Signature
from seemachine.lms.parameters import ParameterError

ORDER = (REUSE, BAD, UNREAD, GAP, NOTE)
WRONG = (REUSE, BAD)


@dataclass
class Verdict:
    """All findings, and how much was looked at."""

    findings: list[Finding]
    verified: int
    signatures: int
    keys: int
    rows: int

    @property
    def wrong(self) -> bool:
        """A leaf was used twice, or a signature is bad."""
        return any(finding.kind in WRONG for finding in self.findings)

    @property
    def complete(self) -> bool:
        """Everything could be read and verified."""
        return not any(finding.kind == UNREAD for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Everything was looked at, and nothing is wrong."""
        return self.complete and not self.wrong


def judge(evidence: Evidence, *, reuse_only: bool = False) -> Verdict:
    """Look at everything. Asked for reuse alone, a signature needs no key and no message."""
    by_source = sorted(evidence.keys, key=lambda known: known.source, reverse=True)
    known = list({each.key.encode(): each for each in by_source}.values())
    missing = NOTE if reuse_only else UNREAD
    owners = [_owner(known, signed, missing) for signed in evidence.signatures]
    both = zip(evidence.signatures, owners, strict=True)
    judged = [each for signed, owner in both for each in _judged(signed, owner)]
    findings = [Finding(UNREAD, what) for what in evidence.unread]
    findings += [owner for owner in owners if isinstance(owner, Finding)]
    findings += _doubles(judged)
    findings += ledger_doubles(evidence.handed)
    findings += against_ledgers(judged, evidence.handed)
    findings += gaps(evidence, judged)
    keys = {each.key.key for each in known}
    keys |= {key for signed in evidence.signatures for key in signed.signature.keys}
    return Verdict(
        findings=sorted(findings, key=lambda finding: ORDER.index(finding.kind)),
        verified=sum(each.key is not None for each in judged),
        signatures=len(judged),
        keys=len(keys),
        rows=len(evidence.handed),
    )


def _judged(signed: KnownSignature, owner: Known | Finding) -> list[Judged]:
    """The leaves of a signature; its keys of lower levels are proven by the one that owns it."""
    if isinstance(owner, Finding):
        return [Judged(use, None) for use in signed.uses()]
    keys = (owner.key.key, *signed.signature.keys)
    return [Judged(use, key) for use, key in zip(signed.uses(), keys, strict=True)]


def _owner(keys: list[Known], signed: KnownSignature, missing: str) -> Known | Finding:
    """The key that a signature verifies with, or why there is none."""
    top, source = signed.signature.signatures[0], (signed.source,)
    if signed.message is None:
        what = f"the message of {signed.source} is not here; name it with --message"
        return Finding(missing, f"not verified: {what}", source)
    kind = [known for known in keys if known.is_of(top)]
    if not kind:
        what = f"no {top.tree.name} {top.ots.name} public key is here for {signed.source}"
        return Finding(missing, f"not verified: {what}", source)
    try:
        return _proven_by(kind, keys, signed)
    except OSError as error:
        return Finding(UNREAD, f"{signed.message!s}: {sentence(error)}", source)


def _proven_by(kind: list[Known], keys: list[Known], signed: KnownSignature) -> Known | Finding:
    """The key of a signature, which is put before the others. Raises OSError."""
    levels, proofs = signed.signature.levels, []
    for known in kind:
        proven = _proven(known.key.key, signed)
        if proven == levels == known.key.levels:
            # The next signature is likely to be of the same key.
            keys.remove(known)
            keys.insert(0, known)
            return known
        proofs.append((proven, known))
    return Finding(BAD, _why_bad(signed, proofs), (signed.source,))


def _proven(key: PublicKey, signed: KnownSignature) -> int:
    """How many levels of a signature verify when the top one is of `key`. Raises OSError."""
    made, proven = signed.signature, 0
    top, message = HssPublicKey(made.levels, key), signed.uses()[-1].pieces()
    with suppress(ParameterError):
        for expected, computed in candidate_roots(engines.select(), top, message, made):
            if expected != computed:
                break
            proven += 1
    return proven


def _why_bad(signed: KnownSignature, proofs: list[tuple[int, Known]]) -> str:
    levels = signed.signature.levels
    proven, known = max(proofs, key=lambda proof: proof[0])
    if proven == levels:
        there = f"{_number(levels)}, its key in {known.source} {_number(known.key.levels)}"
        return f"{signed.source} has {there}: it is not a signature of that key (RFC 8554 6.3)"
    over = f" over {signed.message}" if isinstance(signed.message, Path) else ""
    if proven:
        what = f"level {proven} of {levels} does not verify with the one above"
        return f"{signed.source}{over}: {what}"
    one = len(proofs) == 1
    which = "the one key of its kind" if one else f"any of the {len(proofs)} keys of its kind"
    why = "damaged, over another message, or of a key that is not here"
    return f"{signed.source}{over} does not verify with {which}: {why}"


def _number(levels: int) -> str:
    return f"{levels} level{'s' * (levels > 1)}"


def _doubles(judged: Iterable[Judged]) -> Iterator[Finding]:
    """Leaves that made two signatures, with and without keys and messages.

    Only one leaf of one key has this authentication path, so it names the leaf.
    """
    leaves: dict[object, dict[bytes, Judged]] = defaultdict(dict)
    for each in sorted(judged, key=_proven_first):
        parts = each.use.parts
        leaf = leaves[parts.tree, parts.ots, parts.leaf, parts.path]
        leaf.setdefault(_made(parts), each)
    for found in leaves.values():
        yield from _doubles_of_a_leaf(found.values())


def _made(parts: Signature) -> bytes:
    """What differs between two signatures of one leaf."""
    return parts.randomizer + parts.chains


def _proven_first(judged: Judged) -> tuple[bool, str, bytes]:
    """An order that does not depend on which file was read first."""
    return judged.key is None, judged.use.source, _made(judged.use.parts)


def _doubles_of_a_leaf(found: Iterable[Judged]) -> Iterator[Finding]:
    """What is proven goes first: of two signatures that are nearly one, the other is damaged."""
    different: list[Judged] = []
    for each in found:
        like = next((other for other in different if _one_of_them_damaged(each, other)), None)
        if like is None:
            different.append(each)
            continue
        sources = (each.use.source, like.use.source)
        what = f"{sources[0]} and {sources[1]} are one signature but for a few bytes"
        yield Finding(BAD, f"{what}: one of them is damaged", sources)
    if len(different) > 1:
        names = tuple(sorted(each.use.source for each in different))
        made = f"leaf {different[0].use.parts.leaf} of one key made {len(different)}"
        yield Finding(REUSE, f"{made} different signatures: {', '.join(names)}", names)


def _one_of_them_damaged(one: Judged, other: Judged) -> bool:
    """Two that verify are two signatures, however near they are."""
    proven = one.key is not None and other.key is not None
    return not proven and _damaged(one.use.parts, other.use.parts)


def _damaged(one: Signature, other: Signature) -> bool:
    """Whether two signatures of a leaf are of one message.

    Those of two differ in half of their chains at least, but for rare luck.
    """
    n, p = one.ots.n, one.ots.p
    changed = sum(
        one.chains[place : place + n] != other.chains[place : place + n]
        for place in range(0, n * p, n)
    )
    return changed * 4 < p
