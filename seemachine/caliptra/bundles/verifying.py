"""Verifying a bundle: every target that is asked for must have a signature, and a good one."""

from collections.abc import Mapping, Sequence

from seemachine.caliptra.judging import reused, why_not
from seemachine.caliptra.keys import CaliptraKey
from seemachine.caliptra.requests import Target
from seemachine.caliptra.signatures import Signatures
from seemachine.frozen import frozen

MISSING = "it has no pqc_sig"


@frozen
class Verdict:
    """What was found of a target; `wrong` is a phrase, empty where its signature is good."""

    target: str
    label: str
    algorithm: str
    wrong: str


def verify(
    targets: Sequence[Target], keys: Mapping[str, CaliptraKey], signatures: Signatures
) -> list[Verdict]:
    """One for each target, by the key of its label. Raises CaliptraError where it can't be told."""
    found = [(target, keys[target.pqc_key], signatures.pqc(target.name)) for target in targets]
    wrong = {target.name: _wrong(target, key, made) for target, key, made in found}
    good = [(key, target, made) for target, key, made in found if not wrong[target.name]]
    wrong |= reused(good)
    return [
        Verdict(target.name, target.pqc_key, key.algorithm, wrong[target.name])
        for target, key, _ in found
    ]


def _wrong(target: Target, key: CaliptraKey, made: bytes) -> str:
    return why_not(key, target, made) if made else MISSING
