"""fleet_text.py and unix_sockets.py: fleets that are written as `unix:/path`."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from client.threaded import H5_W4
from kit.daemons import running
from kit.here import addresses, here
from kit.sockets import short_folder
from seeclient import blocking, blocking_wire, dispatch, unix_sockets
from seeclient.effects import Address
from seeclient.tls import Credentials, Tls
from seeclient.trio_connection import connect

from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire.sockets import MOST_PATH_BYTES
from seemachine.wire.status import Status, StatusError


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of sockets."""
    with short_folder() as made:
        yield made


def stale(path: Path) -> None:
    """A socket that nobody listens on."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


# ---------------------------------------------------------------- how a fleet is written


def test_a_socket_is_an_address(folder, monkeypatch):
    """Also beside others, and whichever folder a program goes to later."""
    path = folder / "s.sock"
    expected = [Address("", 0, 1, socket=str(path)), Address("h", 1, 2)]
    assert addresses(f"unix:{path}, h:1") == expected
    monkeypatch.chdir(folder)
    assert addresses("unix:s.sock,h:1") == expected
    assert [str(address) for address in expected] == [f"unix:{path}", "h:1"]


def test_a_folder_is_all_sockets_in_it(folder):
    """By module where their names say it, others after them; files and links are none."""
    names = [f"10-{ESN}.sock", f"2-{OTHER_ESN}.sock", "other", "x-y.sock"]
    for name in names:
        stale(folder / name)
    (folder / "1-file.sock").write_text("")
    (folder / f"1-{ESN}.sock").symlink_to(folder / "other")
    found = addresses(f"h:1,unix:{folder}")
    assert [(a.module, a.esn, Path(a.socket).name) for a in found[1:]] == [
        (2, OTHER_ESN, names[1]),
        (3, ESN, names[0]),
        (4, "", "other"),
        (5, "", "x-y.sock"),
    ]


@pytest.mark.parametrize("text", ["unix:", "unix:/a\x1b[2J", "h:1,unix:/\u202e"])
def test_what_no_path_can_be_is_refused(text):
    """As any other address, in a sentence that can be printed."""
    with pytest.raises(StatusError, match=r"is not an address; .* or unix:/path"):
        addresses(text)


def test_a_path_that_is_too_long_is_refused_with_what_to_do(tmp_path):
    """The system has no room for it; the longest one that fits is taken."""
    fits = "/" + "x" * (MOST_PATH_BYTES - 1)
    assert addresses(f"unix:{fits}")[0].socket == fits
    with pytest.raises(StatusError, match=f"has {MOST_PATH_BYTES} bytes at most.*nearer") as error:
        addresses(f"unix:{fits}y")
    assert error.value.status is Status.InvalidParameter


def test_an_empty_folder_is_said_to_be_empty(folder, monkeypatch):
    """Its machines may be about to start: it is no mistake."""
    monkeypatch.setenv("SEEMACHINE_FLEET", f"unix:{folder}")
    assert addresses() == []
    with blocking.connected(here()) as fleet:
        [why] = dispatch.failures(fleet.roster)
    assert why.detail == f"no socket is in {folder}"


def test_a_published_object_leads_to_its_socket_where_it_has_no_port(home):
    """With a port the port counts; a path that is none is passed over."""
    entry = {"esn": ESN, "module": 1, "host": "", "port": 0, "socket": "/run/s.sock"}
    path = home / "published" / "pqsdk" / f"{ESN}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(entry))
    assert addresses() == [Address("", 0, 1, ESN, socket="/run/s.sock")]
    path.write_text(json.dumps(entry | {"host": "h", "port": 5}))
    assert addresses() == [Address("h", 5, 1, ESN)]
    for wrong in ("s.sock", "/\x1b[2J", 5):
        path.write_text(json.dumps(entry | {"socket": wrong}))
        assert addresses() == []


def test_a_fleet_file_says_where_sockets_will_be(tmp_path):
    """Of machines without a port: their own, or one in the folder of the fleet."""
    file = tmp_path / "fleet.toml"
    own = f'[[machines]]\nesn = "{ESN}"\ntcp = false\nsocket = "/run/own"\n'
    shared = f'[[machines]]\nesn = "{OTHER_ESN}"\ntcp = false\n'
    file.write_text(f'sockets = "run"\n{own}{shared}')
    assert [address.socket for address in addresses(file)] == [
        "/run/own",
        f"{tmp_path}/run/2-{OTHER_ESN}.sock",
    ]
    file.write_text(shared)
    with pytest.raises(StatusError, match="is not a fleet file"):
        addresses(file)


def test_a_certificate_is_not_passed_over(tmp_path):
    """Who names one is not talked out of it: a socket takes no TLS."""
    files = Tls(tmp_path / "a.crt", tmp_path / "a.key", tmp_path / "ca.crt")
    with pytest.raises(StatusError, match="takes no TLS; unset SEEMACHINE_TLS_CERT, or name the"):
        Credentials(files, tmp_path).context(Address("", 0, 1, socket="/run/s.sock"))


# ---------------------------------------------------------------- who answers there


async def test_a_key_lives_its_life(tmp_path, folder, monkeypatch, open_fleet):
    """Made, used and asked for over a socket, as over a port; large messages, too."""
    monkeypatch.setenv("SEEMACHINE_FLEET", f"unix:{folder}")
    async with (
        running(tmp_path, socket=f"{folder}/", tcp=False),
        open_fleet() as fleet,
    ):
        [peer] = fleet.roster.peers
        assert (peer.esn, peer.address.esn) == (ESN, ESN)
        key = await fleet.generate_lms("release", **H5_W4)
        signature = await key.sign(b"m" * 900_000)
        key.verify(b"m" * 900_000, signature)


async def test_a_stale_socket_gives_the_guides_line(tmp_path, folder, open_fleet):
    """The machine was killed; one that has another name for it is not there at all."""
    stale(folder / "s.sock")
    async with open_fleet(f"unix:{folder}/s.sock,unix:{folder}/none") as fleet:
        assert [str(failure) for failure in fleet.roster.failures] == [
            f"OSErrorErrno(57): connecting to unix:{folder}/s.sock: Connection refused",
            f"OSErrorErrno(57): connecting to unix:{folder}/none: No such file or directory",
        ]


async def test_a_machine_under_anothers_name_is_not_taken_for_it(tmp_path, folder, open_fleet):
    """As of a published object: the name says who is meant."""
    path = folder / f"1-{OTHER_ESN}.sock"
    async with (
        running(tmp_path, socket=str(path), tcp=False),
        open_fleet(f"unix:{folder}") as fleet,
    ):
        [failure] = fleet.roster.failures
        assert failure.detail == f"connecting to unix:{path}: {ESN} answers, not {OTHER_ESN}"


async def test_a_stranger_who_listens_is_asked_nothing(tmp_path, folder, monkeypatch, open_fleet):
    """He could have put his socket there, and would know the keys that he was asked for."""
    path = folder / "s.sock"
    stranger = os.geteuid() + 12345
    async with running(tmp_path, socket=str(path), tcp=False) as machine:
        with monkeypatch.context() as patch:
            patch.setattr(unix_sockets, "listener_of", lambda _: stranger)
            async with open_fleet(f"unix:{path}") as fleet:
                [failure] = fleet.roster.failures
        assert failure.detail == (
            f"connecting to unix:{path}: user {stranger} listens there, and is neither this user"
            f" nor the owner of {folder}"
        )
        assert not machine.log.named("request")
        async with open_fleet(f"unix:{path}") as fleet:
            assert len(fleet.roster.peers) == 1


def test_the_folders_owner_and_root_may_listen(tmp_path, monkeypatch):
    """A folder that was mounted belongs to the machine's user, whom clients need not be."""
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    for user in (owner, owner + 1, 0, None):
        unix_sockets.refuse_stranger(f"{tmp_path}/s", user)
    with pytest.raises(OSError, match="is neither this user nor the owner"):
        unix_sockets.refuse_stranger(f"{tmp_path}/s", owner + 2)


