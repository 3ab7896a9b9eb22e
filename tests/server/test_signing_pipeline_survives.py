"""pipeline.py: an error that nobody foresees fails for one batch or one page, and for no more."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from kit.services import make_machine, name_of
from kit.waiting import PATIENCE, until
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands import pages
from seemachine.lms.lease import Lease
from seemachine.machine import Machine
from seemachine.server.pipeline import SigningPipeline
from seemachine.testing import install_key
from seemachine.wire.messages import NvmemfileSign, NvmemfileSigned
from seemachine.wire.status import Status, StatusError

Outcome = NvmemfileSigned | StatusError
# After the last leaf of the key, so that no signature needs it.
NEXT_PAGE = 32


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose store forgets."""
    return make_machine(tmp_path)


@pytest.fixture
def file(machine: Machine) -> bytes:
    """The NVRAM file of a key whose page is hashed."""
    name: bytes = name_of(install_key(machine))
    pages.prepare(machine, name)
    return name


@pytest.fixture
def pipeline(machine: Machine, nursery: trio.Nursery) -> SigningPipeline:
    """A pipeline that runs."""
    running = SigningPipeline(machine)
    nursery.start_soon(running.run)
    return running


def hash_pages_ahead(
    machine: Machine, patch: pytest.MonkeyPatch, ahead: Callable[[int], object]
) -> None:
    """Have each signature ask for NEXT_PAGE, and `ahead` hash it."""
    page = machine.keys.page

    def hash_page(lease: Lease, leaf: int) -> object:
        return page(lease, leaf) if leaf < NEXT_PAGE else ahead(leaf)

    patch.setattr(machine.keys, "next_page", lambda _lease, _leaf: NEXT_PAGE)
    patch.setattr(machine.keys, "page", hash_page)


async def sign_together(pipeline: SigningPipeline, file: bytes, count: int) -> list[Outcome]:
    """The outcomes of requests that wait in the queue at the same time."""
    outcomes: list[Outcome] = []

    async def sign() -> None:
        outcomes.append(await pipeline.sign(NvmemfileSign(file, new_token(), b"message")))

    async with trio.open_nursery() as asking:
        for _ in range(count):
            asking.start_soon(sign)
    return outcomes


async def test_a_page_is_hashed_ahead_once(
    machine: Machine, pipeline: SigningPipeline, file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is under way, the signatures that come meanwhile ask for no second one."""
    begun: list[int] = []
    finish = threading.Event()

    def ahead(leaf: int) -> object:
        begun.append(leaf)
        return finish.wait(PATIENCE)

    hash_pages_ahead(machine, monkeypatch, ahead)
    await sign_together(pipeline, file, 1)
    await until(lambda: begun)
    for _ in range(3):
        await sign_together(pipeline, file, 1)
    finish.set()
    assert begun == [NEXT_PAGE]


@pytest.mark.parametrize("together", [1, 3])
async def test_a_stage_that_fails_costs_its_batch_alone(
    pipeline: SigningPipeline, file: bytes, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    """Each request of the batch is refused, and the next one gets a later leaf."""

    def fail(*_arguments: object) -> None:
        raise OSError("no such thread")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_sign", fail)
        refused = await sign_together(pipeline, file, together)
    assert [outcome.status for outcome in refused if isinstance(outcome, StatusError)] == [
        Status.OSErrorErrno
    ] * together

    [signed] = await sign_together(pipeline, file, 1)
    assert isinstance(signed, NvmemfileSigned)
    assert signed.leaf == together


async def test_a_page_that_can_not_be_hashed_ahead_stops_nobody(
    machine: Machine, pipeline: SigningPipeline, file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashing ahead is a favour: when it fails, the pipeline goes on, and tries again later."""
    tried: list[int] = []

    def ahead(leaf: int) -> object:
        tried.append(leaf)
        raise OSError("no memory")

    hash_pages_ahead(machine, monkeypatch, ahead)
    for leaf in range(2):
        [signed] = await sign_together(pipeline, file, 1)
        assert isinstance(signed, NvmemfileSigned)
        assert signed.leaf == leaf
        await until(lambda: len(tried) > leaf)  # noqa: B023


@pytest.mark.parametrize("place", ["_next_batch", "_finish"])
async def test_a_bug_of_its_own_ends_it(
    machine: Machine, file: bytes, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """In a thread, or at the loop: the machine stops, where its clients would wait for ever."""

    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(f"seemachine.server.pipeline.{place}", fail)
    running = SigningPipeline(machine)

    async def sign() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(running.run)
            nursery.start_soon(running.sign, NvmemfileSign(file, new_token(), b"message"))

    with pytest.raises(ExceptionGroup) as raised, trio.fail_after(PATIENCE):
        await sign()
    assert raised.group_contains(ZeroDivisionError, match="a bug")
