"""What a command of `seemachine` answers: lines for a person or, with --json, one document."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seemachine.document import FOUND, NOTHING, REFUSED, USAGE, Failure, document, in_world
from seemachine.printing import say, say_json

PROGRAM = "seemachine"
# So many lines that nobody has read are said one by one.
MOST_UNREAD = 3
SAID = "it was not done; standard error says why"


class Refused(Exception):
    """A command is not carried out. The text is a sentence that says what to do."""

    def __init__(
        self, sentence: str, exit_code: int = 1, more: Mapping[str, Any] = NOTHING
    ) -> None:
        super().__init__(sentence)
        self.failure = Failure(REFUSED, sentence, exit_code, more)


class Misused(Refused):
    """Refused whatever the world looks like: the command line is invalid."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.failure = Failure.of(USAGE, sentence)


@contextlib.contextmanager
def misused(kind: type[ValueError]) -> Iterator[None]:
    """Errors of a kind are of what is wrong whatever the world looks like. Raises Misused."""
    try:
        yield
    except kind as error:
        raise Misused(str(error)) from None


class Unwritten(Exception):
    """Standard output did not take a line: who read it left, or the disk is full."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Answer:
    """One command's. What it says to a person is not said with --json, but for what goes to
    standard error; what it gives to a program is not printed without.

    `code_unwritten` is the exit code when standard output does not take it all; a command that has
    another meaning for 1 sets it.
    """

    def __init__(self, *, as_json: bool, command: str | None = None) -> None:
        self.command = command
        self.as_json = as_json
        self._fields: dict[str, Any] = {}
        self._notes: list[str] = []
        # Lines that went to standard error.
        self.complaints: list[str] = []
        self._failure: Failure | None = None
        # Lines of what stands, that nobody has read.
        self._unread: list[str] = []
        self._unwritten: Unwritten | None = None
        self.code_unwritten = 1
        # What --home named: commands that are advised are for that world.
        self.home: Path | None = None

    def say(self, *parts: object, sep: str = " ") -> None:
        """A line for a person. Raises Unwritten."""
        if not self.as_json:
            with written():
                say(*(self._led(str(part)) for part in parts), sep=sep, flush=True)

    def report(self, sentence: str) -> bool:
        """A line of what stands though nobody should read it, such as a signature: where standard
        output does not take it, the command goes on, and standard error has it in the end.

        Returns whether it was taken.
        """
        try:
            self.say(sentence)
        except Unwritten as unwritten:
            self._unwritten = unwritten
        if self.as_json or self._unwritten:
            self._unread.append(sentence)
        return self._unwritten is None

    def complain_of_unread(self) -> None:
        """What was reported, where standard output did not take the answer."""
        lines = self._unread
        if len(lines) > MOST_UNREAD:
            lines = [lines[0], f"{len(lines) - 2} more lines are lost", lines[-1]]
        for line in lines:
            self.complain(line)

    def give(self, **fields: Any) -> None:
        """Fields for a program."""
        self._fields |= fields

    def remark(self, sentence: str) -> None:
        """A line for a person that a program may want to show to one."""
        self.say(sentence)
        self._notes.append(self._led(sentence))

    def note(self, sentence: object) -> None:
        """What does not fail the command, and everybody should know."""
        self._notes.append(self._led(str(sentence)))
        self.complain(sentence)

    def refuse(self, failure: Failure) -> int:
        """Say why the command was not carried out. Returns the exit code."""
        code = self.fail(failure)
        try:
            with written():
                sys.stdout.flush()
        finally:
            self.complain(failure.message)
        return code

    def found(self, sentence: str, exit_code: int = 1) -> int:
        """The command was carried out and did not find that all is well, which its lines tell.

        Returns the exit code.
        """
        return self.fail(Failure(FOUND, sentence, exit_code))

    def fail(self, failure: Failure) -> int:
        """It failed, and that was said already. Returns the exit code."""
        self._failure = failure._replace(message=self._led(failure.message))
        return failure.exit_code

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """With --json nothing but the document goes to standard output: questions of a dialogue
        and lines of others go to standard error.
        """
        with contextlib.redirect_stdout(sys.stderr) if self.as_json else contextlib.nullcontext():
            yield

    def close(self, exit_code: int) -> None:
        """The command is over. Raises Unwritten."""
        failure = self._failure
        if exit_code and failure is None:
            failure = Failure(REFUSED, self._notes[-1] if self._notes else SAID, exit_code)
        if self._unwritten:
            raise self._unwritten
        with written():
            if self.as_json:
                say_json(document(PROGRAM, self.command, self._fields, failure, self._notes))
            sys.stdout.flush()

    def _led(self, sentence: str) -> str:
        return in_world(sentence, self.home) if self.home else sentence

    def complain(self, sentence: object) -> None:
        """A line on standard error, which begins with the command."""
        begun = f"{PROGRAM} {self.command or ''}".rstrip()
        self.complaints.append(f"{begun}: {self._led(str(sentence))}")
        say(self.complaints[-1], file=sys.stderr)


@contextlib.contextmanager
def written() -> Iterator[None]:
    """What is done to standard output. Raises Unwritten for what the system refuses."""
    try:
        yield
    except OSError as error:
        raise Unwritten(error) from error
