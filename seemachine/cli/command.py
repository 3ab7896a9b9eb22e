"""The `seemachine` command: which room each of its words goes to.

Rooms are imported only when entered.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from seemachine.cli import parser
from seemachine.printing import say
from seemachine.terminal import settle_streams


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns the exit code: 0 done, 1 refused, 2 invalid command line, 130 interrupted.
    """
    settle_streams()
    # Whatever a command writes is for its user alone.
    os.umask(0o077)
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        say(file=sys.stderr)
        code = 130
    except BrokenPipeError:
        code = 1  # the reader of our output left; there is nobody to tell
    except OSError as error:
        from seemachine.state.errors import reason

        say(f"seemachine: {reason(error)}", file=sys.stderr)
        code = 1
    _settle_output()
    return code


def _run(words: Sequence[str]) -> int:
    if not words:
        _parser().print_help(sys.stderr)
        return 2
    options = _parser().parse_args(words)
    # The one place where the environment is asked; what follows is handed on.
    from seemachine.world import World

    options.environ = os.environ
    options.world = World.from_environment(os.environ, getattr(options, "home", None))
    code: int = options.run(options)
    return code


def _settle_output() -> None:
    """What can't be written by now never will be; the interpreter must not fail over it
    at its end.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _parser() -> argparse.ArgumentParser:
    return parser.build(_enter)


def _enter(room: str, verb: str) -> Callable[[argparse.Namespace], int]:
    return partial(ROOMS[room], verb)


def _serve(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import serve

    return serve.run(options)


def _info(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli.info import run

    return run(options.world, as_json=options.json)


def _completion(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import completion

    return completion.run(options.shell)


def _fleet(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import fleet

    return fleet.run(verb, options)


def _card(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import card

    return card.run(verb, options)


def _quarantine(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import quarantine

    return quarantine.run(verb, options)


def _audit(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import audit

    code: int = getattr(audit, verb)(options)
    return code


def _backup(verb: str, options: argparse.Namespace) -> int:
    from seemachine.backup import restoring, saving

    return saving.run(options) if verb == "backup" else restoring.run(options)


def _pki(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import pki

    return pki.run(verb, options)


def _nfast(verb: str, options: argparse.Namespace) -> int:
    try:
        from seemachine.cli import nfast

        return nfast.run(verb, options)
    except ModuleNotFoundError as error:
        if error.name != "cryptography":
            raise
        say(
            "seemachine nfast: it needs the package cryptography; in the source folder: pip install"
            " '.[nfast]'",
            file=sys.stderr,
        )
        return 1


ROOMS: dict[str, Callable[[str, argparse.Namespace], int]] = {
    "serve": _serve,
    "info": _info,
    "completion": _completion,
    "fleet": _fleet,
    "card": _card,
    "quarantine": _quarantine,
    "audit": _audit,
    "backup": _backup,
    "pki": _pki,
    "nfast": _nfast,
}
