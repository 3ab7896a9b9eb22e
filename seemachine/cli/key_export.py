"""`seemachine key export`: the public key of an alias of this host. No machine is asked."""

import argparse

from seeclient import environment
from seeclient.keyfile import KeyFile

from seemachine.cli import outputs
from seemachine.cli.answer import Answer, Refused
from seemachine.encodings.forms import (
    KEY_FORMS,
    FormError,
    RecognizedKey,
    described,
    recognized_key,
    write_key,
)


def run(options: argparse.Namespace) -> int:
    """Write it. Returns the exit code. Raises Refused, StatusError, OSError."""
    answer: Answer = options.answer
    file = (
        environment.from_process(options.environ, options.world).roster().keys.load(options.alias)
    )
    form = KEY_FORMS[options.format]
    key = recognized_key(file.public_key).key
    try:
        data = write_key(key, form.name)
    except FormError as error:
        raise Refused(f"{file.alias}: {error}") from None
    outputs.check(options, form.name, is_text=form.is_text)
    outputs.write(options, data)
    _tell(options, file, data)
    if options.out not in (None, outputs.STANDARD_OUTPUT):
        answer.say(f"{options.out}: {described(RecognizedKey(form.name, key))}, of {file.alias}")
    return 0


def _tell(options: argparse.Namespace, file: KeyFile, data: bytes) -> None:
    answer: Answer = options.answer
    answer.give(alias=file.alias, algorithm=file.algorithm, form=options.format)
    answer.give(file=options.out, content=data.hex())
    if file.marked:
        answer.note(f"{file.alias} is INSECURE: it is of a seeded world, and anybody can make it")
