"""unix_sockets.py: a machine's socket, what it takes the place of, and who comes by it."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from kit.daemons import running
from kit.services import HELLO, NO_FILE, Peer
from kit.sockets import short_folder

from seemachine.config import Config
from seemachine.server import peers, unix_sockets
from seemachine.server.ports import CannotListen
from seemachine.server.unix_sockets import open_socket, refuse_taken_socket
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status
from seemachine.world import World


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder whose path leaves room for the name of a socket."""
    with short_folder() as made:
        yield made


def settings(world: Path, where: Path | str, **more: object) -> Config:
    """Of a machine that has a socket alone."""
    return Config(esn=ESN, world=World.at(world), socket=str(where), tcp=False, **more)


async def talk(path: Path) -> Peer:
    """A connection after hello."""
    return await Peer(await trio.open_unix_socket(path)).greet()


async def listened(config: Config) -> trio.SocketListener:
    """An open socket, closed when the test ends."""
    listener, _ = await open_socket(config)
    return listener


async def test_a_machine_answers_on_its_socket_and_its_port(tmp_path):
    """Both lead to the same machine; the log says where they are, and who came by which."""
    path = tmp_path / "s.sock"
    async with running(tmp_path, socket=str(path)) as machine:
        here, there = await talk(path), await machine.greeted()
        for peer in (here, there):
            assert (await peer.ask(NO_FILE)).status is Status.NotAvailable
        [ready] = machine.log.named("ready")
        assert (ready["socket"], ready["port"]) == (str(path), machine.port)
        lines = machine.log.named("request")
        assert {line["peer"].rpartition(":")[0] for line in lines} == {"unix", "127.0.0.1"}
        assert [line["client"] for line in lines if line["peer"] == f"unix:{os.getpid()}"] == [
            f"uid {os.geteuid()}",
            f"uid {os.geteuid()}",
        ]
        await here.stream.aclose()


async def test_a_machine_without_a_port_listens_on_its_socket_alone(tmp_path):
    """No port is opened, and the log names none."""
    path = tmp_path / "s.sock"
    async with running(tmp_path, socket=str(path), tcp=False) as machine:
        peer = await talk(path)
        assert (machine.host, machine.port) == ("", 0)
        [ready] = machine.log.named("ready")
        assert "port" not in ready
        assert [each.socket.family for each in machine.daemon._listeners] == [socket.AF_UNIX]
        await peer.stream.aclose()


async def test_a_socket_is_gone_when_its_machine_has_stopped(tmp_path):
    """Also the path leads nowhere then."""
    path = tmp_path / "s.sock"
    async with running(tmp_path, socket=str(path), tcp=False) as machine:
        assert path.is_socket()
        machine.stop.set()
        await machine.ended.wait()
        assert not path.exists()


async def test_a_machine_that_stops_leaves_anothers_socket(tmp_path):
    """Somebody removed its own and put another there."""
    path = tmp_path / "s.sock"
    async with running(tmp_path, socket=str(path), tcp=False) as machine:
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            machine.stop.set()
            await machine.ended.wait()
            assert path.is_socket()


async def test_one_user_has_the_places_of_one_peer(tmp_path):
    """Limits that hold for an address hold for a user who comes by the socket."""
    path = tmp_path / "s.sock"
    async with running(tmp_path, socket=str(path), peer_connections=1) as machine:
        first = await talk(path)
        assert isinstance(
            await first.ask(m.GenerateLms(lms=5, lmots=3, expcards=0, explease=0)), m.LmsStarted
        )
        second = Peer(await trio.open_unix_socket(path))
        refusal = await second.ask(HELLO)
        assert "1 connections of one user at most" in refusal.detail
        other = await machine.greeted()
        assert (await other.ask(NO_FILE)).status is Status.NotAvailable
        for peer in (first, second):
            await peer.stream.aclose()


def test_a_user_counts_as_one_peer_and_is_called_one():
    """Not as an address."""
    assert peers.peer_of("uid 1000") == "uid 1000"
    assert [peers.kind_of(host) for host in ("uid 1000", "::1")] == ["user", "address"]


# ---------------------------------------------------------------- what is at the path


async def test_a_stale_socket_is_replaced(tmp_path):
    """Nobody has listened there since its machine was killed."""
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    async with running(tmp_path, socket=str(path), tcp=False):
        peer = await talk(path)
        await peer.stream.aclose()


async def test_a_socket_that_is_listened_on_is_taken(tmp_path):
    """Whoever listens there goes on, and nothing is made for the machine that can't."""
    path = tmp_path / "s.sock"
    config = settings(tmp_path, path)
    async with await listened(config):
        for world in (tmp_path, tmp_path / "other"):
            other = settings(world, path)
            with pytest.raises(CannotListen, match=r"s\.sock is taken; choose another path"):
                refuse_taken_socket(other)
            with pytest.raises(CannotListen, match="is taken"):
                await open_socket(other)
        await talk_to_nobody(path)


async def talk_to_nobody(path: Path) -> None:
    """Connect and hang up: somebody listens."""
    await (await trio.open_unix_socket(path)).aclose()


