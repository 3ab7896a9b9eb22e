"""Pages of leaves are hashed before a signature needs them."""

import os
from pathlib import Path
from typing import Any

import trio
from seeclient.signing import new_token

from seemachine.commands import answer
from seemachine.commands.leases import from_store
from seemachine.lms import engines
from seemachine.lms.parameters import lmots, lms
from seemachine.machine import Machine, Session
from seemachine.server.pipeline import SigningPipeline
from seemachine.state.cards.slots import Slots
from seemachine.state.nvram.ledger import Order
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name
from seemachine.world import World

PAGE = 64


def machine_with_key(home: Path) -> tuple[Machine, bytes]:
    """A machine with a key of 1,024 leaves whose node table reaches 16 nodes down: pages of 64
    leaves.
    """
    machine = Machine(
        "7852-268D-3BF9",
        "5c",
        MemoryStore(),
        Slots(World.at(home), "7852-268D-3BF9"),
        engines.select(),
        os.urandom,
    )
    session = Session(machine)
    request = m.GenerateLms(
        lms=lms("sha256_m24_h10").typecode,
        lmots=lmots("sha256_n24_w1").typecode,
        expcards=0,
        explease=0,
        expchunk=10,
        expcache=4,
    )
    handle = answer(session, request).handle
    chunk: Any = None
    while chunk is None or chunk.public_key is None:
        chunk = answer(session, m.ContinueLms(handle=handle))
    return machine, nvram_name(chunk.public_key)


async def test_the_next_page_is_there_when_a_page_has_been_entered(tmp_path: Path) -> None:
    """After the first signature of a page the next one gets hashed in the background, and only that
    one.
    """
    machine, name = machine_with_key(tmp_path)
    file = machine.store.get(name)
    assert file is not None
    lease = from_store(file.lease)
    pipeline = SigningPipeline(machine)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pipeline.run)
        for leaf in (0, PAGE):
            while machine.store.get(name).next < leaf:  # type: ignore[union-attr]
                await pipeline.sign(m.NvmemfileSign(file=name, token=new_token(), message=b"m"))
            assert not machine.keys.has_page(lease, leaf + PAGE)
            signed = await pipeline.sign(
                m.NvmemfileSign(file=name, token=new_token(), message=b"m")
            )
            assert signed.leaf == leaf
            with trio.fail_after(30):
                while not machine.keys.has_page(lease, leaf + PAGE):  # noqa: ASYNC110
                    await trio.sleep(0.005)
            assert not machine.keys.has_page(lease, leaf + 2 * PAGE)
        nursery.cancel_scope.cancel()


async def test_nothing_is_hashed_ahead_of_the_last_page(tmp_path: Path) -> None:
    """At the end of a lease there is no next page, and the last leaves sign as all others."""
    machine, name = machine_with_key(tmp_path)
    machine.store.reserve([Order(name, new_token(), b"q") for _ in range(1024 - PAGE)])
    pipeline = SigningPipeline(machine)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pipeline.run)
        leaves = [
            (await pipeline.sign(m.NvmemfileSign(file=name, token=new_token(), message=b"m"))).leaf
            for _ in range(PAGE)
        ]
        nursery.cancel_scope.cancel()

    assert leaves == list(range(1024 - PAGE, 1024))
    assert machine.store.get(name) is None
