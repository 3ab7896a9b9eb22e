"""How `seemachine caliptra` shows what became of targets, and keys: lines, and documents."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seemachine.caliptra.bundles.files import SignaturesFile
from seemachine.caliptra.bundles.keys import Job
from seemachine.caliptra.bundles.signing import GO_ON, Outcome
from seemachine.caliptra.bundles.verifying import Verdict
from seemachine.caliptra.keys import LMOTS, LMS, CaliptraKey
from seemachine.cli import leaves
from seemachine.cli.answer import Answer
from seemachine.cli.refusals import refused
from seemachine.state.errors import counted

OVER = "LMS is over the 48 bytes of digest_sha384, ML-DSA-87 over the payload"


def signing(jobs: Sequence[Job]) -> str:
    """What takes leaves of a key, as the beginning of a sentence."""
    return f"signing {', '.join(job.target.name for job in jobs)}"


def told(place: SignaturesFile, outcomes: Sequence[Outcome], answer: Answer) -> int:
    """What became of each target. Returns the exit code."""
    answer.give(targets=list(map(_outcome_json, outcomes)))
    for each in outcomes:
        answer.report(f"{each.job.target.name}: {_outcome_line(each)}")
    _remark_on_file(place, outcomes, answer)
    failed = [each.error for each in outcomes if each.error is not None]
    kept = sum(each.kept for each in outcomes)
    signed = len(outcomes) - len(failed) - kept
    answer.report(f"{place.name}: {signed} signed, {kept} kept; {OVER}")
    if not failed:
        return 0
    failure = refused(leaves.advised(failed[0])).failure
    what = f"{len(failed)} of {counted(len(outcomes), 'target')}"
    return answer.refuse(failure._replace(message=f"{what} not signed: {failure.message}; {GO_ON}"))


def _remark_on_file(place: SignaturesFile, outcomes: Sequence[Outcome], answer: Answer) -> None:
    there = place.read()
    signed = [each.job for each in outcomes if each.error is None]
    without = [job.target.name for job in signed if not there.has_ecc(job.target.name)]
    if without:
        answer.remark(f"no ecc_sig yet, which Caliptra wants too: {', '.join(without)}")
    for job in signed:
        # A check of caliptra-mcu-sw takes the last byte that is not zero for the end.
        if job.key.lms is not None and there.pqc(job.target.name).endswith(b"\0"):
            answer.remark(
                f"the signature of {job.target.name} ends in a zero byte, which some versions of"
                " auth-manifest attach-signatures refuse; the ROM takes it"
            )


def judged(path: Path, verdicts: Sequence[Verdict], answer: Answer) -> int:
    """What was found. Returns the exit code."""
    answer.give(targets=[_verdict_json(each) for each in verdicts])
    for each in verdicts:
        found = f"not good: {each.wrong}" if each.wrong else f"good ({each.algorithm})"
        answer.say(f"{each.target}: {found}")
    wrong = sum(bool(each.wrong) for each in verdicts)
    every = counted(len(verdicts), "target")
    last = (
        f"{path}: {wrong} of {every} without a good pqc_sig" if wrong else f"{path}: {every} good"
    )
    answer.say(f"{last}; {OVER}")
    return answer.found(last) if wrong else 0


def key_lines(name: str, key: CaliptraKey) -> Iterator[str]:
    """A public key."""
    sets = f" {LMS} {LMOTS}" if key.lms is not None else ""
    yield f"{name}: {key.algorithm}{sets}, {len(key.data)} bytes"
    if key.lms is not None:
        yield f"  key         {key.data.hex()}"
    yield f"  SHA-384     {key.sha384.hex()}"
    yield f"  descriptor  {key.descriptor_hash.hex()}"
    yield from key.pem.splitlines()


def key_json(name: str, key: CaliptraKey) -> dict[str, Any]:
    """The same."""
    return {
        "key": name,
        "algorithm": key.algorithm,
        "public_key": key.data.hex(),
        "pem": key.pem,
        "sha384": key.sha384.hex(),
        "descriptor_hash": key.descriptor_hash.hex(),
    }


def _outcome_line(each: Outcome) -> str:
    alias = each.job.file.alias
    if each.error is not None:
        return f"not signed: {each.error.detail}"
    if each.kept or each.signed is None:
        return f"kept, it is good and of {alias}"
    if each.signed.leaf is None:
        return f"signed with {alias} on {each.signed.esn}"
    left = "" if each.signed.remaining is None else f"; {each.signed.remaining} left there"
    return f"signed with leaf {each.signed.leaf} of {alias} on {each.signed.esn}{left}"


def _outcome_json(each: Outcome) -> dict[str, Any]:
    signed = each.signed
    return {
        "target": each.job.target.name,
        "label": each.job.target.pqc_key,
        "alias": each.job.file.alias,
        "algorithm": each.job.key.algorithm,
        "outcome": "failed" if each.error else "signed" if signed else "kept",
        "esn": signed.esn if signed else None,
        "leaf": signed.leaf if signed else None,
        "remaining": signed.remaining if signed else None,
        "detail": each.error.detail if each.error else None,
    }


def _verdict_json(each: Verdict) -> dict[str, Any]:
    return {
        "target": each.target,
        "label": each.label,
        "algorithm": each.algorithm,
        "good": not each.wrong,
        "detail": each.wrong or None,
    }
