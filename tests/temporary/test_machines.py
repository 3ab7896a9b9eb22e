"""machines.py: what is said of machines that an error has ended."""

import argparse
import errno
from pathlib import Path

import pytest

from seemachine.cli.answer import Answer, Refused
from seemachine.cli.run import _Told
from seemachine.config import Config
from seemachine.temporary import machines
from seemachine.temporary.keeper import NOT_BEGUN
from seemachine.temporary.machines import HostedMachines
from seemachine.testing import ESN
from seemachine.world import World


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "raise the limit of open files"),
        (ValueError("a bug"), "that is a fault of the program; see it with --log"),
    ],
)
def test_why_machines_did_not_come_up(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system lacks is said with what to do; the rest is in the log."""

    def fail(_wanted: str) -> None:
        raise error

    monkeypatch.setattr(machines, "harden", fail)
    options = argparse.Namespace(answer=Answer(as_json=False, command="run"), environ={})
    told, tried = _Told(options, [Config(esn=ESN, world=World.at(tmp_path))]), []
    hosted = told.machines(lambda: tried.append(hosted))
    assert isinstance(hosted, HostedMachines)
    hosted._run()
    hosted.finish_log()
    assert tried == [hosted]
    assert "the machines have ended" in (tmp_path / "fleet" / "log").read_text()
    with pytest.raises(Refused, match=said):
        told.judged(NOT_BEGUN)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_log_is_for_who_reads_it(
    is_terminal: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A person on a terminal, or a program."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal)
    options = argparse.Namespace(answer=Answer(as_json=False, command="run"), environ={})
    event = '{"event": "ready", "level": "info", "timestamp": "2026-11-29T12:00:00Z"}'
    _Told(options, [Config(esn=ESN, world=World.at(tmp_path))])._print_log([f"{event}\n"])
    said = capsys.readouterr().err
    assert ("[info     ] ready" in said, event in said) == (is_terminal, not is_terminal)
