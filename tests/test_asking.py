"""asking.py: a person is asked on a terminal only, and Ctrl-C at a question does nothing."""

import io
import sys

import pytest

from seemachine.cli import asking
from seemachine.cli.answer import Misused, Refused


class Terminal(io.StringIO):
    """Somebody types."""

    def isatty(self) -> bool:
        """It is one."""
        return True


class Leaving(Terminal):
    """Somebody presses Ctrl-C instead."""

    def readline(self, _size: int | None = -1, /) -> str:
        """Never a line."""
        raise KeyboardInterrupt


def test_what_is_typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It comes without its blanks; the question is on standard error, in the same line."""
    monkeypatch.setattr(sys, "stdin", Terminal(" yes \n"))
    asking.need_person("before it signs")
    assert asking.typed("Go on? [y/N]", "nothing was signed") == "yes"
    assert capsys.readouterr() == ("", "Go on? [y/N] ")


def test_ctrl_c_at_a_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said that nothing was done, in a line of its own, with the exit code of interrupts."""
    monkeypatch.setattr(sys, "stdin", Leaving())
    with pytest.raises(Refused, match=r"^interrupted; nothing was signed$") as refused:
        asking.typed("Go on? [y/N]", "nothing was signed")
    assert refused.value.failure[0:3:2] == ("interrupted", 130)
    assert capsys.readouterr().err == "Go on? [y/N] \n"


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a script it is refused as a wrong command line, with what to add."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(Misused, match=r"nobody can be asked before it signs; add --yes$"):
        asking.need_person("before it signs")
