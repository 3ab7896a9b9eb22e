"""Signatures that no key was found for while they were read: tried with all keys, and why not."""

from collections.abc import Collection, Iterator, Sequence
from functools import partial

from seemachine.audit.evidence import Evidence, KnownSignature
from seemachine.audit.findings import BAD, UNREAD, Finding
from seemachine.audit.origins import Origin, origin_of
from seemachine.audit.proving import Keys, Proof, proofs, prove
from seemachine.audit.reading import read_file
from seemachine.lms.bulk import on_all_cores, shares, side_by_side
from seemachine.lms.engines import Engine
from seemachine.lms.shapes import shape_of_sets

# Signatures in one task.
SHARE = 64


def unproven(engine: Engine, keys: Keys, evidence: Evidence, missing: str) -> Iterator[Finding]:
    """Of each signature without an owner, in order: why it has none. `missing` is the kind of
    finding for those whose key or message is not here.
    """
    without = [each for each in evidence.signatures if each.owner is None]
    reasons = _reasons(engine, keys, without, evidence.named)
    for signature in evidence.signatures:
        if signature.owner is None:
            reason = reasons.get(signature)
            yield reason if reason is not None else _missing(signature, missing)


def _reasons(
    engine: Engine, keys: Keys, signatures: Sequence[KnownSignature], named: Collection[str]
) -> dict[KnownSignature, Finding | None]:
    """Of those that can be tried; after it some have an owner, and some no message."""
    left = [each for each in signatures if each.message is not None and keys.of(each)]
    late = [each for each in left if each.tried < len(keys.of(each))]
    side_by_side([partial(prove, engine, keys, part) for part in shares(late, SHARE)])
    left = [each for each in left if each.owner is None]
    work = partial(_why_all, engine, keys, named)
    return dict(zip(left, on_all_cores(work, left, SHARE // 8), strict=True))


def _why_all(
    engine: Engine, keys: Keys, named: Collection[str], signatures: Sequence[KnownSignature]
) -> list[Finding | None]:
    return [_why(engine, keys, named, signature) for signature in signatures]


def _why(
    engine: Engine, keys: Keys, named: Collection[str], signature: KnownSignature
) -> Finding | None:
    """What is wrong with a signature, or None: then it has an owner, or lost its message."""
    try:
        found = proofs(engine, keys.of(signature), signature)
    except OSError as error:
        return Finding(UNREAD, signature.unread(error), (signature.source,))
    signature.owner = next((proof.known for proof in found if proof.is_of(signature)), None)
    if signature.owner is not None:
        return None
    if signature.source not in named and _lacks_message(signature, found):
        signature.message = None
        return None
    return Finding(BAD, _why_bad(signature, found), (signature.source,))


def _lacks_message(signature: KnownSignature, found: Sequence[Proof]) -> bool:
    """Whether what was taken for its message by its name is another signature: beside a.sig, over
    a.bin elsewhere, a.sig.sig may be over an a.sig that is elsewhere, too.
    """
    message = signature.message
    if not isinstance(message, str) or not origin_of([message], None).named:
        return False
    # All but the message verifies.
    return max(proof.proven for proof in found) == signature.levels - 1 and _is_signature(message)


def _is_signature(path: str) -> bool:
    found = Evidence()
    try:
        read_file(found, Origin(path))
    except OSError:
        return False
    return bool(found.signatures)


def _missing(signature: KnownSignature, kind: str) -> Finding:
    source = signature.source
    what = f"the message of {source} is not here; name it with --message"
    if signature.message is not None:
        shape = shape_of_sets(*signature.kind)
        what = f"no {shape.tree.name} {shape.ots.name} public key is here for {source}"
    return Finding(kind, f"not verified: {what}", (source,))


def _why_bad(signature: KnownSignature, found: Sequence[Proof]) -> str:
    levels, source = signature.levels, signature.source
    proven, known = max(found, key=lambda proof: proof.proven)
    if proven == levels:
        there = f"{_number(levels)}, its key in {known.source} {_number(known.key.levels)}"
        return f"{source} has {there}: it is not a signature of that key (RFC 8554 6.3)"
    over = f" over {signature.message}" if isinstance(signature.message, str) else ""
    if proven:
        what = f"level {proven} of {levels} does not verify with the one above"
        return f"{source}{over}: {what}"
    one = len(found) == 1
    which = "the one key of its kind" if one else f"any of the {len(found)} keys of its kind"
    why = "damaged, over another message, or of a key that is not here"
    return f"{source}{over} does not verify with {which}: {why}"


def _number(levels: int) -> str:
    return f"{levels} level{'s' * (levels > 1)}"
