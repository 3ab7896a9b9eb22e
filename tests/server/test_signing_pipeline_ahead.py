"""Pages that are hashed ahead of batches, and each of them once."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from kit.waiting import PATIENCE, until
from seeclient.algorithms.lms.signing import new_token
from server.test_look_ahead import PAGE, machine_with_key
from trio.testing import wait_all_tasks_blocked

from seemachine.commands.leases import from_store
from seemachine.lms.lease import Lease
from seemachine.machine import Machine
from seemachine.server.pipeline import SigningPipeline
from seemachine.wire.messages import NvmemfileSign


class Pages:
    """The pages that a machine was asked to hash ahead; each waits until `go` is set."""

    def __init__(self, machine: Machine, patch: pytest.MonkeyPatch) -> None:
        self.asked: list[int] = []
        self.go = threading.Event()
        self._page: Callable[..., Any] = machine.keys.page
        patch.setattr(machine.keys, "page", self._hash)

    def _hash(self, lease: Lease, leaf: int) -> Any:
        if leaf >= PAGE:
            self.asked.append(leaf)
            assert self.go.wait(PATIENCE)
        return self._page(lease, leaf)


async def sign_together(pipeline: SigningPipeline, name: bytes, count: int) -> None:
    """So many requests that wait at once."""
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(
                pipeline.sign, NvmemfileSign(file=name, token=new_token(), message=b"m")
            )


@pytest.mark.parametrize("count", [1, 3])
async def test_a_page_is_hashed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """After batches of one, and after batches of several; not again while that is under way."""
    machine, name = machine_with_key(tmp_path)
    pages, pipeline = Pages(machine, monkeypatch), SigningPipeline(machine)
    async with trio.open_nursery() as nursery:
        await trio.to_thread.run_sync(machine.keys.page, from_file(machine, name), 0)
        nursery.start_soon(pipeline.run)
        await wait_all_tasks_blocked()
        await sign_together(pipeline, name, count)
        await until(lambda: pages.asked)
        await sign_together(pipeline, name, count)
        assert len(pipeline._ahead._under_way) == 1
        pages.go.set()
        await until(lambda: not pipeline._ahead._under_way)
        assert pages.asked == [PAGE]
        nursery.cancel_scope.cancel()


def from_file(machine: Machine, name: bytes) -> Lease:
    """The lease of a file."""
    file = machine.store.get(name)
    assert file is not None
    return from_store(file.lease)
