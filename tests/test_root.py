"""Root in the world of another user: it may look, and makes nothing there that would keep the user
out of it.
"""

import os
from pathlib import Path

import pytest

from seemachine.cli.command import main
from seemachine.state.disk import permissions

ESN = "7852-268D-3BF9"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty world that is another user's, for root, who runs this."""
    folder = tmp_path / "world"
    folder.mkdir(mode=0o700)
    root = os.geteuid() + 1
    monkeypatch.setattr(permissions, "ROOT", root)
    monkeypatch.setattr(os, "geteuid", lambda: root)
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ["serve", "--esn", ESN, "--port", "0"],
        ["fleet", "up"],
        ["card", "new"],
        ["card", "insert", "card1", "--esn", ESN, "--slot", "2"],
        ["card", "remove", "--esn", ESN, "--slot", "2"],
        ["card", "format", "--esn", ESN, "--slot", "2"],
        ["pki", "init"],
        ["restore", "nosuch.tar"],
        ["nfast", "path"],
    ],
)
def test_root_makes_nothing_there(
    words: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One `sudo` too many must not end with machines that do not start for their user."""
    assert main([*words, "--home", str(home)]) == 1
    assert f"{home} belongs to user {os.getuid()}, whom files of root" in capsys.readouterr().err
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code"), [(["card", "list"], 0), (["fleet", "status"], 1), (["info"], 0)]
)
def test_root_may_look(
    words: list[str], code: int, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An administrator sees what runs where."""
    assert main([*words, "--home", str(home)]) == code
    assert "belongs to" not in capsys.readouterr().err
