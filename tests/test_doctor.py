"""`seemachine doctor`: each thing that would fail is found, with what mends it."""

import errno
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kit.processes import environment
from seeclient import library
from seeclient.environment import Environment

from seemachine.cli.command import main
from seemachine.config import Config
from seemachine.doctor import host
from seemachine.doctor import world as worlds
from seemachine.doctor.finding import NOTE, OK, TROUBLE, Diagnosis
from seemachine.fleet import configuration
from seemachine.hsms.published import Published, publish
from seemachine.lms import engines
from seemachine.pki.authority import Validity, make_ca
from seemachine.process.descriptors import share
from seemachine.world import World

ESN = "7852-268D-3BF9"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world that is not there yet."""
    return World.at(tmp_path / "world")


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process keeps its memory as it is."""
    monkeypatch.setattr(host, "harden", lambda _: {"locked_memory": "yes"})


def only(found: Iterator[Diagnosis]) -> Diagnosis:
    """The one diagnosis that there is."""
    [one] = found
    return one


def config(world: World, **settings: object) -> Config:
    """A machine's settings."""
    return Config(esn=ESN, world=world, **settings)  # type: ignore[arg-type]


def described(name: str, refused: dict[str, str]) -> engines.Description:
    """An engine that runs, and why others do not."""
    return engines.Description(name, {"sha256": "k"}, {"sha256": "k"}, 1, refused)


