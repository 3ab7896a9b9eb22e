"""What `seemachine cms`, `jar` and `cose` are alike in: each signs a file, and verifies that."""

import argparse
from collections.abc import Callable

from seemachine.cli.answer import Refused
from seemachine.cli.in_files import title
from seemachine.cli.message_verifying import Look, verify
from seemachine.cli.signed_files import check_words
from seemachine.frozen import frozen


@frozen
class Verbs:
    """Of one of them. `sign` returns the exit code; `look`, `damaged` and `told`: see
    message_verifying.verify. `sign` raises what is `damaged`, too, of a file or its certificate.
    """

    sign: Callable[[argparse.Namespace], int]
    look: Look
    damaged: tuple[type[Exception], ...]
    told: tuple[str, ...]


def run(verb: str, options: argparse.Namespace, verbs: Verbs) -> int:
    """Run one verb. Returns the exit code. Raises Refused, Misused."""
    check_words(options)
    if verb == "verify":
        return verify(verbs.look, options, verbs.damaged, *verbs.told)
    try:
        return verbs.sign(options)
    except verbs.damaged as error:
        raise Refused(f"{title(options.file)}: {error}") from None
