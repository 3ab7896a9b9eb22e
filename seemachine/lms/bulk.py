"""Checking many signatures, LMS and HSS of any parameter sets mixed, in wide calls of the engine.

A case goes through two steps, so that the messages can be files and anybody's: `case_of` takes a
signature apart and has its message hashed, `judge` works out what all cases of a batch lead to.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from seemachine.lms.engines import Engine, usable_cores
from seemachine.lms.engines.pool import shared
from seemachine.lms.hashing import finish_message, message_digest, start_signed
from seemachine.lms.hss import LMS, HssPublicKey, HssSignature, decode_either, refuse_other_levels
from seemachine.lms.keys import PublicKey, Signature
from seemachine.lms.parameters import ParameterError
from seemachine.lms.shapes import is_plain
from seemachine.lms.verifying import Candidate, refuse_other_sets, roots

# Signatures in one task of a core: enough to fill the lanes of the engine, few to wait for.
SHARE = 128

Thing = TypeVar("Thing")
Result = TypeVar("Result")
# Updates a running hash with the message, or returns why it can't.
Hashing = Callable[[Any], Exception | None]


class Case(NamedTuple):
    """A signature of `encoding` LMS or HSS: its levels that can be checked, top first, and why the
    one after them can't, if it can't. That counts where all before it are right.
    """

    encoding: str
    levels: Sequence[Candidate]
    trouble: Exception | None = None


class Wrong(NamedTuple):
    """A level that does not verify: the root that it must lead to, and the one that it leads to.
    `proven` levels above it verify.
    """

    expected: bytes
    computed: bytes
    proven: int


def case_of(key: HssPublicKey, data: bytes, hashing: Hashing) -> Case:
    """A signature in either encoding that `key` may have made over what `hashing` hashes.

    Raises ParameterError for what is not a signature.
    """
    if key.levels == 1 and is_plain(key.key, data):
        return Case(LMS, *_last(key.key, data, hashing))
    encoding, made = decode_either(data)
    try:
        refuse_other_levels(key, made)
    except ParameterError as error:
        return Case(encoding, (), error)
    return Case(encoding, *_levels(key, made, hashing))


def judge(engine: Engine, cases: Sequence[Case]) -> Iterator[Wrong | Exception | None]:
    """Of each case, in order: None when it verifies, else what is wrong first, from the top."""
    found = iter(roots(engine, [level for case in cases for level in case.levels]))
    for case in cases:
        wrong: Wrong | None = None
        for proven, level in enumerate(case.levels):
            computed = next(found)
            if wrong is None and computed != level.key.root:
                wrong = Wrong(level.key.root, computed, proven)
        yield wrong or case.trouble


def on_all_cores(
    work: Callable[[Sequence[Thing]], Sequence[Result]], things: Sequence[Thing], share: int
) -> list[Result]:
    """The results of some work on all things, in their order: `share` of them at a time, on all
    cores. Raises what the first failing work raised.
    """
    found = side_by_side([partial(work, part) for part in shares(things, share)])
    return [result for of_share in found for result in of_share]


def shares(things: Sequence[Thing], share: int) -> list[Sequence[Thing]]:
    """All things, `share` of them at a time."""
    return [things[start : start + share] for start in range(0, len(things), share)]


def side_by_side(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """What each call returns, in their order; on all cores, begun in this order. Raises what the
    first failing call raised.
    """
    results: dict[int, Result] = {}

    def task(number: int) -> bytes:
        results[number] = calls[number]()
        return b""

    shared(usable_cores()).run([partial(task, number) for number in range(len(calls))])
    return [results[number] for number in range(len(calls))]


def _last(
    signer: PublicKey, data: bytes, hashing: Hashing
) -> tuple[Sequence[Candidate], Exception | None]:
    """The level that is over the message; none where that can't be hashed."""
    ots = signer.ots
    running = start_signed(ots, signer.identifier, data)
    trouble = hashing(running)
    if trouble is not None:
        return (), trouble
    return (Candidate(signer, finish_message(ots, running), data),), None


def _levels(
    key: HssPublicKey, made: HssSignature, hashing: Hashing
) -> tuple[Sequence[Candidate], Exception | None]:
    found: list[Candidate] = []
    *uppers, last = zip((key.key, *made.keys), made.signatures, strict=True)
    try:
        for (signer, parts), below in zip(uppers, made.keys, strict=True):
            refuse_other_sets(signer, parts)
            found.append(_over(signer, parts, below.encode()))
        refuse_other_sets(*last)
    except ParameterError as error:
        return found, error
    lowest, trouble = _last(last[0], last[1].encode(), hashing)
    return [*found, *lowest], trouble


def _over(signer: PublicKey, parts: Signature, message: bytes) -> Candidate:
    q = message_digest(parts.ots, signer.identifier, parts.leaf, parts.randomizer, message)
    return Candidate(signer, q, parts.encode())