async def test_one_whose_queue_is_full_is_taken_too(tmp_path, monkeypatch):
    """It lets nobody in for now, and is not stale for that."""
    path = tmp_path / "s.sock"
    monkeypatch.setattr(unix_sockets, "BACKLOG", 0)
    config = settings(tmp_path, path)
    async with await listened(config):
        with socket.socket(socket.AF_UNIX) as waits:
            waits.connect(str(path))
            with pytest.raises(CannotListen, match="is taken"):
                await open_socket(config)


async def test_of_two_that_start_at_one_time_one_has_the_path(tmp_path):
    """Both found the stale socket; the second finds the first one's."""
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    outcomes: list[object] = []

    async def start() -> None:
        try:
            outcomes.append((await open_socket(settings(tmp_path, path)))[0])
        except CannotListen as refused:
            outcomes.append(str(refused))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(start)
    [listener] = [each for each in outcomes if isinstance(each, trio.SocketListener)]
    assert len([each for each in outcomes if "is taken" in str(each)]) == 4
    await talk_to_nobody(path)
    await listener.aclose()


async def test_who_keeps_the_folder_locked_is_not_waited_for_without_end(tmp_path, autojump_clock):
    """The machine does not start, and says why."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    assert unix_sockets._locked(descriptor)
    with pytest.raises(CannotListen, match=r"another process keeps .* locked"):
        await open_socket(settings(tmp_path, tmp_path / "s.sock"))
    os.close(descriptor)


@pytest.mark.parametrize("kind", ["link", "dangling", "file", "folder"])
async def test_what_is_no_socket_is_left_alone(tmp_path, kind):
    """A link is not followed: what it leads to may be anybody's."""
    path = tmp_path / "s.sock"
    target = tmp_path / "target"
    if kind == "link":
        target.write_text("precious")
        path.symlink_to(target)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    elif kind == "file":
        path.write_text("precious")
    config = settings(tmp_path, path)
    if kind == "folder":
        (tmp_path / f"1-{ESN}.sock").mkdir()
        config = settings(tmp_path, tmp_path)
    before = config.socket_path.lstat()
    for attempt in (open_socket(config), None):
        with pytest.raises(CannotListen, match="is not a socket; move it away"):
            await attempt if attempt is not None else refuse_taken_socket(config)
    assert config.socket_path.lstat() == before
    assert not target.exists() or target.read_text() == "precious"


# ---------------------------------------------------------------- its folder


async def test_who_may_enter_its_folder_may_use_it(tmp_path):
    """The folder is made, for a group, whatever the umask is, and the socket is that group's."""
    folder = tmp_path / "deep" / "sockets"
    before = os.umask(0o077)
    try:
        async with await listened(settings(tmp_path, f"{folder}/")):
            [made] = folder.iterdir()
            assert made.name == f"1-{ESN}.sock"
            found = made.lstat()
            assert stat.S_IMODE(found.st_mode) == 0o660
            assert found.st_gid == folder.stat().st_gid
            assert stat.S_IMODE(folder.stat().st_mode) == 0o750
            assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("mode", "private_group", "fits"),
    [
        (0o777, False, False),
        (0o777, True, False),
        (0o770, False, False),
        (0o2770, True, True),
        (0o1777, False, True),
        (0o755, False, True),
    ],
)
async def test_a_folder_that_others_may_write_is_refused(tmp_path, mode, private_group, fits):
    """They could put a socket of theirs in its place; not where only owners remove their files, nor
    in a group that has no other member.
    """
    folder = tmp_path / "sockets"
    folder.mkdir()
    folder.chmod(mode)
    config = settings(tmp_path, folder, private_group=private_group)
    if fits:
        async with await listened(config):
            return
    with pytest.raises(CannotListen, match=f"mode {mode:04o}.*run: chmod go-w"):
        refuse_taken_socket(config)
    with pytest.raises(CannotListen, match="others may put sockets into"):
        await open_socket(config)
    assert not list(folder.iterdir())


async def test_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    """Its owner may put there what he likes."""
    real = tmp_path.stat()
    monkeypatch.setattr(os, "geteuid", lambda: real.st_uid + 1)
    monkeypatch.setattr(unix_sockets, "ROOT", -1)
    with pytest.raises(CannotListen, match=f"belongs to user {real.st_uid}"):
        await open_socket(settings(tmp_path, tmp_path / "s.sock"))


async def test_what_the_system_refuses_is_said_with_the_path(tmp_path):
    """As of any other place where a machine can't listen."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotListen, match=r"cannot listen on .*x: .*file is not a folder"):
        await open_socket(settings(tmp_path, tmp_path / "file" / "folder" / "x"))


async def test_a_group_that_can_not_be_given_is_left(tmp_path, monkeypatch):
    """A user namespace may not know it: the socket is the machine's own group's then."""

    def refuse(*_):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "chown", refuse)
    async with await listened(settings(tmp_path, tmp_path / "s.sock")):
        assert (tmp_path / "s.sock").stat().st_gid == os.getegid()
