"""testing.fleet with `async with`: for trio within its loop, for asyncio in threads."""

import asyncio
import contextlib
import os
import threading

import pytest
import trio
from seeclient import FleetClosed, Status, StatusError

from seemachine import testing


async def test_the_trio_client_and_its_machines_share_a_loop():
    """A key is made and signs, and no thread is started for it."""
    threads = set(threading.enumerate())
    async with testing.fleet(machines=2) as fleet:
        assert isinstance(fleet, testing.TrioFleet)
        key = await fleet.generate_lms("release", **testing.QUICK)
        signatures = await key.sign_many([b"one", b"two"])
        key.verify(b"two", signatures[1])

        assert set(threading.enumerate()) == threads
        assert len(await fleet.machines()) == 2
    assert not fleet.folder.exists()


async def test_a_stopped_machine_in_a_loop():
    """It refuses, and goes on after its leaves when it is started again."""
    async with testing.fleet() as fleet:
        key = await fleet.generate_lms("release", **testing.QUICK)
        await key.sign(b"one")
        await fleet.stop()
        with pytest.raises(StatusError) as refused:
            await key.sign(b"two")
        assert refused.value.status is Status.OSErrorErrno
        assert "the test stopped machine 1" in refused.value.detail
        await fleet.start()
        await fleet.restart()
        assert (await key.sign_with(b"two")).leaf == 1
    with pytest.raises(FleetClosed, match="has ended: make another"):
        await fleet.machines()


async def test_several_tasks_stop_and_start_a_machine():
    """Each does so in its turn, and the machine is up in the end."""
    async with testing.fleet() as fleet:
        key = await fleet.generate_lms("release", **testing.QUICK)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(fleet.stop)
                nursery.start_soon(fleet.restart)
                nursery.start_soon(fleet.start)
        await fleet.start()
        assert (await key.sign_with(b"firmware")).leaf == 0


async def test_a_clock_that_jumps(autojump_clock):
    """An hour passes in a moment, and machines and clients are what they were."""
    async with testing.fleet() as fleet:
        key = await fleet.generate_lms("release", **testing.QUICK)
        for _ in range(3):
            await trio.sleep(1200)
            await key.sign(b"firmware")
        assert (await key.info()).remaining == 29


async def test_an_error_of_an_async_block_comes_out_in_no_group():
    """Neither the body's own error, nor what keeps machines from coming up, is wrapped."""
    wrong = ValueError("wrong")
    with pytest.raises(ValueError, match="wrong") as raised:
        async with testing.fleet() as fleet:
            raise wrong
    assert raised.value is wrong
    assert not fleet.folder.exists()
    with pytest.raises(OSError, match="folder"):
        async with testing.fleet(folder="/proc/folder"):
            pass


async def test_a_block_that_is_cancelled():
    """The machines go, and the scope that was cancelled is the one that ends."""
    with trio.move_on_after(3600) as outer:
        with trio.CancelScope() as scope:
            async with testing.fleet() as fleet:
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
    assert not outer.cancelled_caught
    assert not fleet.folder.exists()


@pytest.mark.parametrize("settings", [{}, {"store": "file"}, {"processes": True}])
def test_a_child_that_leaves_the_block(settings, tmp_path):
    """It ends nothing that its parent has: neither world, nor NVRAM, nor socket, nor loop."""
    socket = tmp_path / "sockets" / "hsm"
    process = os.getpid()

    async def main():
        async with testing.fleet(socket=str(socket), **settings) as fleet:
            key = await fleet.generate_lms("release", **testing.QUICK)
            await key.sign(b"one")
            child = os.fork()
            if not child:
                raise RuntimeError("out of the block")
            os.waitpid(child, 0)  # noqa: ASYNC222 - the two have one loop
            assert socket.exists()
            with trio.fail_after(10):
                assert (await key.sign_with(b"two")).leaf == 1
                assert await trio.to_thread.run_sync(os.getpid) == process
                await fleet.restart()
                assert (await key.sign_with(b"three")).leaf == 2
        assert not fleet.folder.exists()

    try:
        trio.run(main)
    finally:
        if os.getpid() != process:
            os._exit(0)


async def test_many_tasks_and_two_fleets_in_one_loop():
    """Tasks share a fleet; no leaf signs twice."""
    leaves = []

    async def sign(key):
        leaves.append((await key.sign_with(b"firmware")).leaf)

    async with testing.fleet() as one, testing.fleet() as other:
        key = await one.generate_lms("release", **testing.QUICK)
        await other.generate_lms("release", **testing.QUICK)
        async with trio.open_nursery() as nursery:
            for _ in range(16):
                nursery.start_soon(sign, key)
        assert (await other.key("release").info()).remaining == 32
    assert sorted(leaves) == list(range(16))


def test_asyncio():
    """The same block gives the client for asyncio where asyncio runs."""

    async def main():
        async with testing.fleet(operator="auto") as fleet:
            assert isinstance(fleet, testing.AioFleet)
            key = await fleet.generate_lms("release", **testing.QUICK, expcards=1)
            await fleet.cards.provision("card1")
            await fleet.stop()
            await fleet.restart()
            key.verify(b"firmware", await key.sign(b"firmware"))
        assert not fleet.folder.exists()

    asyncio.run(main())


def test_an_asyncio_client_of_a_blocking_fleet():
    """Both are clients of the same machines; the one for asyncio leaves them up."""

    async def sign(fleet):
        async with fleet.aio() as client:
            return await client.key("release").sign_with(b"firmware")

    with testing.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        assert asyncio.run(sign(fleet)).leaf == 0
        assert key.sign_with(b"firmware").leaf == 1


def test_asyncio_that_is_cancelled():
    """No machine is left, whenever the task is cancelled."""
    seen = []

    async def hold():
        async with testing.fleet() as fleet:
            seen.append(fleet)
            await asyncio.sleep(3600)

    async def main():
        task = asyncio.create_task(hold())
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert not seen[0].folder.exists()
