"""Which key a signature verifies with: many signatures in wide calls of the engine."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seemachine.audit.evidence import Kind, Known, KnownSignature
from seemachine.audit.reading import read_again
from seemachine.lms.bulk import Case, Wrong, case_of, judge
from seemachine.lms.engines import Engine
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.shapes import shape_of_sets

# The last node of a path, which is one of the two below the root, under its sets.
Branch = tuple[Kind, bytes]
# Keys that a signature is tried with at a time.
AT_ONCE = 8
# Who reads many small files asks the system all the time. Were two threads to do so, they would
# pass the interpreter's lock between them at each call; so they read one after the other.
Turn = AbstractContextManager[Any]
AT_ANY_TIME: Turn = nullcontext()


@dataclass
class Keys:
    """All keys, each once, by the sets that their signatures have; and by branch those of which
    signatures were seen.
    """

    by_kind: dict[Kind, list[Known]] = field(default_factory=lambda: defaultdict(list))
    by_branch: dict[Branch, Known] = field(default_factory=dict)
    _seen: set[bytes] = field(default_factory=set)

    def add(self, found: Iterable[Known]) -> None:
        """Some more keys."""
        for known in found:
            encoded = known.key.encode()
            if encoded not in self._seen:
                self._seen.add(encoded)
                self.by_kind[known.kind].append(known)

    def of(self, signature: KnownSignature) -> Sequence[Known]:
        """Those that could have made it, by its sets."""
        return self.by_kind.get(signature.kind, ())


class Proof(NamedTuple):
    """How many levels of a signature verify under a key."""

    proven: int
    known: Known

    def is_of(self, signature: KnownSignature) -> bool:
        """Whether all do, and the key has as many."""
        return self.proven == signature.levels == self.known.key.levels


class Attempt(NamedTuple):
    """A signature, what it is, and the key to try."""

    signature: KnownSignature
    data: bytes
    branch: Branch
    known: Known


def prove(
    engine: Engine, keys: Keys, signatures: Sequence[KnownSignature], turn: Turn = AT_ANY_TIME
) -> None:
    """Give an owner to signatures that verify with a key which is likely to be theirs.

    What can't be read has none, nor what is not in order: `proofs` says why. Files are read in
    the `turn`, and the engine works outside of it.
    """
    with turn:
        attempts = list(_likely(keys, signatures))
        cases = [_case(each) for each in attempts]
    failed = _judged(engine, keys, attempts, cases)
    # Of each branch one is tried with every key.
    for attempt in {each.branch: each for each in failed}.values():
        if attempt.branch not in keys.by_branch:
            _search(engine, keys, attempt)
    with turn:
        again = list(_again(keys, failed))
        cases = [_case(each) for each in again]
    _judged(engine, keys, again, cases)


def proofs(engine: Engine, keys: Sequence[Known], signature: KnownSignature) -> list[Proof]:
    """How far a signature verifies with each of some keys. Raises OSError."""
    data = read_again(signature)
    levels, hashing = signature.levels, _hashing(signature)
    cases = [case_of(HssPublicKey(levels, each.key.key), data, hashing) for each in keys]
    verdicts = zip(keys, cases, judge(engine, cases), strict=True)
    return [Proof(_proven(case, verdict), known) for known, case, verdict in verdicts]


def _proven(case: Case, verdict: Wrong | Exception | None) -> int:
    if isinstance(verdict, OSError):
        raise verdict
    return verdict.proven if isinstance(verdict, Wrong) else len(case.levels)


def _likely(keys: Keys, signatures: Iterable[KnownSignature]) -> Iterator[Attempt]:
    """Each with a key that made others of its branch, or lies near it."""
    near: dict[Branch, Known] = {}
    for signature in signatures:
        try:
            data = read_again(signature)
        except OSError:
            continue
        signature.tried = len(keys.of(signature))
        branch = _branch(signature, data)
        known = keys.by_branch.get(branch) or near.get(branch)
        if known is None:
            known = near[branch] = _nearest(keys.of(signature), signature.source)
        yield Attempt(signature, data, branch, known)


def _branch(signature: KnownSignature, data: bytes) -> Branch:
    shape = shape_of_sets(*signature.kind)
    end = shape.size + (4 if signature.levels > 1 else 0)
    return signature.kind, data[end - shape.tree.m : end]


def _nearest(known: Sequence[Known], source: str) -> Known:
    """The key whose path has the most in common with that of a signature."""
    if len(known) == 1:
        return known[0]
    return max(known, key=lambda each: _shared(each.source, source))


def _shared(one: str, other: str) -> int:
    """How many letters two paths begin with both."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _case(attempt: Attempt) -> Case:
    return case_of(attempt.known.key, attempt.data, _hashing(attempt.signature))


def _judged(
    engine: Engine, keys: Keys, attempts: Sequence[Attempt], cases: Sequence[Case]
) -> list[Attempt]:
    """Those that don't verify; the others have an owner."""
    failed = []
    for attempt, verdict in zip(attempts, judge(engine, cases), strict=True):
        if verdict is None:
            _found(keys, attempt)
        else:
            failed.append(attempt)
    return failed


def _again(keys: Keys, failed: Iterable[Attempt]) -> Iterator[Attempt]:
    """With the key of their branch, where that is known by now."""
    for attempt in failed:
        known = keys.by_branch.get(attempt.branch, attempt.known)
        if known is not attempt.known and attempt.signature.owner is None:
            yield attempt._replace(known=known)


def _search(engine: Engine, keys: Keys, attempt: Attempt) -> None:
    """Try all keys, some at a time: each hashes the message anew."""
    signature, known = attempt.signature, keys.of(attempt.signature)
    for start in range(0, len(known), AT_ONCE):
        try:
            found = proofs(engine, known[start : start + AT_ONCE], signature)
        except OSError:
            return
        for proof in found:
            if proof.is_of(signature):
                _found(keys, attempt._replace(known=proof.known))
                return


def _found(keys: Keys, attempt: Attempt) -> None:
    attempt.signature.owner = attempt.known
    keys.by_branch[attempt.branch] = attempt.known


def _hashing(signature: KnownSignature) -> Callable[[Any], Exception | None]:
    def update(running: Any) -> OSError | None:
        try:
            signature.hash_into(running)
        except OSError as error:
            return error
        return None

    return update