@pytest.fixture
def crowded(folder):
    """A listener whose queue has no more room, and the connection in it."""
    path = folder / "s.sock"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(path))
        listener.listen(0)
        first.connect(str(path))
        yield listener, str(path)


def test_who_finds_the_queue_full_waits_for_a_place(crowded):
    """As at a port, where the system waits."""
    listener, path = crowded
    assert unix_sockets.connected(path) is None
    with listener.accept()[0], blocking_wire._unix(path) as second:
        second.sendall(b"x")
        with listener.accept()[0] as accepted:
            assert accepted.recv(1) == b"x"


def test_it_does_not_wait_without_end(crowded, monkeypatch):
    """The wait is that for a port that does not answer."""
    monkeypatch.setattr(blocking_wire, "CONNECT_SECONDS", 0.05)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="timed out"):
        blocking_wire._unix(crowded[1])
    assert 0.05 <= time.monotonic() - began < 2


async def test_the_trio_client_waits_for_a_place_too(crowded, autojump_clock):
    """Until the time for connecting is over."""
    _, path = crowded
    with pytest.raises(StatusError, match=f"connecting to unix:{path}: .*timed out"):
        await connect(Address("", 0, 1, socket=path))
    assert trio.current_time() < 60


async def test_a_machine_that_was_started_again_is_found_again(tmp_path, folder, open_fleet):
    """A fleet that is open goes on over the new socket."""
    async with (
        running(tmp_path, socket=f"{folder}/", tcp=False) as first,
        open_fleet(f"unix:{folder}") as fleet,
    ):
        key = await fleet.generate_lms("release", **H5_W4)
        first.stop.set()
        await first.ended.wait()
        assert not list(folder.iterdir())
        store = first.service.machine.store
        async with running(tmp_path, socket=f"{folder}/", tcp=False, store=store):
            assert (await key.sign_with(b"again")).leaf == 0
