"""aio.py: the client for asyncio. What it does is the blocking client's; here is its own part."""

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from seeclient import StatusError, aio, blocking
from seeclient.events import Event, Started

from seemachine import testing


@pytest.fixture
def rig(home: Path) -> testing.Rig:
    """A world with one machine."""
    made = testing.Rig(home)
    made.start()
    return made


def opened(rig: testing.Rig) -> Any:
    """A fleet of it."""
    return aio.connected(rig.environment, connect=rig.connect)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """In an event loop of its own, in which nothing blocks for long."""
    asyncio.run(scenario)


def test_a_key_lives_its_life(rig: testing.Rig) -> None:
    """Generate, sign, verify, list, threshold, provision, resume: all that the blocking client
    does.
    """
    rig.feed_blank()

    async def scenario() -> None:
        async with opened(rig) as fleet:
            key = await fleet.generate_lms("release", **testing.QUICK)
            assert (await key.sign_with(b"one")).leaf == 0
            signature = await key.sign(b"two", acknowledge=None)
            key.verify(b"two", signature)
            assert (await key.info()).remaining == 30
            await key.warn_at(30)
            assert key.file.warnat == 30
            assert [each.alias for each in fleet.keys()] == ["release"]  # noqa: SIM118
            await fleet.generate_lms("cards", **testing.QUICK, explease=1)
            assert [slot.leases for slot in (await fleet.machines())[0].slots] == [2]
            assert (await fleet.provision(testing.ESN, 2)).first == 0
            await fleet.key("cards").sign(b"three")
            with pytest.raises(StatusError, match="half-made key none"):
                await fleet.resume_lms("none")
            assert repr(fleet) == f"<seeclient.aio.Fleet {testing.ESN}>"
            assert fleet.peers[0].esn == testing.ESN

    run(scenario())


def test_tasks_share_a_fleet(rig: testing.Rig) -> None:
    """Each signature has a leaf of its own."""

    async def scenario() -> None:
        async with opened(rig) as fleet:
            key = await fleet.generate_lms("release", **testing.QUICK)
            signed = await asyncio.gather(*(key.sign_with(b"m") for _ in range(12)))
            assert sorted(each.leaf for each in signed) == list(range(12))

    run(scenario())


def test_progress_is_in_the_loop(rig: testing.Rig) -> None:
    """Events come in the thread of the event loop, all of them before the key is there."""
    heard: list[tuple[Event, int]] = []

    async def scenario() -> None:
        async with opened(rig) as fleet:
            await fleet.generate_lms(
                "release",
                **testing.QUICK,
                progress=lambda event: heard.append((event, threading.get_ident())),
            )
            events = [event for event, _ in heard]
            assert isinstance(events[0], Started)
            assert [each.remaining for each in events[1:]] == [*range(len(events) - 2, -1, -1)]
            assert {thread for _, thread in heard} == {threading.get_ident()}

    run(scenario())


def test_the_loop_runs_while_a_machine_works(rig: testing.Rig) -> None:
    """A call waits in a thread; other tasks go on."""
    begun, go_on = threading.Event(), threading.Event()

    def patience(_peer: object, _waited: float) -> bool:
        begun.set()
        assert go_on.wait(20)
        return False

    async def scenario() -> None:
        async with opened(rig) as fleet:
            making = asyncio.create_task(
                fleet.generate_lms("cards", **testing.QUICK, explease=1, patience=patience)
            )
            assert await asyncio.to_thread(begun.wait, 20)
            assert not making.done()
            go_on.set()
            with pytest.raises(StatusError, match="there is no blank card"):
                await making

    run(scenario())


def test_who_stops_waiting_leaves_nothing_open(
    rig: testing.Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled while it connects, `open_fleet` closes the fleet once it is there."""
    begun, go_on, closed = threading.Event(), threading.Event(), threading.Event()
    close = blocking.Fleet.close

    def slow(address: Any, context: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return rig.connect(address, context)

    def noticed(fleet: blocking.Fleet) -> None:
        close(fleet)
        closed.set()

    monkeypatch.setattr(blocking.Fleet, "close", noticed)

    async def scenario() -> None:
        async def open_it() -> None:
            async with aio.connected(rig.environment, connect=slow):
                raise AssertionError

        opening = asyncio.create_task(open_it())
        assert await asyncio.to_thread(begun.wait, 20)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        go_on.set()
        assert await asyncio.to_thread(closed.wait, 20)

    run(scenario())


def test_open_fleet_finds_what_the_environment_names(
    rig: testing.Rig, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the others' does."""
    monkeypatch.setenv("SEEMACHINE_FLEET", "127.0.0.1:1")

    async def scenario() -> None:
        async with aio.open_fleet() as fleet:
            [failure] = fleet.failures
            assert failure.detail.startswith("connecting to 127.0.0.1 on port 1: ")
        async with aio.open_fleet(world=home) as fleet:
            assert fleet.failures[0].detail == f"{testing.ESN} is not published"

    run(scenario())
