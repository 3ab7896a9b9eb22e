"""pipeline.py: many signatures at once, few commits, and each outcome with the one who asked."""

import errno
import threading
from dataclasses import replace

import pytest
import trio
from kit.services import join, make_machine, make_service, name_of
from kit.verdicts import leaf_of, verifies
from kit.waiting import PATIENCE, until
from seeclient.algorithms.lms.signing import new_token
from trio.testing import wait_all_tasks_blocked

from seemachine.commands import pages
from seemachine.commands.leases import to_store
from seemachine.lms.engines.portable import PortableEngine
from seemachine.server.pipeline import MAX_BATCH, SigningPipeline
from seemachine.state.errors import DiskFull, StateFailed
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.testing import install_key, make_key
from seemachine.wire.messages import NvmemfileSign, NvmemfileSigned
from seemachine.wire.status import Status, StatusError

LEAVES = 32


class CountingStore(MemoryStore):
    """Remembers how many leaves each commit took, waits at its gate, and fails when told to."""

    def __init__(self):
        super().__init__()
        self.commits = []
        self.committing = 0
        self.gate = threading.Event()
        self.gate.set()
        self.failure = None
        self.durable = {}

    def _write(self, changes):
        self.committing += 1
        assert self.gate.wait(PATIENCE)
        if self.failure is not None:
            raise self.failure
        super()._write(changes)
        self.commits.append(len(changes.files))
        self.durable.update(
            {name: LEAVES if file is None else file.next for name, file in changes.files.items()}
        )


@pytest.fixture
def store():
    """A store that counts."""
    return CountingStore()


@pytest.fixture
def machine(tmp_path, store):
    """A machine with that store."""
    return make_machine(tmp_path, store=store)


@pytest.fixture
def pipeline(machine):
    """A pipeline that does not run yet."""
    return SigningPipeline(machine)


@pytest.fixture
def key(machine):
    """A key of 32 leaves whose page is hashed already."""
    return warm(machine, install_key(machine))


def warm(machine, key):
    """Hash the first page of a key, so that its requests wait for nothing but the pipeline."""
    pages.prepare(machine, name_of(key))
    return key


def request(key, number):
    """A request of its own message."""
    return NvmemfileSign(file=name_of(key), token=new_token(), message=b"message %d" % number)


async def queue(nursery, pipeline, requests):
    """Hand requests to a pipeline, one after the other; the list returned fills with their
    outcomes.
    """
    outcomes = [None] * len(requests)

    async def sign(index, asked):
        outcomes[index] = await pipeline.sign(asked)

    for index, asked in enumerate(requests):
        nursery.start_soon(sign, index, asked)
        await wait_all_tasks_blocked()
    return outcomes


def leaves(outcomes):
    """The leaf of each signature, or the status of each refusal."""
    return [
        outcome.leaf if isinstance(outcome, NvmemfileSigned) else outcome.status
        for outcome in outcomes
    ]


# ---------------------------------------------------------------- batches


async def test_requests_that_wait_together_share_one_commit(pipeline, store, key, nursery):
    """32 requests in the queue take one commit; they get their leaves in the order of asking, each
    for its own message.
    """
    outcomes = await queue(nursery, pipeline, [request(key, number) for number in range(LEAVES)])
    nursery.start_soon(pipeline.run)
    await until(lambda: None not in outcomes)
    assert store.commits == [1]
    assert leaves(outcomes) == list(range(LEAVES))
    assert [outcome.remaining for outcome in outcomes] == list(range(LEAVES - 1, -1, -1))
    for number, outcome in enumerate(outcomes):
        assert leaf_of(outcome.signature) == number
        assert verifies(key.encode(), outcome.signature, b"message %d" % number)


async def test_requests_that_come_during_a_commit_share_the_next(pipeline, store, key, nursery):
    """While one commit is on its way to the disk, the others gather: 32 requests, two commits."""
    store.gate.clear()
    nursery.start_soon(pipeline.run)
    [first] = [await queue(nursery, pipeline, [request(key, 0)])]
    await until(lambda: store.committing)
    others = await queue(nursery, pipeline, [request(key, number) for number in range(1, LEAVES)])
    store.gate.set()
    await until(lambda: None not in first + others)
    assert len(store.commits) == 2
    assert leaves(first + others) == list(range(LEAVES))


