"""A pipeline with nothing to do: it takes no time, and after its end it has no threads."""

import threading
from pathlib import Path

import trio
from kit.services import make_machine, name_of
from kit.waiting import PATIENCE
from seeclient.algorithms.lms.signing import new_token
from trio.testing import wait_all_tasks_blocked

from seemachine.server.pipeline import SigningPipeline
from seemachine.testing import install_key
from seemachine.wire.messages import NvmemfileSign, NvmemfileSigned


async def test_it_waits_for_the_next_request(tmp_path: Path) -> None:
    """After a signature all of it is still until another request comes."""
    machine = make_machine(tmp_path)
    key = install_key(machine)
    pipeline = SigningPipeline(machine)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pipeline.run)
        for _ in range(2):
            asked = NvmemfileSign(file=name_of(key), token=new_token(), message=b"message")
            assert isinstance(await pipeline.sign(asked), NvmemfileSigned)
            with trio.fail_after(PATIENCE):
                await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_cancelled_it_has_no_threads(tmp_path: Path) -> None:
    """Whoever runs it need not close it, too."""
    before = set(threading.enumerate())
    machine = make_machine(tmp_path)
    key = install_key(machine)
    pipeline = SigningPipeline(machine)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pipeline.run)
        await pipeline.sign(NvmemfileSign(file=name_of(key), token=new_token(), message=b"m"))
        own = {
            thread
            for thread in set(threading.enumerate()) - before
            if thread.name in ("signing", "pages")
        }
        assert own
        nursery.cancel_scope.cancel()
    for thread in own:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in own)


def test_closed_it_has_no_threads(tmp_path: Path) -> None:
    """Neither those that sign nor those that hash pages."""
    before = set(threading.enumerate())
    pipeline = SigningPipeline(make_machine(tmp_path))
    pipeline.start()
    started = set(threading.enumerate()) - before
    pipeline.close()
    for thread in started:
        thread.join(PATIENCE)

    assert {thread.name for thread in started} == {"signing", "pages"}
    assert not any(thread.is_alive() for thread in started)
