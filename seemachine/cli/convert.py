"""`seemachine convert`: a public key or a signature in another form."""

import argparse
import sys
from pathlib import Path

from seemachine.cli.answer import Answer, Misused, Refused
from seemachine.cli.form_output import put
from seemachine.cli.in_files import is_standard_input, title
from seemachine.encodings.forms import (
    KEY_FORMS,
    SIGNATURE_FORMS,
    AmbiguousForm,
    FormError,
    RecognizedKey,
    RecognizedSignature,
    algorithm_of,
    described,
    recognized,
    write_key,
    write_signature,
)
from seemachine.encodings.private_keys import is_lookalike, refuse_lookalike
from seemachine.encodings.readings import MAX_TEXT

LOOKALIKE = "a private key of Caliptra's image/app has the same bytes; keep it secret if it is one"
Found = RecognizedKey | RecognizedSignature


def run(options: argparse.Namespace) -> int:
    """Write it, or say what it is. Returns the exit code."""
    answer: Answer = options.answer
    if options.to is None and options.out is not None:
        raise Misused("--out needs a form: give it with --to")
    name = title(options.file)
    try:
        found = recognized(_bytes(options.file), options.given_as or "")
        answer.give(**_facts(found))
        if options.to is None:
            _tell(options, name, found)
        else:
            _convert(options, found)
    except AmbiguousForm as error:
        raise Refused(error.asking_for("--from {}").about(name)) from None
    except FormError as error:
        raise Refused(error.about(name)) from None
    return 0


def _tell(options: argparse.Namespace, name: str, found: Found) -> None:
    answer: Answer = options.answer
    answer.say(f"{name}: {described(found)}")
    if isinstance(found, RecognizedKey) and not options.given_as and is_lookalike(found):
        answer.note(LOOKALIKE)


def _convert(options: argparse.Namespace, found: Found) -> None:
    if isinstance(found, RecognizedKey):
        if not options.given_as:
            refuse_lookalike(found)
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
    if is_standard_input(name):
        return sys.stdin.buffer.read(MAX_TEXT + 1)
    with Path(name).open("rb") as file:
        return file.read(MAX_TEXT + 1)
