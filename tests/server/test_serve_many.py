"""`seemachine serve` of several machines: which ones they are, from words and files."""

from pathlib import Path

import pytest

from seemachine.cli.command import main
from seemachine.config import Config

FIRST, SECOND, THIRD = "0000-0000-0001", "0000-0000-0002", "0000-0000-0003"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The machines that would be started."""
    found: list[Config] = []
    monkeypatch.setattr(
        "seemachine.server.launch.start", lambda configs, *_: found.extend(configs) or 0
    )
    return found


def serve(*words: str) -> int:
    """The exit code."""
    return main(["serve", *words])


def file(folder: Path, name: str, text: str) -> str:
    """A file of settings."""
    (folder / name).write_text(text)
    return str(folder / name)


def test_several_esns_count_up(started: list[Config], tmp_path: Path) -> None:
    """Numbers and ports, from the first machine's; all else is the same for all."""
    words = ("--esn", FIRST, "--esn", SECOND, "--esn", THIRD.lower(), "--ephemeral")
    shared = file(tmp_path, "a.toml", "module = 4\n[limits]\nconnections = 7\n")
    assert serve(*words, "--config", shared, "--port", "9000") == 0
    assert [(each.esn, each.module, each.port) for each in started] == [
        (FIRST, 4, 9000),
        (SECOND, 5, 9001),
        (THIRD, 6, 9002),
    ]
    assert {(each.store, each.limits.connections) for each in started} == {("memory", 7)}


def test_any_port_is_any_port_for_all(started: list[Config]) -> None:
    """0 does not count up."""
    assert serve("--esn", FIRST, "--esn", SECOND, "--port", "0") == 0
    assert [each.port for each in started] == [0, 0]


def test_several_files_are_a_machine_each(started: list[Config], tmp_path: Path) -> None:
    """Each says what it is; words hold for all of them."""
    files = [
        file(tmp_path, f"{esn}.toml", f'esn = "{esn}"\nport = {port}\n')
        for esn, port in ((FIRST, 9000), (SECOND, 9500))
    ]
    words = [word for path in files for word in ("--config", path)]
    assert serve(*words, "--home", str(tmp_path / "world")) == 0
    assert [(each.esn, each.port) for each in started] == [(FIRST, 9000), (SECOND, 9500)]
    assert {each.world.folder for each in started} == {tmp_path / "world"}


def test_what_can_not_be_meant_is_wrong_usage(
    started: list[Config], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and a sentence; nothing starts."""
    one, two = (file(tmp_path, name, f'esn = "{FIRST}"\n') for name in ("one.toml", "two.toml"))
    last = ("--module", "65535")
    for words, sentence in (
        (("--esn", FIRST, "--esn", FIRST), "two machines have the same esn"),
        (("--config", one, "--config", two), "two machines have the same esn"),
        (("--config", one, "--config", two, "--esn", FIRST), "leave out --esn"),
        (("--esn", FIRST, "--esn", SECOND, *last), "module takes a number from 1 to 65535"),
        ((), "--esn is needed"),
    ):
        assert serve(*words) == 2
        assert sentence in capsys.readouterr().err
    assert started == []
