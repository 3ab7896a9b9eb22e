"""What every tool does the same way: parse, run, say what was refused, ask."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from seemachine import printing
from seemachine.cli import argtypes
from seemachine.state.disk.durable import replace_file
from seemachine.state.errors import StateError
from seemachine.world import World

OURS = "A stand-in of seemachine: it acts on the world folder, never on hardware."


class Refusal(Exception):
    """The tool does not do what it was told. The text says why, and what to do."""


class Misuse(Refusal):
    """Refused whatever the world looks like: wrong usage."""


class Silent(Refusal):
    """Refused, and said already in the tool's own form."""


Parser = argtypes.Parser


# The caller's, before `run` takes a stricter one: files without a secret are for whoever the caller
# lets read.
_umask = os.umask(0o077)
os.umask(_umask)


def parser(name: str, description: str, ours: str = "") -> Parser:
    """A parser whose help names what is ours for want of a public source."""
    notes = f"{OURS} Ours, not known of the real tool: {ours}" if ours else OURS
    return Parser(prog=name, description=description, epilog=notes)


def run(
    parsed: Parser,
    arguments: Sequence[str] | None,
    act: Callable[[argparse.Namespace], int | None] | None = None,
) -> int:
    """Run a tool. Returns the exit code: 0 done, 1 refused, 2 wrong usage, 130 interrupted."""
    options = parsed.parse_args(arguments)
    os.umask(0o077)
    try:
        return (act or options.act)(options) or 0
    except Silent:
        return 1
    except (Refusal, StateError, OSError) as error:
        say_error(parsed.prog, error)
        return 2 if isinstance(error, Misuse) else 1
    except KeyboardInterrupt:
        if at_terminal():
            say()  # what was asked stands in the line still
        return 130


def say(text: object = "", file: TextIO | None = None) -> None:
    """One line, at once: who watches a dialogue acts on it."""
    printing.say(text, file=file, flush=True)


def say_error(name: str, error: object) -> None:
    """One line for what was refused, below what was printed so far."""
    sys.stdout.flush()
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


def keep(path: Path, data: bytes) -> None:
    """Write a file that holds no secret, readable as the caller's umask says: `sudo cp` makes root
    its owner (guide 2.5.1 step 7).
    """
    replace_file(path, data, before=lambda scratch: scratch.chmod(0o666 & ~_umask))


def refuse_unwritable(path: Path) -> None:
    """Before a dialogue that would be in vain. Raises Refusal when no file can be written there."""
    if not path.absolute().parent.is_dir():
        raise Refusal(f"there is no folder {path.parent}")
    if path.is_dir():
        raise Refusal(f"{path} is a folder")
    if not os.access(path.absolute().parent, os.W_OK):
        raise Refusal(f"you may not write into {path.absolute().parent}")


def text_of(path: Path) -> str:
    """A file that a tool was given. Raises Refusal for one that is no text, OSError."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        raise Refusal(f"{path} is not a text file") from None


def parsed(text: str | bytes) -> Any:
    """JSON. Raises ValueError, also for what is too deep."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def world() -> World:
    """The world that the tools act on."""
    return World.from_environment(os.environ)


def at_terminal() -> bool:
    """Whether a person sits there, who can be waited for."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(prompt: str, default: str | None = None) -> str:
    """The answer to a question. Raises Refusal when there is nobody to answer.

    In a pipe the answer is printed behind the question, as a terminal shows it.
    """
    printing.say(f"{prompt} ", end="", flush=True)
    answer = _line()
    if not answer:
        say()
        raise Refusal("nobody answers; give the missing words on the command line")
    if not at_terminal():
        say(answer.rstrip("\n"))
    return answer.strip() or (default or "")


def ask_until(prompt: str, default: str | None, check: Callable[[str], object]) -> str:
    """An answer that `check` does not refuse; at a terminal it is asked for again until then.

    Raises Refusal.
    """
    while True:
        answer = ask(prompt, default)
        try:
            check(answer)
            return answer
        except Refusal as refused:
            if not at_terminal():
                raise
            say(refused, sys.stderr)


def confirm(question: str) -> bool:
    """Ask until yes or no is answered."""
    while True:
        answer = ask(f"{question} (yes/no):")
        if answer in ("yes", "no"):
            return answer == "yes"


def answered() -> bool:
    """Wait for a line. False when nobody types one any more."""
    return bool(_line())


def secret(prompt: str) -> str:
    """A passphrase, typed unseen; in a pipe the next line."""
    if at_terminal():
        import getpass

        with contextlib.suppress(EOFError):
            return getpass.getpass(f"{prompt} ")
        # The shell's prompt would stand behind ours.
        say()
        raise Refusal("no passphrase was given")
    line = _line()
    if not line:
        raise Refusal("no passphrase was given; in a pipe it is the next line of standard input")
    return line.rstrip("\n")


def new_secret(prompt: str) -> str:
    """A passphrase that nobody can look up later: at a terminal typed twice, until both are the
    same.
    """
    while True:
        first = secret(prompt)
        if not at_terminal() or secret("The same again:") == first:
            return first
        say("The two are not the same.")


def _line() -> str:
    """The next line of standard input, or nothing at its end.

    Not a byte more is taken: the next tool of a script reads on from there.
    """
    if at_terminal():
        return sys.stdin.readline()
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line.decode(errors="replace")
