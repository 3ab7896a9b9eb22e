"""The supervisor's side of the process that forks machines."""

import ctypes
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from kit.waiting import until

from seemachine.fleet import processes
from seemachine.fleet.processes import ForkServer, died
from seemachine.process.fork_server import (
    MOST_BYTES,
    PR_SET_CHILD_SUBREAPER,
    adopt_orphans,
    answer,
    request,
)

NOWHERE = Path("/nowhere/settings.toml")


@pytest.fixture
async def server() -> AsyncIterator[ForkServer]:
    """One whose forks run `seemachine`."""
    if not adopt_orphans():
        pytest.skip("nobody can adopt here")
    made = ForkServer(os.environ)
    try:
        yield made
    finally:
        await made.close()
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(0))


async def code_of(server: ForkServer) -> int:
    """Of a process that is begun and ends by itself, for its file is not there."""
    forked = await server.fork("a-name", NOWHERE)
    forked.begin()
    with trio.fail_after(20):
        return await forked.wait()


async def test_several_at_once(server: ForkServer) -> None:
    """Requests take turns, and each gets the process that it asked for."""
    codes: list[int] = []

    async def one() -> None:
        codes.append(await code_of(server))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(one)
    assert codes == [2] * 5


async def test_one_that_hangs_is_replaced(
    server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for it hears so, and the next gets a process of another."""
    assert await code_of(server) == 2
    assert server._process is not None
    os.kill(server._process.pid, signal.SIGSTOP)
    with monkeypatch.context() as patched:
        patched.setattr(processes, "FORK_SECONDS", 0.1)
        with pytest.raises(TimeoutError, match="hangs"):
            await server.fork("a-name", NOWHERE)
    assert await code_of(server) == 2


async def test_one_that_died_is_replaced(server: ForkServer) -> None:
    """Whether it is known to be dead or not."""
    assert await code_of(server) == 2
    for known in (True, False):
        assert server._process is not None
        server._process.kill()
        if known:
            await server._process.wait()
        assert await code_of(server) == 2


async def test_a_process_that_is_not_begun_can_be_ended(server: ForkServer) -> None:
    """As one that runs; how it ended is told again and again."""
    forked = await server.fork("a-name", NOWHERE)
    assert forked.poll() is None
    forked.terminate()
    assert await forked.wait() == -signal.SIGTERM == forked.poll()
    forked.kill()
    assert died(-signal.SIGTERM) == "was killed by SIGTERM"


async def test_what_a_server_leaves_is_waited_for(
    server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that it forked and that nobody knows ends, and stays no zombie; one that is known
    is left to whoever waits for it.
    """
    monkeypatch.setattr(processes, "STRAY_SECONDS", 0.2)
    known = await server.fork("a-name", NOWHERE)
    assert server._control is not None
    ours, theirs = socket.socketpair()
    with theirs:
        await server._control.sendmsg(*request("a-name", str(NOWHERE), theirs.fileno()))
    stray = answer(await server._control.recv(MOST_BYTES))
    ours.close()
    assert server._process is not None
    server._process.kill()
    await until(lambda: not Path(f"/proc/{stray}").exists())
    assert known.poll() is None
    known.kill()
    assert await known.wait() == -signal.SIGKILL
