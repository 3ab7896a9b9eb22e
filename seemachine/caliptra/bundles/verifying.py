"""Verifying a bundle: every target that is asked for must have a signature, and a good one."""

from collections.abc import Mapping, Sequence

from seemachine.caliptra.judging import why_not
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
    return [_verdict(target, keys[target.pqc_key], signatures) for target in targets]


def _verdict(target: Target, key: CaliptraKey, signatures: Signatures) -> Verdict:
    made = signatures.pqc(target.name)
    wrong = why_not(key, target, made) if made else MISSING
    return Verdict(target.name, target.pqc_key, key.algorithm, wrong)