async def test_sessions_share_commits(machine, store, key, nursery):
    """What holds for the pipeline holds for 32 sessions on the wire: each gets a leaf of its own,
    and commits are few.
    """
    service = make_service(machine)
    nursery.start_soon(service.pipeline.run)
    peers = [await join(nursery, service).greet() for _ in range(LEAVES)]
    store.gate.clear()
    for number, peer in enumerate(peers):
        await peer.send(request(key, number))
    await until(lambda: store.committing)
    await wait_all_tasks_blocked()
    store.gate.set()
    replies = [await peer.receive() for peer in peers]
    assert sorted(leaves(replies)) == list(range(LEAVES))
    assert all(
        verifies(key.encode(), reply.signature, b"message %d" % number)
        for number, reply in enumerate(replies)
    )
    assert len(store.commits) <= 3


async def test_a_batch_has_an_end(pipeline, machine, store, nursery):
    """More requests than a batch takes are cut into batches, and none is lost or doubled."""
    keys = [warm(machine, install_key(machine)) for _ in range(MAX_BATCH // LEAVES + 1)]
    asked = [request(key, number) for key in keys for number in range(LEAVES)]
    outcomes = [None] * len(asked)

    async def sign(index):
        outcomes[index] = await pipeline.sign(asked[index])

    for index in range(len(asked)):
        nursery.start_soon(sign, index)
    await wait_all_tasks_blocked()
    nursery.start_soon(pipeline.run)
    await until(lambda: None not in outcomes)
    assert len(store.commits) == 2
    taken = {(ask.file, outcome.leaf) for ask, outcome in zip(asked, outcomes, strict=True)}
    assert len(taken) == len(asked)


async def test_no_leaf_signs_before_it_is_durable(tmp_path, store, nursery):
    """Whenever the engine gets a leaf to sign with, the store has already forgotten it for good."""
    early = []

    class Watching(PortableEngine):
        def sign(self, ots, jobs):
            early.extend(
                job.leaf for job in jobs if job.leaf >= store.durable.get(names[job.identifier], 0)
            )
            return super().sign(ots, jobs)

    machine = make_machine(tmp_path, store=store, engine=Watching())
    keys = [warm(machine, install_key(machine)) for _ in range(2)]
    names = {key.identifier: name_of(key) for key in keys}
    pipeline = SigningPipeline(machine)
    nursery.start_soon(pipeline.run)
    bursts = [
        [request(key, number) for number in range(burst) for key in keys]
        for burst in (1, 5, 2, 9, 1, 14)
    ]
    outcomes = [await queue(nursery, pipeline, burst) for burst in bursts]
    await until(lambda: all(None not in outcome for outcome in outcomes))
    assert early == []
    assert (
        sum(isinstance(outcome, NvmemfileSigned) for burst in outcomes for outcome in burst)
        == 2 * LEAVES
    )


async def test_one_batch_takes_keys_of_every_kind(pipeline, machine, nursery):
    """Parameter sets of other hashes and lengths are signed side by side, each with its own."""
    sets = [
        ("sha256_m32_h5", "sha256_n32_w4"),
        ("sha256_m24_h5", "sha256_n24_w4"),
        ("shake_m32_h5", "shake_n32_w2"),
        ("sha256_m32_h5", "sha256_n32_w2"),
    ]
    keys = [warm(machine, install_key(machine, tree=tree, ots=ots)) for tree, ots in sets]
    asked = [request(key, number) for number in range(3) for key in keys]
    outcomes = await queue(nursery, pipeline, asked)
    nursery.start_soon(pipeline.run)
    await until(lambda: None not in outcomes)
    for index, (ask, outcome) in enumerate(zip(asked, outcomes, strict=True)):
        assert outcome.leaf == index // len(keys)
        assert verifies(keys[index % len(keys)].encode(), outcome.signature, ask.message)


# ---------------------------------------------------------------- refusals


async def test_a_refusal_goes_to_the_one_who_asked(pipeline, key, nursery):
    """A file that is not there, and leaves that are used up, refuse their own requests and no
    others.
    """
    missing = NvmemfileSign(file=b"lmsnosuchke", token=new_token(), message=b"")
    asked = [
        missing,
        *(request(key, number) for number in range(LEAVES)),
        missing,
        request(key, 99),
    ]
    outcomes = await queue(nursery, pipeline, asked)
    nursery.start_soon(pipeline.run)
    await until(lambda: None not in outcomes)
    gone = Status.NotAvailable
    assert leaves(outcomes) == [gone, *range(LEAVES), gone, gone]
    refusals = [outcome for outcome in outcomes if isinstance(outcome, StatusError)]
    assert {refusal.where for refusal in refusals} == {"nvmemfile_sign"}
    assert "6c6d736e:6f737563:686b65" in refusals[0].detail


async def test_a_message_that_is_too_long_refuses_only_its_own_request(
    pipeline, machine, key, nursery
):
    """A client that breaks the limit in the same batch costs the others nothing."""
    machine.limits = replace(machine.limits, message=10)
    asked = [
        request(key, 0),
        NvmemfileSign(file=name_of(key), token=new_token(), message=bytes(11)),
        request(key, 1),
    ]
    outcomes = await queue(nursery, pipeline, asked)
    nursery.start_soon(pipeline.run)
    await until(lambda: None not in outcomes)
    assert leaves(outcomes) == [0, Status.InvalidParameter, 1]


async def test_a_failed_commit_refuses_all_that_shared_it(pipeline, store, key, nursery):
    """When the disk fails, no signature of the batch leaves the machine, nor any later one, and no
    leaf comes back.
    """
    store.failure = StateFailed("the disk is gone")
    outcomes = await queue(nursery, pipeline, [request(key, number) for number in range(8)])
    nursery.start_soon(pipeline.run)
    await until(lambda: None not in outcomes)
    assert leaves(outcomes) == [Status.OSErrorErrno] * 8
    assert all("the disk is gone in nvmemfile_sign" in outcome.detail for outcome in outcomes)
    store.failure = None
    assert (await pipeline.sign(request(key, 9))).status is Status.OSErrorErrno
    assert store.commits == []
    assert store.get(name_of(key)).next == 8


async def test_a_full_disk_burns_the_batch_and_no_more(pipeline, store, key, nursery):
    """Without room, the leaves of the batch are lost; once there is room, signing goes on behind
    them.
    """
    store.failure = DiskFull("no room")
    outcomes = await queue(nursery, pipeline, [request(key, number) for number in range(8)])
    nursery.start_soon(pipeline.run)
    await until(lambda: None not in outcomes)
    assert leaves(outcomes) == [Status.OSErrorErrno] * 8
    store.failure = None
    assert (await pipeline.sign(request(key, 9))).leaf == 8


async def test_a_bug_in_the_engine_burns_the_batch_and_no_more(tmp_path, nursery):
    """An exception while signing is an answer to each request of the batch; the pipeline goes on
    behind the burned leaves.
    """
    broken = [OSError(errno.EIO, "no kernel")]

    class Broken(PortableEngine):
        def sign(self, ots, jobs):
            if broken:
                raise broken.pop()
            return super().sign(ots, jobs)

    machine = make_machine(tmp_path, engine=Broken())
    key, pipeline = warm(machine, install_key(machine)), SigningPipeline(machine)
    outcomes = await queue(nursery, pipeline, [request(key, number) for number in range(3)])
    nursery.start_soon(pipeline.run)
    await until(lambda: None not in outcomes)
    assert leaves(outcomes) == [Status.OSErrorErrno] * 3
    assert (await pipeline.sign(request(key, 3))).leaf == 3


async def test_who_stops_waiting_harms_nobody(pipeline, key, nursery):
    """A request whose session was cancelled in the queue burns its leaf; those before and behind it
    get theirs.
    """
    before = await queue(nursery, pipeline, [request(key, 0)])
    with trio.CancelScope() as impatient:
        nursery.start_soon(cancel_when_blocked, impatient)
        await pipeline.sign(request(key, 1))
    assert impatient.cancelled_caught
    behind = await queue(nursery, pipeline, [request(key, 2)])
    nursery.start_soon(pipeline.run)
    await until(lambda: None not in before + behind)
    assert leaves(before + behind) == [0, 2]


async def cancel_when_blocked(scope):
    """Cancel a scope once everybody waits."""
    await wait_all_tasks_blocked()
    scope.cancel()


async def test_a_page_is_hashed_before_a_leaf_is_taken(
    pipeline, machine, store, nursery, monkeypatch
):
    """A tree too large to hash unasked is refused without spending a leaf; one that is small enough
    is hashed first.
    """
    key = install_key(machine)
    nursery.start_soon(pipeline.run)
    with monkeypatch.context() as patch:
        patch.setattr(pages, "MAX_PAGE_EXPONENT", 4)
        refused = await pipeline.sign(request(key, 0))
    assert (refused.status, refused.where) == (Status.NotAvailable, "nvmemfile_sign")
    assert "loadLMS" in refused.detail
    assert store.committing == 0
    assert (await pipeline.sign(request(key, 0))).leaf == 0


async def test_a_damaged_record_is_an_answer(pipeline, machine, nursery):
    """An NVRAM file whose public key is not one refuses its requests."""
    lease = to_store(make_key().lease(0))
    damaged = replace(lease, public_key=b"\0\0\0\x63" + lease.public_key[4:])
    machine.store.install(damaged)
    nursery.start_soon(pipeline.run)
    outcome = await pipeline.sign(NvmemfileSign(file=damaged.name, token=new_token(), message=b""))
    assert isinstance(outcome, StatusError)
