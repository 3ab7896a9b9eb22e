"""hosting.py: many machines in one process and one event loop."""

import contextlib
import gc
import itertools
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import trio
from kit.logs import Events
from kit.services import HELLO, Peer
from kit.waiting import until

from seemachine.config import Config, LimitSettings
from seemachine.fleet import status
from seemachine.hsms import published, records
from seemachine.process import identity
from seemachine.process.descriptors import allow, share
from seemachine.process.gate import GateShut
from seemachine.process.hardening import CannotHarden
from seemachine.server import hosting, launch
from seemachine.server.daemon import Daemon
from seemachine.server.hosting import Host
from seemachine.server.ports import candidates, open_listeners
from seemachine.server.process_facts import ProcessFacts
from seemachine.server.promises import Shortfall, System
from seemachine.state.disk.durable import private_folder
from seemachine.state.disk.lock import FolderLock, asking, holder
from seemachine.world import World

MANY = 300


def esn(number: int) -> str:
    """That of one of many machines."""
    return f"0000-0000-{number:04X}"


def config(world: Path, number: int, **settings: object) -> Config:
    """Of a machine that forgets, on any port."""
    given = {"esn": esn(number), "module": number, "port": 0, "store": "memory"}
    given |= {"world": World.at(world), "runtime_witness": "off"}
    return Config(**{**given, **settings})


@dataclass
class Hosted:
    """A host in this process."""

    host: Host
    log: Events
    stop: trio.Event = field(default_factory=trio.Event)
    over: trio.Event = field(default_factory=trio.Event)

    async def run(self) -> None:
        """To the end."""
        await self.host.run(self.stop)
        self.over.set()


