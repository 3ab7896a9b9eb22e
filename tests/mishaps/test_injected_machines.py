"""Machines whose settings say what goes wrong, hosted by one process."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from kit.logs import Events
from kit.services import Peer
from kit.signatures import MESSAGE
from kit.waiting import until
from seeclient.algorithms.lms.signing import new_token

from seemachine import testing
from seemachine.config import Config
from seemachine.hsms import published
from seemachine.mishaps import FaultySlots
from seemachine.server.assembly import opened
from seemachine.server.hosting import Host
from seemachine.server.process_facts import ProcessFacts
from seemachine.state.cards.slots import Slots
from seemachine.wire import messages as m
from seemachine.wire.status import PeerMisuse
from seemachine.world import World

ESNS = [f"0000-0000-{number:04X}" for number in range(1, 4)]


def config(home: Path, esn: str, **settings: Any) -> Config:
    """Of a machine for tests."""
    given = {"store": "memory", "runtime_witness": "off", "fault_injection": True}
    return Config(**{"esn": esn, "world": World.at(home), "port": 0, **given, **settings})


@contextlib.asynccontextmanager
async def hosted(*configs: Config) -> AsyncIterator[tuple[Host, Events]]:
    """Machines of this process; told to stop when the block ends."""
    log, stop, over = Events(), trio.Event(), trio.Event()
    host = Host(configs, log, ProcessFacts())

    async def run() -> None:
        await host.run(stop)
        over.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await until(lambda: host.started == len(configs))
        yield host, log
        stop.set()
        await over.wait()


async def peer_of(config: Config) -> Peer:
    """A client of a machine."""
    entry = published.listening(config.world, config.esn)
    assert entry is not None
    return await Peer(await trio.open_tcp_stream(entry.host, entry.port)).greet()


async def test_a_request_restarts_its_machine_alone(tmp_path: Path) -> None:
    """The one that it is for: all its clients are dropped, those of the others are not; each place
    is as before, and the log says why.
    """
    configs = [config(tmp_path, esn, faults=("restart on=nvmemfile_sign",)) for esn in ESNS]
    async with hosted(*configs) as (host, log):
        first, other, last = [await peer_of(each) for each in (configs[0], *configs[:2])]
        machine = host._places[0].held
        assert machine is not None
        file = testing.install_key(machine.machine, tree="sha256_m24_h5", ots="sha256_n24_w2")
        request = m.NvmemfileSign(file=file.file_name, token=new_token(), message=MESSAGE)
        await first.send(request)
        for dropped in (first, other):
            with contextlib.suppress(PeerMisuse, trio.BrokenResourceError):
                assert await dropped.receive() is None
        assert isinstance(await last.ask(m.ListSlots()), m.SlotListing)
        again = await peer_of(configs[0])
        assert (await again.ask(request)).leaf == 0
        assert [line["esn"] for line in log.named("restarts")] == [ESNS[0]]
        [told] = log.named("fault injected")
        assert told["where"] == "nvmemfile_sign"
        assert host.started == len(configs)
        for each in (first, other, last, again):
            await trio.aclose_forcefully(each.stream)
    assert host.exit_code == 0
    assert len(log.named("stopped")) == len(configs)


@pytest.mark.parametrize(
    ("settings", "slots"),
    [
        ({"fault_injection": False}, Slots),
        ({"fault_injection": False, "latency": "model"}, Slots),
        ({"latency": "model"}, FaultySlots),
        ({}, FaultySlots),
    ],
)
def test_what_only_slows_a_machine_changes_nothing_of_it(
    tmp_path: Path, settings: dict[str, Any], slots: type[Slots]
) -> None:
    """Faults of its state can happen where it takes faults, and nowhere else."""
    held = opened(config(tmp_path, ESNS[0], **settings), {}, Events())
    assert type(held.machine.slots) is slots
    held.close()
    held.lock.release()
