"""What the system may give no more of: what is said, and what goes on at the door meanwhile."""

import errno
import os
import resource
import socket
import sys
from pathlib import Path

import pytest
from kit.daemons import running
from kit.logs import Events
from kit.services import HELLO, NO_FILE
from kit.waiting import until
from trio.testing import wait_all_tasks_blocked

from seemachine.commands import refusal
from seemachine.process.scarcity import KEPT_BYTES, SAY_AGAIN_SECONDS, Reserve, Scarcity
from seemachine.process.shortage import DESCRIPTORS, MEMORY, THREADS, lacking
from seemachine.server import accepting, upkeep
from seemachine.wire import messages as m
from seemachine.wire.status import Status

NO_THREAD = RuntimeError("can't start new thread")


@pytest.mark.parametrize(
    ("error", "lack"),
    [
        (OSError(errno.EMFILE, ""), DESCRIPTORS),
        (OSError(errno.ENFILE, ""), DESCRIPTORS),
        (OSError(errno.ENOBUFS, ""), MEMORY),
        (OSError(errno.ENOMEM, ""), MEMORY),
        (MemoryError(), MEMORY),
        (NO_THREAD, THREADS),
        (RuntimeError("another"), ""),
        (OSError(errno.EIO, ""), ""),
        (OSError("without a number"), ""),
        (ValueError(), ""),
    ],
)
def test_errors_that_say_what_is_missing(error, lack):
    """One place knows them, and a client is told to try again later, not that it is a bug."""
    assert lacking(error) == lack
    refused = refusal(m.ListSlots(), error)
    told = refused.detail == f"the machine is out of {lack} in slot_list; try again later"
    assert told is bool(lack)
    assert refused.status is not Status.Failed or not lack


async def test_it_is_said_once_and_then_once_a_minute(mock_clock):
    """However often something is missing, a line a minute says how often, and what to do."""
    log = Events()
    scarcity = Scarcity(log)
    for _ in range(1000):
        assert scarcity.met(OSError(errno.EMFILE, ""))
    mock_clock.jump(SAY_AGAIN_SECONDS)
    assert scarcity.met(OSError(errno.EMFILE, ""))
    assert scarcity.met(MemoryError())
    assert not scarcity.met(OSError(errno.EIO, ""))
    assert [(line["event"], line["times"]) for line in log.kept] == [
        ("out of descriptors", 1),
        ("out of descriptors", 1000),
        ("out of memory", 1),
    ]
    assert "raise the limit of open files" in log.kept[0]["detail"]


async def test_a_crowd_waits_at_the_door_for_sockets(tmp_path):
    """With so many in hand no other is taken; those who wait are served as soon as one has left."""
    async with running(tmp_path, most=3) as machine:
        first, second, third = [await machine.greeted() for _ in range(3)]
        fourth, fifth = await machine.connect(), await machine.connect()
        await fourth.send(HELLO)
        await fifth.send(HELLO)
        assert (await first.ask(NO_FILE)).status is Status.NotAvailable
        assert machine.sessions == 3
        await second.stream.aclose()
        assert isinstance(await fourth.receive(), m.Greeting)
        await third.stream.aclose()
        assert isinstance(await fifth.receive(), m.Greeting)
        assert machine.sessions == 3


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, ""), MemoryError()])
async def test_looking_for_others_at_the_door_may_fail(error, tmp_path, monkeypatch):
    """Whatever is missing when several are let in together, the machine lets in the next ones."""
    async with running(tmp_path) as machine:
        starving = [error]

        def others(listener, count):
            if starving:
                raise starving.pop()
            return iter(())

        monkeypatch.setattr(accepting, "waiting", others)
        first, second = await machine.greeted(), await machine.greeted()
        assert not starving
        assert len([line for line in machine.log.kept if line["event"].startswith("out of")]) == 1
        for peer in (first, second):
            assert (await peer.ask(NO_FILE)).status is Status.NotAvailable


async def test_others_at_the_door_need_no_descriptor_to_be_seen(tmp_path, monkeypatch):
    """To look at the door costs none, and closes none."""
    async with running(tmp_path) as machine:
        [listener] = machine.daemon._listeners
        before = listener.socket.fileno()
        monkeypatch.setattr(os, "dup", None)
        monkeypatch.setattr(socket, "fromfd", None)
        assert list(accepting.waiting(listener, 5)) == []
        assert listener.socket.fileno() == before
        await machine.greeted()


async def test_tidying_outlives_a_want_of_anything(tmp_path, mock_clock):
    """What keeps the NVRAM from being tidied is said, and tried again a minute later."""
    async with running(tmp_path) as machine:
        failures = [MemoryError(), ZeroDivisionError("a bug")]

        def tidy():
            raise failures.pop(0)

        machine.service.machine.store.tidy = tidy
        for said in ("out of memory", "bug: cannot tidy"):
            await wait_all_tasks_blocked()
            mock_clock.jump(upkeep.TIDY_SECONDS)
            await until(lambda said=said: machine.log.named(said))
        assert isinstance(await (await machine.connect()).ask(HELLO), m.Greeting)


def test_the_reserve_is_untouched_memory() -> None:
    """What is kept counts against a limit and takes no page, however many processes keep it."""
    before = mapped_and_used()
    kept = Reserve()
    mapped, used = mapped_and_used()
    assert mapped - before[0] >= KEPT_BYTES // resource.getpagesize()
    assert used - before[1] < KEPT_BYTES // resource.getpagesize() // 4
    kept.give_up()
    kept.give_up()
    assert mapped_and_used()[0] < mapped
    kept.take_back()
    assert mapped_and_used()[0] >= mapped
    kept.give_up()


def test_a_reserve_without_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that came without mmap keeps memory, too."""
    monkeypatch.setitem(sys.modules, "mmap", None)
    kept = Reserve()
    assert isinstance(kept._kept, bytearray)
    kept.give_up()
    kept.take_back()
    assert len(kept._kept) == KEPT_BYTES


def mapped_and_used() -> tuple[int, int]:
    """Pages of this process."""
    mapped, used = Path("/proc/self/statm").read_text().split()[:2]
    return int(mapped), int(used)
