"""What `convert` and `key export` write: bytes of a form, which cost no leaf."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from seemachine.cli.answer import Answer, Refused
from seemachine.cli.out_files import STANDARD_OUTPUT, OutFile
from seemachine.encodings.forms import Form


def put(
    options: argparse.Namespace,
    form: Form,
    data: bytes,
    description: str,
    sources: Iterable[Path] = (),
) -> None:
    """Bytes go where `--out` says. With --json and without --out the document alone has them.

    Raises Refused, Misused.
    """
    answer: Answer = options.answer
    if options.out is not None or not answer.as_json:
        out = OutFile(options.out or STANDARD_OUTPUT, options.force, options.umask)
        out.check(sources, text=form.is_text, as_json=answer.as_json)
        if trouble := out.put(data):
            raise Refused(trouble)
        if not out.is_stream:
            answer.say(f"{out.name}: {description}")
    answer.give(form=form.name, file=options.out, content=data.hex())
