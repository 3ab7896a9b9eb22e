"""waiting.py: until machines answer, and what is said of those that do not."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from kit import in_process
from kit.processes import environment
from seeclient.environment import Environment

from seemachine.cli import wait
from seemachine.cli.command import main
from seemachine.fleet.waiting import Inquiry, Roll
from seemachine.world import World

FIRST, SECOND = "7852-268D-3BF9", "5F08-02E0-D947"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A world, and commands that have no other."""
    with monkeypatch.context() as patch:
        for name, value in environment(tmp_path / "world").items():
            patch.setenv(name, value)
        patch.delenv("SEEMACHINE_FLEET", raising=False)
        yield tmp_path / "world"


def called(home: Path, wanted: int | None, seconds: float) -> Roll:
    """Who answers in a world."""
    return Inquiry(Environment(World.at(home)), in_process.connect).wait(wanted, seconds)


def test_it_waits_for_the_last_machine(home: Path) -> None:
    """Of all that the fleet file has, also of one that is not published now."""
    home.mkdir()
    entries = (f'[[machines]]\nesn = "{esn}"\nport = 0\n' for esn in (FIRST, SECOND))
    (home / "fleet.toml").write_text("".join(entries))
    with in_process.machines(home, FIRST, SECOND) as (_, second):
        assert called(home, None, 30).absent == []
        second.stop()
        assert called(home, None, 0.05).absent == [SECOND]
        assert len(called(home, 1, 30).answering) == 1
        threading.Timer(0.1, second.start).start()
        roll = called(home, None, 30)
        assert {greeting.esn for _, greeting in roll.answering} == {FIRST, SECOND}


def test_a_stale_object_is_no_answer(home: Path) -> None:
    """A killed machine leaves one; the reason is that of the last look."""
    with in_process.machines(home, FIRST) as (machine,):
        machine.stop(withdrawn=False)
        (silent,) = called(home, None, 0.05).silent
        assert silent.address.esn == FIRST
        assert silent.why.endswith("Connection refused")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "no machine answered; none is published here; start some with: seemachine fleet up"),
        (
            "--machines 3 --fleet 127.0.0.1:1,127.0.0.1:2,127.0.0.1:3,127.0.0.1:4",
            "0 of 3 machines answered; 127.0.0.1:1: connecting to 127.0.0.1 on port 1: Connection"
            " refused; 127.0.0.1:2: connecting to 127.0.0.1 on port 2: Connection refused;"
            " 127.0.0.1:3: connecting to 127.0.0.1 on port 3: Connection refused; and 1 more does"
            " not answer",
        ),
    ],
)
def test_why_it_was_in_vain(
    words: str, said: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and a sentence that names them, the first few with the reason."""
    assert main(["wait", "--seconds", "1", *words.split()]) == 1
    assert capsys.readouterr() == ("", f"seemachine wait: within 1 second {said}\n")


def test_too_few_that_all_answer_are_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is silent, so what is said is that there is no other, here or at the addresses."""
    monkeypatch.setattr(wait, "Inquiry", partial(Inquiry, connect=in_process.connect))
    with in_process.machines(home, FIRST) as (machine,):
        said = "within 1 second 1 of 2 machines answered"
        assert main(["wait", "--seconds", "1", "--machines", "2"]) == 1
        assert (
            f"{said}; no other is published here; start it, or ask for" in capsys.readouterr().err
        )
        at = f"127.0.0.1:{machine.port}"
        assert main(["wait", "--seconds", "1", "--machines", "2", "--fleet", at]) == 1
        assert f"{said}; no other is in {at}; start it, or" in capsys.readouterr().err


def test_an_empty_address_does_not_stand_for_the_world(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A variable of a job that was never set must not have it wait for something else."""
    assert main(["wait", "--fleet", ""]) == 2
    assert "--fleet is empty" in capsys.readouterr().err


def test_a_folder_without_sockets_has_no_machine(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may get one; until then that is said."""
    (tmp_path / "sockets").mkdir(0o700)
    fleet = f"unix:{tmp_path}/sockets"
    assert main(["wait", "--seconds", "1", "--fleet", fleet]) == 1
    said = f"seemachine wait: within 1 second no machine answered; there is none in {fleet}\n"
    assert capsys.readouterr().err == said


def test_an_address_that_is_none_is_refused_at_once(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No time makes it one."""
    assert main(["wait", "--fleet", "host:99999"]) == 1
    assert "host:99999 is not an address" in capsys.readouterr().err