@pytest.mark.parametrize(
    ("why", "advice"),
    [
        ("the native engine is not built: no module", host.BUILD),
        ("SEEMACHINE_ENGINE asks for the portable engine", "unset SEEMACHINE_ENGINE"),
    ],
)
def test_the_portable_engine_is_said_with_its_reason(
    why: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It works, slowly: a note."""
    monkeypatch.setattr(engines, "describe", lambda: described("portable", {"native": why}))
    found = only(host.engine())
    assert (found.level, found.advice) == (NOTE, advice)
    assert why in found.sentence


def test_an_engine_that_can_not_be_had_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """No machine would start."""
    monkeypatch.setenv("SEEMACHINE_ENGINE", "abacus")
    assert only(host.engine()).level == TROUBLE


def test_libraries_that_are_not_built_are_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its reason; where all are there, one line says so."""
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    first, second = host.libraries()
    assert (first.level, second.level, first.advice) == (NOTE, NOTE, library.ADVICE)
    assert first.sentence.startswith("libacorn.so is not built: ")
    for file in library.FILES.values():
        (tmp_path / file).touch()
    assert only(host.libraries()).level == OK


@pytest.mark.parametrize(
    ("version", "level", "words"),
    [("0.1", TROUBLE, "is 0.1; "), (None, TROUBLE, "is not installed; "), ("99", OK, "Python")],
)
def test_packages_that_are_too_old(
    version: str | None, level: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that gets the one that is needed."""
    monkeypatch.setattr(host.metadata, "requires", lambda _: ["trio>=0.27"])
    monkeypatch.setattr(host, "_version", lambda _: version)
    last = list(host.packages())[-1]
    assert last.level == level
    assert words in last.sentence
    assert last.advice == ("" if level == OK else "pip install --upgrade 'trio>=0.27'")


def test_an_extra_that_is_not_there_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands do without it."""
    monkeypatch.setattr(host.metadata, "requires", lambda _: ['shtab>=1.13; extra == "completion"'])
    monkeypatch.setattr(host, "_version", lambda _: None)
    last = list(host.packages())[-1]
    assert (last.level, last.advice) == (NOTE, "pip install shtab")


def test_a_package_of_several_extras_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With each that needs it."""
    needed = [f'cryptography>=44; extra == "{each}"' for each in ("nfast", "pki", "formats")]
    monkeypatch.setattr(host.metadata, "requires", lambda _: needed)
    monkeypatch.setattr(host, "_version", lambda _: None)
    _, last = host.packages()
    assert last.sentence == (
        "cryptography is not installed, which the extras nfast, pki and formats need"
    )
    assert last.advice == "pip install cryptography"


def test_too_few_descriptors(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the settings promise, and what the system allows."""
    monkeypatch.setattr(host, "allow", lambda most, count: share(64, most, count))
    found = only(host.limits([(config(world),)]))
    assert found.level == NOTE
    assert "64 allowed" in found.sentence
    assert "lower limits.connections" in found.advice


@pytest.mark.parametrize(("wanted", "level"), [("auto", NOTE), ("yes", TROUBLE)])
def test_memory_that_can_not_be_locked(
    wanted: str, level: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails where a machine insists on it."""
    monkeypatch.setattr(host, "harden", lambda _: {"locked_memory": "no: the limit is 64 KiB"})
    found = only(host.memory_lock([config(world, lock_memory=wanted)]))
    assert (found.level, found.advice) == (level, "ulimit -l unlimited")


def test_a_port_that_somebody_has(world: World) -> None:
    """Named with the machine; one that searches comes up on another. When it is free again that
    is said.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        machine = config(world, port=taken.getsockname()[1])
        found = only(worlds.ports([machine]))
        assert (found.level, ESN in found.sentence) == (TROUBLE, True)
        searching = only(worlds.ports([replace(machine, search_port=True)]))
        assert (searching.level, "another one" in searching.sentence) == (NOTE, True)
    assert only(worlds.ports([machine])).level == OK


def test_a_world_that_is_open_to_others(world: World) -> None:
    """The command that is advised mends it."""
    world.folder.mkdir(mode=0o700)
    world.folder.chmod(0o777)
    found = only(worlds.permissions(world, []))
    assert (found.level, found.advice.split()[0]) == (TROUBLE, "chmod")
    subprocess.run(found.advice.split(), check=True)
    assert only(worlds.permissions(world, [])).level == OK


@pytest.mark.parametrize("made", [True, False])
def test_a_world_that_can_not_be_written(
    made: bool, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No fleet comes up there: on a disk that is read only, or in a folder of somebody else."""
    if made:
        world.folder.mkdir(mode=0o700)
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = only(worlds.permissions(world, []))
    sealed = world.folder if made else world.folder.parent
    assert (found.level, found.sentence) == (TROUBLE, f"{sealed}: Permission denied")


def test_a_file_of_another_version(world: World) -> None:
    """It is said to be newer, and not to be damaged."""
    (world.hsm(ESN)).mkdir(parents=True)
    publish(world, Published(ESN, "5c", 1, "127.0.0.1", 9000, os.getpid()))
    path = world.published / f"{ESN}.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 99'))
    found = only(worlds.formats(world))
    assert found.level == TROUBLE
    assert "newer version" in found.sentence


def test_a_damaged_key_file(world: World) -> None:
    """It is named, with the way out."""
    world.keys.mkdir(parents=True)
    path = world.keys / "key_pqsdk_z"
    path.write_bytes(b"key\n")
    found = only(worlds.formats(world))
    assert (found.level, found.advice) == (
        TROUBLE,
        "restore it from a copy, it holds no secret in clear",
    )
    assert found.sentence == f"{path} is damaged (its first line is not JSON)"


@pytest.mark.parametrize(
    ("days", "level", "word"), [(-1, TROUBLE, "expired"), (5, NOTE, "expires"), (90, OK, "valid")]
)
def test_certificates(days: int, level: str, word: str, world: World) -> None:
    """Those that have expired, and those that soon will, with how they are made anew."""
    world.pki.mkdir(parents=True)
    now = datetime.now(UTC)
    made = make_ca("a CA", Validity(now - timedelta(days=30), now + timedelta(days=days)))
    (world.pki / f"{ESN}.crt").write_bytes(made.certificate_pem)
    found = only(worlds.certificates(world))
    assert (found.level, word in found.sentence) == (level, True)
    assert found.advice == ("" if level == OK else f"seemachine pki issue machine {ESN} --renew")


def test_a_certificate_that_is_none(world: World) -> None:
    """It is named."""
    world.pki.mkdir(parents=True)
    (world.pki / "client-a.crt").write_text("none")
    found = only(worlds.certificates(world))
    assert (found.level, "client-a.crt" in found.sentence) == (TROUBLE, True)
    assert found.advice == "seemachine pki issue client a --role ROLE --renew"


def test_a_stale_published_object(world: World) -> None:
    """`fleet check` finds it, and so does the doctor."""
    (world.hsm(ESN)).mkdir(parents=True)
    publish(world, Published(ESN, "5c", 1, "127.0.0.1", 9000, 1))
    found = list(worlds.fleet(Environment(world)))
    assert [each.level for each in found] == [TROUBLE]
    assert "stale" in found[0].sentence


@pytest.mark.usefixtures("unlocked")
def test_the_exit_code_says_whether_something_would_fail(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0, and 1 for a fleet file that can't be read; nothing is made by looking."""
    for name, value in environment(world.folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SEEMACHINE_FLEET", raising=False)
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("no problems found\n")
    assert not world.folder.exists()
    world.folder.mkdir(mode=0o700)
    world.fleet_file.write_text("[[machines]")
    assert main(["doctor"]) == 1
    assert "trouble  fleet.toml" in capsys.readouterr().out


@pytest.mark.usefixtures("unlocked")
@pytest.mark.parametrize("place", [(configuration, "read"), (host, "limits"), (worlds, "formats")])
def test_what_can_not_be_read_hides_nothing_else(
    place: tuple[object, str],
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A folder of another user is what a doctor is asked about: it is said, and so is the rest."""

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/x")

    for name, value in environment(world.folder).items():
        monkeypatch.setenv(name, value)
    world.folder.mkdir(mode=0o700)
    world.fleet_file.write_text("")
    monkeypatch.setattr(*place, refused)
    assert main(["doctor"]) == 1
    told = capsys.readouterr().out
    assert "/x: Permission denied\n" + " " * 22 + "check its permissions" in told
    assert "ok       permissions" in told
    assert "fleet        no fleet in" in told


def test_sockets(world: World) -> None:
    """Of a machine that is down: its path is free, taken, or in a folder that others can write."""
    folder = world.folder / "sockets"
    folder.mkdir(parents=True)
    config = Config(esn=ESN, world=world, socket=f"{folder}/", tcp=False)
    assert only(worlds.sockets([config, Config(esn=ESN, world=world)])).level == OK
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(config.socket_path))
        other.listen()
        taken = only(worlds.sockets([config]))
    assert (taken.level, taken.advice) == (TROUBLE, f"give {ESN} another socket in fleet.toml")
    folder.chmod(0o777)
    found = only(worlds.sockets([config]))
    assert found.advice.startswith(f"chmod go-w {folder}")
    assert list(worlds.ports([config])) == []
