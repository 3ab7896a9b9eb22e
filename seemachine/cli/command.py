"""The `seemachine` command: which room each of its words goes to.

Rooms are imported only when entered.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module

from seemachine.cli import parser
from seemachine.cli.answer import Answer, Unwritten
from seemachine.cli.argtypes import WrongUsage
from seemachine.document import INTERRUPTED, USAGE, Failure
from seemachine.printing import say
from seemachine.process.parent import Parent
from seemachine.terminal import finish_output, settle_streams

JSON = "--json"


def main(
    arguments: Sequence[str] | None = None,
    options: argparse.Namespace | None = None,
    parent: Parent | None = None,
) -> int:
    """Run one command, whose words may have been read before, of a process that `parent` started.

    Returns the exit code: 0 done, 1 refused, 2 invalid command line, 130 interrupted.
    """
    parent = parent or Parent()
    settle_streams()
    words = sys.argv[1:] if arguments is None else arguments
    answer = Answer(as_json=JSON in words)
    try:
        code = _carried_out(words, answer, options, parent)
        answer.close(code)
    except WrongUsage as wrong:
        answer.command = wrong.prog.partition(" ")[2] or None
        answer.close(answer.fail(Failure.of(USAGE, wrong.sentence)))
        raise
    except Unwritten as unwritten:
        code = _unwritten(unwritten.error, answer)
    except OSError as error:
        code = _unwritten(error, answer)
    finally:
        finish_output()
    return code


def _carried_out(
    words: Sequence[str], answer: Answer, options: argparse.Namespace | None, parent: Parent
) -> int:
    try:
        return _run(words, answer, options, parent)
    except KeyboardInterrupt:
        say(file=sys.stderr)
        return answer.fail(Failure.of(INTERRUPTED, "interrupted"))
    except (BrokenPipeError, Unwritten):
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

        return answer.refuse(failure_of(error, answer.command))


def read(words: Sequence[str]) -> argparse.Namespace:
    """The words of a command line. Raises WrongUsage, SystemExit."""
    return _parser().parse_args(words)


def _run(
    words: Sequence[str], answer: Answer, options: argparse.Namespace | None, parent: Parent
) -> int:
    if options is None and not words:
        _parser().print_help(sys.stderr)
        return 2
    options = options or read(words)
    # The one place where the environment is asked; what follows is handed on.
    from seemachine.world import World

    # `help` has no document; what it is asked for is text.
    answer.as_json = getattr(options, "json", False)
    answer.command, options.answer = getattr(options, "command", None), answer
    options.environ, options.parent = os.environ, parent
    # Whatever a command writes is for its user alone; what it runs for him may write as he wants.
    options.umask = os.umask(0o077)
    home = getattr(options, "home", None)
    # `run` has a world of its own, which nobody named.
    answer.home = None if answer.command == "run" else home
    options.world = World.from_environment(os.environ, home)
    if getattr(options, "makes_files", False):
        from seemachine.state.disk.permissions import check_root

        check_root(options.world)
    with answer.alone():
        code: int = options.run(options)
    return code


def _unwritten(error: OSError, answer: Answer) -> int:
    """The answer can't be told. Who closed the pipe has read enough, but for what stands."""
    answer.complain_of_unread()
    if not isinstance(error, BrokenPipeError):
        from seeclient.files import sentence

        answer.complain(f"{sentence(error, 'standard output')}; the rest of the answer is lost")
    return answer.code_unwritten


def _parser() -> argparse.ArgumentParser:
    return parser.build(_enter)


def _enter(room: str, verb: str) -> Callable[[argparse.Namespace], int]:
    return partial(_run_room, room, verb)


def _run_room(room: str, verb: str, options: argparse.Namespace) -> int:
    """What a word does is in the file of that name; without verbs it is asked for none."""
    run = import_module(f"seemachine.cli.{room}").run
    code: int = run(verb, options) if verb else run(options)
    return code
