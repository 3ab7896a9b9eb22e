"""The `seemachine` command: which room each of its words goes to.

Rooms are imported only when entered.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from seemachine.cli import parser
from seemachine.cli.answer import Answer
from seemachine.cli.argtypes import WrongUsage
from seemachine.document import INTERRUPTED, USAGE, Failure
from seemachine.printing import say
from seemachine.terminal import finish_output, settle_streams

JSON = "--json"


def main(arguments: Sequence[str] | None = None, options: argparse.Namespace | None = None) -> int:
    """Run one command, whose words may have been read before.

    Returns the exit code: 0 done, 1 refused, 2 invalid command line, 130 interrupted.
    """
    settle_streams()
    words = sys.argv[1:] if arguments is None else arguments
    answer = Answer(as_json=JSON in words)
    try:
        code = _carried_out(words, answer, options)
        answer.close(code)
        sys.stdout.flush()
    except WrongUsage as wrong:
        answer.command = wrong.prog.partition(" ")[2] or None
        answer.close(answer.fail(Failure.of(USAGE, wrong.sentence)))
        raise
    except OSError as error:
        code = _unwritten(error)
    finally:
        finish_output()
    return code


def _carried_out(words: Sequence[str], answer: Answer, options: argparse.Namespace | None) -> int:
    try:
        return _run(words, answer, options)
    except KeyboardInterrupt:
        say(file=sys.stderr)
        return answer.fail(Failure.of(INTERRUPTED, "interrupted"))
    except BrokenPipeError:
        raise
    except SystemExit:
        # After --help and --version; main translates what the system refuses. Who closes the pipe
        # has read enough.
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
        raise
    # A program may read what we print, and a person can do nothing about a traceback.
    except Exception as error:  # noqa: BLE001
        from seemachine.cli.refusals import failure_of

        return answer.refuse(failure_of(error))


def read(words: Sequence[str]) -> argparse.Namespace:
    """The words of a command line. Raises WrongUsage, SystemExit."""
    return _parser().parse_args(words)


def _run(words: Sequence[str], answer: Answer, options: argparse.Namespace | None) -> int:
    if options is None and not words:
        _parser().print_help(sys.stderr)
        return 2
    options = options or read(words)
    # The one place where the environment is asked; what follows is handed on.
    from seemachine.world import World

    # `help` has no document; what it is asked for is text.
    answer.as_json = getattr(options, "json", False)
    answer.command, options.answer = getattr(options, "command", None), answer
    options.environ = os.environ
    # Whatever a command writes is for its user alone; what it runs for him may write as he wants.
    options.umask = os.umask(0o077)
    options.world = World.from_environment(os.environ, getattr(options, "home", None))
    if getattr(options, "makes_files", False):
        from seemachine.state.disk.permissions import check_root

        check_root(options.world)
    with answer.alone():
        code: int = options.run(options)
    return code


def _unwritten(error: OSError) -> int:
    """What was done can't be told. When the reader left there is nobody to tell of that either."""
    if not isinstance(error, BrokenPipeError):
        from seemachine.state.errors import reason

        say(f"seemachine: {reason(error)}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    return parser.build(_enter)


def _enter(room: str, verb: str) -> Callable[[argparse.Namespace], int]:
    return partial(ROOMS[room], verb)


def _serve(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import serve

    return serve.run(options)


def _run_command(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import run

    return run.run(options)


def _wait(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import wait

    return wait.run(options)


def _info(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import info

    return info.run(options)


def _doctor(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import doctor

    return doctor.run(options)


def _env(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import env

    return env.run(options)


def _completion(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import completion

    return completion.run(options)


def _fleet(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import fleet

    return fleet.run(verb, options)


def _card(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import card

    return card.run(verb, options)


def _key(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import key

    return key.run(verb, options)


def _convert(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import convert

    return convert.run(options)


def _sign(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import sign

    return sign.run(options)


def _verify(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import verify

    return verify.run(options)


def _quarantine(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import quarantine

    return quarantine.run(verb, options)


def _fault(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import fault

    return fault.run(verb, options)


def _caliptra(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import caliptra

    return caliptra.run(verb, options)


def _cms(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import cms

    return cms.run(verb, options)


def _jar(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import jar

    return jar.run(verb, options)


def _cose(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import cose

    return cose.run(verb, options)


def _audit(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import audit

    code: int = getattr(audit, verb)(options)
    return code


def _backup(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import backup

    code: int = getattr(backup, verb)(options)
    return code


def _pki(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import pki

    return pki.run(verb, options)


def _cert(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import cert

    return cert.run(verb, options)


def _nfast(verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import nfast

    return nfast.run(verb, options)


def _watch(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import watch

    return watch.run(options)


def _library(_verb: str, options: argparse.Namespace) -> int:
    from seemachine.cli import library

    return library.run(options)


ROOMS: dict[str, Callable[[str, argparse.Namespace], int]] = {
    "serve": _serve,
    "run": _run_command,
    "wait": _wait,
    "info": _info,
    "doctor": _doctor,
    "env": _env,
    "completion": _completion,
    "fleet": _fleet,
    "card": _card,
    "key": _key,
    "convert": _convert,
    "sign": _sign,
    "verify": _verify,
    "quarantine": _quarantine,
    "fault": _fault,
    "caliptra": _caliptra,
    "cms": _cms,
    "jar": _jar,
    "cose": _cose,
    "audit": _audit,
    "backup": _backup,
    "pki": _pki,
    "cert": _cert,
    "nfast": _nfast,
    "library": _library,
    "watch": _watch,
}