@contextlib.asynccontextmanager
async def hosted(*configs: Config, up: int | None = None, **process: Any) -> AsyncIterator[Hosted]:
    """Machines of this process, `up` of which come up; told to stop when the block ends."""
    log = Events()
    made = Hosted(Host(configs, log, ProcessFacts(**process)), log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        await until(lambda: made.host.started == (len(configs) if up is None else up))
        yield made
        made.stop.set()
        await made.over.wait()


def place(world: Path, number: int) -> tuple[str, int]:
    """Where a machine listens."""
    entry = published.listening(World.at(world), esn(number))
    assert entry is not None
    return entry.host, entry.port


async def greeting_of(world: Path, number: int) -> str:
    """The ESN that answers where a machine says that it listens."""
    async with await trio.open_tcp_stream(*place(world, number)) as stream:
        reply = await Peer(stream).ask(HELLO)
        return str(reply.esn)


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Enough for all of them, as a process gets them at its start."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allow(0, MANY).allowed < 8 * MANY:
        pytest.skip("the system allows too few descriptors")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("descriptors")
async def test_hundreds_of_machines_in_one_process(tmp_path: Path) -> None:
    """They come up, each answers as itself, all are one process, and they stop in order."""
    numbers = range(1, MANY + 1)
    configs = [config(tmp_path, number) for number in numbers]
    async with hosted(*configs) as process:
        for number in numbers:
            assert await greeting_of(tmp_path, number) == esn(number)
        here = identity.current()
        assert all(here.is_same(holder(each.folder)) for each in configs)
        assert len(records.present(World.at(tmp_path))) == MANY
    assert len(process.log.named("stopped")) == MANY
    assert not any(published.read(World.at(tmp_path), each.esn) for each in configs)
    assert (process.host.exit_code, process.host.started) == (0, MANY)


async def test_who_asks_for_one_machine_stops_that_one(tmp_path: Path) -> None:
    """Its folder is free while the others go on, and another process may have it; the last one's
    folder is held to the end of the process.
    """
    told: list[bool] = []
    configs = [config(tmp_path, number, store="sqlite") for number in (1, 2)]
    async with hosted(*configs, on_stopping=lambda: told.append(True)) as process:
        with asking(configs[0].folder):
            await until(lambda: holder(configs[0].folder) is None)
        FolderLock(configs[0].folder, esn(1)).release()
        assert published.read(World.at(tmp_path), esn(1)) is None
        assert await greeting_of(tmp_path, 2) == esn(2)
        assert not told
        with asking(configs[1].folder):
            await process.over.wait()
        assert told == [True]
        assert identity.current().is_same(holder(configs[1].folder))


async def test_the_owner_is_told_once_that_all_are_up(tmp_path: Path) -> None:
    """In one line; what is done with the process then is the owner's, as is its garbage."""
    told: list[str] = []
    before = gc.get_freeze_count()
    async with hosted(*(config(tmp_path, number) for number in (1, 2)), on_up=told.append):
        await until(lambda: bool(told))
    assert told == ["2 machines are up"]
    assert gc.get_freeze_count() == before


async def test_a_folder_is_not_free_while_a_thread_is_at_work_in_it(tmp_path: Path) -> None:
    """What was given up may still write: the machine is gone, its folder is held until that ends,
    and nothing new begins.
    """
    configs = [config(tmp_path, number) for number in (1, 2)]
    async with hosted(*configs) as process:
        first = process.host._places[0]
        first.gate._enter()
        with asking(first.config.folder):
            await until(lambda: process.log.named("stopped"))
            await until(lambda: first.gate._shut)
        with pytest.raises(GateShut):
            first.gate.through(lambda: None)()
        assert holder(first.config.folder) is not None
        first.gate._leave()
        await until(lambda: holder(first.config.folder) is None)


async def test_one_that_can_not_start_says_why_and_the_rest_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a sentence with its ESN, and in its folder, until it comes up."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        configs = [config(tmp_path, 1, port=port), config(tmp_path, 2)]
        configs[0].folder.mkdir(parents=True, mode=0o700)
        async with hosted(*configs, up=1) as process:
            assert await greeting_of(tmp_path, 2) == esn(2)
            why = (
                f"port {port} of 127.0.0.1 is taken; choose another with --port or, in a file,"
                " port = N; 0 is any free one"
            )
            assert capsys.readouterr().err == f"seemachine serve: {esn(1)}: {why}\n"
            failure = published.failure(World.at(tmp_path), esn(1))
            assert failure is not None
            assert failure.why == why
            assert failure.process.is_same(identity.current())
            assert holder(configs[0].folder) is None
        assert process.host.exit_code == 0
    async with hosted(config(tmp_path, 1)):
        assert published.failure(World.at(tmp_path), esn(1)) is None


async def test_where_none_comes_up_the_exit_code_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here no machine can have what it needs: all sentences are said, and it ends by itself."""
    configs = [config(tmp_path, number, lock_memory="yes") for number in (1, 2)]
    host = Host(configs, Events(), ProcessFacts(refused=CannotHarden("memory can't be locked: no")))
    await host.run(trio.Event())
    assert host.exit_code == 1
    assert sorted(capsys.readouterr().err.splitlines()) == [
        f"seemachine serve: {esn(number)}: memory can't be locked: no" for number in (1, 2)
    ]


async def test_what_one_machine_needs_the_others_do_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Locked memory is had by the process or not; who must have it does not start."""
    configs = [config(tmp_path, 1, lock_memory="yes"), config(tmp_path, 2)]
    async with hosted(*configs, up=1, refused=CannotHarden("no")):
        assert await greeting_of(tmp_path, 2) == esn(2)
    assert capsys.readouterr().err == f"seemachine serve: {esn(1)}: no\n"


async def test_a_bug_of_one_machine_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends, with a line in the log, and gives its folder back; the others serve on. Alone, a bug
    is one of the process.
    """
    run = Daemon.run

    async def broken(daemon: Daemon, *arguments: object) -> None:
        if daemon._config.module == 1:
            raise KeyError("a bug")
        await run(daemon, *arguments)

    monkeypatch.setattr(Daemon, "run", broken)
    configs = [config(tmp_path, number) for number in (1, 2)]
    async with hosted(*configs, up=1) as process:
        assert await greeting_of(tmp_path, 2) == esn(2)
        await until(lambda: process.log.named("bug: the machine has ended"))
        await until(lambda: holder(configs[0].folder) is None)
    with pytest.raises(ExceptionGroup) as raised:
        await Host(configs[:1], Events(), ProcessFacts()).run(trio.Event())
    assert raised.value.split(KeyError)[1] is None


async def test_a_search_takes_no_port_of_a_sibling(tmp_path: Path) -> None:
    """Whoever comes up first: a machine whose port is taken passes over those of the others."""
    searching = config(tmp_path, 9, port=9000, search_port=True)
    siblings = [config(tmp_path, number, port=9000 + number) for number in (1, 2, 4)]
    host = Host([searching, *siblings], Events(), ProcessFacts())
    assert list(itertools.islice(candidates(searching, host._reserved), 3)) == [9000, 9003, 9005]


async def test_a_port_of_a_sibling_is_given_back_to_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where any free port will do, the system may pick the one that another machine is to have."""
    free = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = free[0].socket.getsockname()[1]
    others = await trio.open_tcp_listeners(0, host="127.0.0.1")
    picks = [free, others]

    async def pick(*_arguments: object, **_options: object) -> list[trio.SocketListener]:
        return picks.pop(0)

    monkeypatch.setattr(trio, "open_tcp_listeners", pick)
    assert await open_listeners(config(tmp_path, 1), {port}) == others
    with socket.create_server(("127.0.0.1", port)):
        await others[0].aclose()


async def test_the_whole_process_is_told_to_stop_while_it_comes_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not up by then does not come up; nothing waits for an opening, and no machine
    failed.
    """
    begun, hold = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    def slow(*_given: object) -> None:
        token.run_sync_soon(begun.set)
        hold.wait(20)
        raise OSError("nobody waits for this")

    monkeypatch.setattr(hosting, "opened", slow)
    host, stop = (
        Host([config(tmp_path, 1), config(tmp_path, 2)], Events(), ProcessFacts()),
        trio.Event(),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(host.run, stop)
        await begun.wait()
        stop.set()
    hold.set()
    assert (host.exit_code, host.started) == (0, 0)


def test_limits_are_shared_by_machines(tmp_path: Path) -> None:
    """Each has its part of what the system allows, and that is said once."""
    configs = [
        config(tmp_path, number, limits=LimitSettings(connections=100)) for number in range(1, 11)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "descriptors_for", lambda _all, count: share(1000, _all, count))
        patch.setattr(launch, "system", lambda _folder: System())
        fitting, most, [short] = launch.fitted(configs)
    assert short == Shortfall("descriptors", 1000, 1472, short.connections)
    assert {each.limits.connections for each in fitting} == {(short.connections or 0) // 10}
    assert most * 10 <= 1000 - 272
    assert [replace_limits(each) for each in fitting] == [replace_limits(each) for each in configs]


async def test_what_the_system_lacks_is_said_once(tmp_path: Path) -> None:
    """By the process, when a machine runs in it: not for each, and not beside a refusal."""
    short = Shortfall("descriptors", 1000, 1472, 5)
    async with hosted(config(tmp_path, 1), config(tmp_path, 2), short=[short]) as process:
        told = process.log.named("the system allows less than the settings promise")
        assert [(line["of"], "esn" in line) for line in told] == [("descriptors", False)]
        assert len(process.log.named("hardened")) == 1


def replace_limits(settings: Config) -> Config:
    """All but the limits."""
    return replace(settings, limits=LimitSettings())


async def test_a_world_that_is_open_to_others_concerns_its_own_machines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Worlds are looked at once each; machines of another one start."""
    safe, unsafe = tmp_path / "safe", tmp_path / "unsafe"
    for world in (safe, unsafe):
        private_folder(world / "witness")
    (unsafe / "witness").chmod(0o755)
    configs = [config(safe, 1), config(unsafe, 2), config(unsafe, 3)]
    async with hosted(*configs, up=1):
        assert await greeting_of(safe, 1) == esn(1)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert all("is open to others" in line for line in told)


async def test_what_a_machine_said_before_is_not_of_its_next_start(tmp_path: Path) -> None:
    """Also when one process has both: where it listened is not where it listens."""
    async with hosted(config(tmp_path, 1), config(tmp_path, 2)):
        assert [status.state(World.at(tmp_path), esn(number)) for number in (1, 2)] == ["up", "up"]
        with asking(tmp_path / "hsm" / esn(1)):
            await until(lambda: status.state(World.at(tmp_path), esn(1)) == "down")
        lock = FolderLock(tmp_path / "hsm" / esn(1), esn(1))
        assert status.state(World.at(tmp_path), esn(1)) == "starting"
        lock.release()


def test_a_world_that_is_no_folder_is_one_line(tmp_path: Path) -> None:
    """A file where the world should be, or above it: a sentence and exit code 1, no traceback."""
    file = tmp_path / "file"
    file.write_text("")
    for home in (file, file / "below"):
        done = subprocess.run(
            [sys.executable, "-m", "seemachine", "serve", "--esn", esn(1), "--port", "0"],
            env=os.environ | {"SEEMACHINE_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("seemachine serve: ")


async def test_a_refusal_names_the_machine_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the sentence where there are several, in the sentence where it is alone."""
    taken = config(tmp_path, 1)
    lock = FolderLock(taken.folder, "a test")
    try:
        await Host([taken], Events(), ProcessFacts()).run(trio.Event())
        async with hosted(taken, config(tmp_path, 2), up=1) as process:
            await until(lambda: process.host._failed)
    finally:
        lock.release()
    alone, among = capsys.readouterr().err.splitlines()
    assert alone.startswith(
        f"seemachine serve: {esn(1)} is already in use by process {os.getpid()}"
    )
    assert among.startswith(f"seemachine serve: {esn(1)}: it is already in use by process")
    assert among.count(esn(1)) == 2  # and in the path of its folder
