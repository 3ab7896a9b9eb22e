"""`seemachine key export`: the public key of an alias of this host. No machine is asked."""

import argparse

from seeclient import environment

from seemachine.chance.mark import insecure
from seemachine.cli.answer import Answer, Refused
from seemachine.cli.form_output import put
from seemachine.cli.signed_files import public_key
from seemachine.encodings.forms import (
    KEY_FORMS,
    FormError,
    RecognizedKey,
    described,
    write_key,
)


def run(options: argparse.Namespace) -> int:
    """Write it. Returns the exit code. Raises Refused, StatusError."""
    answer: Answer = options.answer
    given = environment.from_process(options.environ, options.world)
    file = given.roster().keys.load(options.alias)
    form = KEY_FORMS[options.format]
    key = public_key(file)
    try:
        data = write_key(key, form.name)
    except FormError as error:
        raise Refused(f"{file.alias}: {error}") from None
    answer.give(alias=file.alias, algorithm=file.algorithm)
    put(options, form, data, f"{described(RecognizedKey(form.name, key))}, of {file.alias}")
    if file.marked:
        answer.note(insecure(file.insecure))
    return 0
