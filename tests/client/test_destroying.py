"""The end of a key, as its client sees it: machines first, files last, and nobody is believed."""

import os
from pathlib import Path
from typing import Any

import pytest
from kit.here import store
from kit.stories import a_key_file, a_peer, a_roster, play
from seeclient import operations
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.effects import Peer
from seeclient.keyfile import Made
from seeclient.keys import KeyStore
from seeclient.results import Destroyed

from seemachine.testing import ESN, OTHER_ESN, QUICK, Rig
from seemachine.wire.messages import DestroyLms, GetNvmemfileInfo, LmsDestroyed, NvmemfileInfo
from seemachine.wire.status import Status, StatusError

GONE = StatusError(Status.NotAvailable, "no NVRAM file")
BROKEN = StatusError(Status.OSErrorErrno, "connection: broken", "dispatch_socket_connect")
DENIED = StatusError(Status.AccessDenied, "alice has the role use")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A world of its own."""
    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path / "world"))


@pytest.fixture
def key() -> LmsKeyFile:
    """A key of this host."""
    made = a_key_file()
    store().save(made)
    return made


@pytest.fixture
def peers() -> list[Peer]:
    """Two machines."""
    return [a_peer(ESN), a_peer(OTHER_ESN, 2)]


def destroyed(peers: list[Peer], key: LmsKeyFile, replies: list[Any], left: list[Any]) -> Destroyed:
    """What comes of it when the machines say this."""
    destroy, look = DestroyLms(public_key=key.public_key), GetNvmemfileInfo(file=key.name)
    gone: Destroyed = play(
        operations.destroy(a_roster(*peers), key),
        ((peers, destroy), lambda: store().has("release") and replies),
        ((peers, look), lambda: store().has("release") and left),
    )
    return gone


def info(key: LmsKeyFile, public_key: bytes = b"") -> NvmemfileInfo:
    """A file that is there."""
    return NvmemfileInfo(
        file=key.name,
        public_key=public_key or key.public_key,
        first=0,
        next=3,
        end=32,
        loaded=True,
        quarantined=False,
    )


def lost(count: int, *, half_made: bool = False) -> LmsDestroyed:
    """What a machine says that destroyed so many signatures."""
    return LmsDestroyed(lost=count, half_made=half_made)


def test_machines_are_asked_before_the_file_goes(key: LmsKeyFile, peers: list[Peer]) -> None:
    """All of them at once."""
    gone = destroyed(peers, key, [lost(7), lost(0, half_made=True)], [GONE, GONE])
    assert gone == Destroyed({ESN: 7, OTHER_ESN: 0}, [OTHER_ESN], {}, ["release"])
    assert not store().has("release")


@pytest.mark.parametrize("refusal", [BROKEN, DENIED], ids=["breaks off", "denies"])
def test_while_a_machine_refuses_the_file_stays(
    refusal: StatusError, key: LmsKeyFile, peers: list[Peer]
) -> None:
    """So that the key can be named again."""
    gone = destroyed(peers, key, [lost(7), refusal], [GONE, refusal])
    assert (gone.lost, gone.refused, gone.aliases) == ({ESN: 7}, {OTHER_ESN: refusal}, ())
    assert store().load("release") == key


def test_a_machine_that_lies_is_not_believed(key: LmsKeyFile, peers: list[Peer]) -> None:
    """It says that the key is gone, and has leaves of it."""
    gone = destroyed(peers, key, [lost(7), lost(25)], [GONE, info(key)])
    assert gone.refused[OTHER_ESN].detail.startswith(f"{OTHER_ESN} says that it destroyed a key")
    assert store().has("release")


def test_a_file_of_another_key_is_no_lie(key: LmsKeyFile, peers: list[Peer]) -> None:
    """Two keys may have one name."""
    other = key.public_key[:-1] + bytes([key.public_key[-1] ^ 1])
    gone = destroyed(peers, key, [lost(7), lost(0)], [GONE, info(key, other)])
    assert not gone.refused


def test_without_a_machine_nothing_is_destroyed(key: LmsKeyFile) -> None:
    """Its file is all that names what machines hold."""
    with pytest.raises(StatusError, match="no HSMs are reachable, so release stays"):
        play(operations.destroy(a_roster(), key))
    assert store().has("release")


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "trio"])
async def test_a_program_destroys_a_key(asynchronous: bool, tmp_path: Path) -> None:
    """In both clients: the machine has nothing of it any more, and the alias is free."""
    rig = Rig(tmp_path / "rig")
    rig.start()
    if asynchronous:
        async with rig.trio_fleet() as fleet:
            key = await fleet.generate_lms("release", **QUICK)
            await key.sign(b"m")
            assert (await key.destroy()).lost == {ESN: 31}
            with pytest.raises(StatusError):
                await key.sign(b"m")
            await fleet.generate_lms("release", **QUICK)
        return
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **QUICK)
        key.sign(b"m")
        assert key.destroy().lost == {ESN: 31}
        with pytest.raises(StatusError):
            key.sign(b"m")
        fleet.generate_lms("release", **QUICK)


# ---------------------------------------------------------------- key files


def test_forgetting_takes_every_copy_and_no_other_key(key: LmsKeyFile) -> None:
    """By public key, not by alias; a file that can't be read stays."""
    keys = store()
    keys.path_of("copy").write_bytes(keys.path_of("release").read_bytes())
    keys.save(a_key_file("other"))
    keys.path_of("damaged").write_bytes(b"x")
    assert keys.forget(key.public_key) == ["copy", "release"]
    assert keys.aliases() == ["damaged", "other"]
    assert keys.forget(key.public_key) == []
    assert len(list(keys.folder.iterdir())) == 2


def test_a_key_that_was_made_meanwhile_stays(
    key: LmsKeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user destroyed the key first, and somebody made a new one under its alias."""
    keys, other, load = store(), a_key_file(), KeyStore.load

    def late(self: KeyStore, alias: str) -> Any:
        found = load(self, alias)
        monkeypatch.undo()
        os.environ["SEEMACHINE_HOME"] = str(keys.folder.parent.parent)
        self.save(other)
        return found

    monkeypatch.setattr(KeyStore, "load", late)
    assert keys.forget(key.public_key) == []
    assert keys.load("release") == other
    assert len(list(keys.folder.iterdir())) == 1


def test_who_made_a_key_is_kept() -> None:
    """When, by whom, on which machine; a key from before that was kept has none."""
    made = Made(1_764_000_000_000, "alice", ESN)
    key = a_key_file()
    for each in (key, LmsKeyFile("two", key.public_key, 0, 0, 0, b"", made=made)):
        store().save(each)
        assert store().load(each.alias) == each


@pytest.mark.parametrize(
    "made",
    [
        7,
        {"time": 1, "by": "alice"},
        {"time": -1, "by": "alice", "esn": ESN},
        {"time": 1, "by": "a\nb", "esn": ESN},
        {"time": 1, "by": "a" * 65, "esn": ESN},
        {"time": True, "by": "alice", "esn": ESN},
    ],
    ids=str,
)
def test_a_file_that_says_nothing_of_that_kind_is_damaged(made: Any) -> None:
    """And steers no terminal."""
    key = LmsKeyFile("one", a_key_file().public_key, 0, 0, 0, b"", made=Forged(made))
    store().save(key)
    with pytest.raises(StatusError, match="is damaged"):
        store().load("one")


class Forged:
    """What is written as it is."""

    def __init__(self, fields: Any) -> None:
        self._fields = fields

    def _asdict(self) -> Any:
        return self._fields
