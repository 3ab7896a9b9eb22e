"""What every tool does the same way: parse, run, say what was refused."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import seemachine
from seemachine.cli import argtypes
from seemachine.nfast import files, questions
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Misuse, Refusal, Silent
from seemachine.state.errors import StateError
from seemachine.terminal import finish_output
from seemachine.world import World

OURS = "A stand-in of seemachine: it acts on the world folder, never on hardware."


Parser = argtypes.Parser


def parser(name: str, description: str, ours: str = "") -> Parser:
    """A parser whose help names what is ours for want of a public source."""
    epilog = f"{OURS} Ours, not known of the real tool: {ours}" if ours else OURS
    return Parser(prog=name, description=description, epilog=epilog)


class _Usage(argparse.Action):
    """`--usage`: the first lines of `--help`."""

    def __call__(self, parsed: argparse.ArgumentParser, *_: object) -> None:
        parsed.print_usage()
        parsed.exit()


def add_help_options(parsed: Parser) -> None:
    """What each tool of Security World has besides --help (its manual, Utilities)."""
    parsed.add_argument("-u", "--usage", action=_Usage, nargs=0, help="show the usage and exit")
    version = f"%(prog)s {seemachine.__version__} (seemachine)"
    parsed.add_argument("-v", "--version", action="version", version=version)


def run(
    parsed: Parser,
    arguments: Sequence[str] | None,
    act: Callable[[argparse.Namespace], int | None] | None = None,
) -> int:
    """Run a tool.

    Returns the exit code: 0 done, 1 refused, 2 invalid command line, 130 interrupted.
    """
    try:
        options = parsed.parse_args(arguments)
        files.keep_private()
        return (act or options.act)(options) or 0
    except Silent:
        return 1
    except (Refusal, StateError, OSError) as error:
        say_error(parsed.prog, error)
        return 2 if isinstance(error, Misuse) else 1
    except KeyboardInterrupt:
        if questions.at_terminal():
            say()  # what was asked stands in the line still
        return 130
    finally:
        finish_output()


def say_error(name: str, error: object) -> None:
    """One line for what was refused, below what was printed so far."""
    finish_output()
    name = name.split(maxsplit=1)[0]
    text = reason(error)
    say(text if text.startswith(f"{name} ") else f"{name}: {text}", sys.stderr)


def reason(error: object) -> str:
    """Why something was refused, in words that say what to do; for what the system refuses too."""
    if not isinstance(error, OSError) or not isinstance(error.filename, str | bytes):
        return str(error)
    path = Path(os.fsdecode(error.filename))
    # A new file is written beside its place first.
    scratch = path.suffix == ".new" and path.name.startswith(".")
    if isinstance(error, FileNotFoundError):
        return f"there is no folder {path.parent}" if scratch else f"there is no file {path}"
    if isinstance(error, PermissionError) and scratch:
        return f"you may not write into {path.parent}"
    if isinstance(error, PermissionError):
        return (
            f"{path} is not yours to read or write; allow it as its owner: chmod a+r {path} (with"
            " sudo where root copied it)"
        )
    return f"{path}: {error.strerror}"


def world() -> World:
    """The world that the tools act on."""
    return World.from_environment(os.environ)
