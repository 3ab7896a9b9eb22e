"""`seemachine convert`: a public key or a signature in another form."""

import argparse
import re
import sys
from pathlib import Path

from seemachine.cli.answer import Answer, Misused, Refused
from seemachine.cli.form_output import put
from seemachine.encodings.forms import (
    KEY_FORMS,
    SIGNATURE_FORMS,
    FormError,
    RecognizedKey,
    RecognizedSignature,
    algorithm_of,
    described,
    recognized,
    write_key,
    write_signature,
)
from seemachine.encodings.readings import MAX_TEXT

STANDARD_INPUT = "-"
PRIVATE = re.compile(r"(?<![a-z])(prv|priv|private|secret|sk)(?![a-z])", re.IGNORECASE)
Found = RecognizedKey | RecognizedSignature


def run(options: argparse.Namespace) -> int:
    """Write it, or say what it is. Returns the exit code."""
    answer: Answer = options.answer
    if options.to is None and options.out is not None:
        raise Misused("--out needs a form: give it with --to")
    name = "standard input" if options.file == STANDARD_INPUT else options.file
    try:
        found = recognized(_bytes(options.file), options.given_as or "")
        _refuse_hidden(options.file, found)
        answer.give(**_facts(found))
        if options.to is None:
            answer.say(f"{name}: {described(found)}")
            return 0
        _convert(options, found)
    except FormError as error:
        raise Refused(error.about(name)) from None
    return 0


def _convert(options: argparse.Namespace, found: Found) -> None:
    if isinstance(found, RecognizedKey):
        form, data = KEY_FORMS.get(options.to), write_key(found.key, options.to)
    else:
        form, data = SIGNATURE_FORMS.get(options.to), write_signature(found.signature, options.to)
    assert form is not None  # the writer has refused it
    put(options, form, data, described(found._replace(form=form.name)), [Path(options.file)])


def _facts(found: Found) -> dict[str, object]:
    is_key = isinstance(found, RecognizedKey)
    value = found.key if isinstance(found, RecognizedKey) else found.signature
    return {
        "kind": "public key" if is_key else "signature",
        "algorithm": algorithm_of(value),
        "given_as": found.form,
        "description": described(found),
        "form": None,
        "file": None,
        "content": None,
    }


def _bytes(name: str) -> bytes:
    """All of a file, or one byte more than anything that has a form. Raises OSError."""
    if name == STANDARD_INPUT:
        return sys.stdin.buffer.read(MAX_TEXT + 1)
    with Path(name).open("rb") as file:
        return file.read(MAX_TEXT + 1)


def _refuse_hidden(name: str, found: Found) -> None:
    """A bare private key of Caliptra's tools looks like a public one: types, I, and the seed where
    the root would be. Only its name may tell. Raises Refused.
    """
    if isinstance(found, RecognizedKey) and found.form == "lms" and PRIVATE.search(Path(name).name):
        raise Refused(
            f"{name} is called a private key, and some of 48 bytes (Caliptra's image/app) look like"
            " a public one in all bytes; if it is public, give the file another name"
        )
