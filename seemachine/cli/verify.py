"""`seemachine verify`: signatures of any maker, with a public key alone."""

import argparse
import os
from functools import partial

from seemachine.cli import verify_judging as judging
from seemachine.cli import verify_output as output
from seemachine.cli.answer import Answer, Misused, Refused
from seemachine.cli.in_files import is_standard_input, refuse_two_of_input, title
from seemachine.cli.key_alias import refuse_alias
from seemachine.cli.refusals import refused
from seemachine.cli.verify_judging import Check
from seemachine.cli.verify_pairs import Pair, listed, pairs
from seemachine.encodings.forms import FormError, RecognizedKey, recognized_key
from seemachine.encodings.kinds import LMS, algorithm_of
from seemachine.mldsa.parameters import MAX_CONTEXT
from seemachine.wire.status import StatusError

TWO_OF_INPUT = "standard input is only one of key, signature, list and FILE"


def run(options: argparse.Namespace) -> int:
    """Judge each file. Exit code 0: all are verified; 1: one is not; 2: something can't be read."""
    answer: Answer = options.answer
    answer.code_unwritten = 2
    wanted = _wanted(options)
    found = _key(options)
    context = os.fsencode(options.context)
    if len(context) > MAX_CONTEXT:
        raise Misused(f"--context takes at most {MAX_CONTEXT} bytes, not {len(context)}")
    if context and algorithm_of(found.key) == LMS:
        raise Misused("--context is for ML-DSA, and the key is one of LMS")
    output.tell_key(title(options.key), found, answer)
    check = Check(found.key, context, options.digest or "")
    return output.tell(check, judging.outcomes(check, wanted), answer)


def _wanted(options: argparse.Namespace) -> list[Pair]:
    """Raises Misused, and Refused with exit code 2."""
    if bool(options.files) == bool(options.manifest):
        raise Misused("name either files, or a list of them with --manifest")
    others = [options.key, options.signature or "", str(options.manifest or "")]
    refuse_two_of_input([*others, *options.files], TWO_OF_INPUT)
    try:
        if options.manifest:
            return listed(options.manifest, options.signature)
        return pairs(options.files, options.signature, partial(_skip, options.answer))
    except StatusError as error:
        raise refused(error, 2) from None


def _skip(answer: Answer, name: str, what: str) -> None:
    answer.remark(f"{name}: skipped, it is {what}")


def _key(options: argparse.Namespace) -> RecognizedKey:
    """Raises Refused, with exit code 2."""
    refuse_alias(options.key, options.world)
    try:
        return recognized_key(judging.contents(options.key))
    except StatusError as error:
        raise refused(error, 2) from None
    except FormError as error:
        sentence = error.about(title(options.key))
    if _has_key(options.signature):
        sentence += "; --key and --signature are swapped"
    raise Refused(sentence, 2)


def _has_key(name: str | None) -> bool:
    if name is None or is_standard_input(name):
        return False
    try:
        recognized_key(judging.contents(name))
    except (StatusError, FormError):
        return False
    return True
