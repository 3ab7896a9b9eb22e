"""Requests for many signatures among the others: in the pipeline, on the wire, in the log."""

from pathlib import Path

import pytest
import trio
from kit.logs import Events
from kit.services import join, make_machine, make_service, name_of
from kit.verdicts import verifies
from kit.waiting import until
from seeclient.algorithms.lms.signing import new_token
from server.test_signing_pipeline import CountingStore, warm
from trio.testing import wait_all_tasks_blocked

from seemachine.lms.keys import PublicKey
from seemachine.machine import Machine
from seemachine.server import pipeline
from seemachine.server.logs import describe
from seemachine.server.pipeline import SigningPipeline
from seemachine.server.signed_leaves import ranges
from seemachine.testing import install_key
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError

LEAVES = 32


@pytest.fixture
def store() -> CountingStore:
    """A store that counts its commits and waits at its gate."""
    return CountingStore()


@pytest.fixture
def machine(tmp_path: Path, store: CountingStore) -> Machine:
    """A machine with that store."""
    return make_machine(tmp_path, store=store)


@pytest.fixture
def key(machine: Machine) -> PublicKey:
    """A key of 32 leaves whose page is hashed already."""
    made: PublicKey = warm(machine, install_key(machine))
    return made


def many(key: PublicKey, count: int) -> m.NvmemfileSignMany:
    """A request for so many messages under new tokens."""
    tokens = [new_token() for _ in range(count)]
    return m.NvmemfileSignMany(
        file=name_of(key), tokens=tokens, messages=[b"m:" + t for t in tokens]
    )


def check(key: PublicKey, asked: m.NvmemfileSignMany, signed: object) -> list[int]:
    """The leaves of a reply without refusals, each of whose signatures is of its message."""
    assert isinstance(signed, m.NvmemfileSignedMany)
    assert not signed.refusals
    for message, signature in zip(asked.messages, signed.signatures, strict=True):
        assert verifies(key.encode(), signature, message)
    return signed.leaves


async def test_two_connections_and_one_that_signs_alone(
    machine: Machine, store: CountingStore, key: PublicKey, nursery: trio.Nursery
) -> None:
    """What comes while a commit is under way shares the next, whoever asks for how much, and no
    leaf is given twice.
    """
    service = make_service(machine)
    nursery.start_soon(service.pipeline.run)
    peers = [await join(nursery, service).greet() for _ in range(4)]
    store.gate.clear()
    first, second, third = many(key, 5), many(key, 7), many(key, 6)
    await peers[0].send(first)
    await until(lambda: bool(store.committing))
    alone = m.NvmemfileSign(file=name_of(key), token=new_token(), message=b"alone")
    for peer, request in zip(peers[1:], (second, alone, third), strict=True):
        await peer.send(request)
    await wait_all_tasks_blocked()
    store.gate.set()
    replies = [await peer.receive() for peer in peers]

    taken = [
        *check(key, first, replies[0]),
        *check(key, second, replies[1]),
        replies[2].leaf,
        *check(key, third, replies[3]),
    ]
    assert taken[:5] == [0, 1, 2, 3, 4]
    assert sorted(taken) == list(range(19))
    assert len(store.commits) == 2


async def test_the_same_request_of_two_connections(
    machine: Machine, store: CountingStore, key: PublicKey, nursery: trio.Nursery
) -> None:
    """As after a reply that was lost, or a client that did not wait: one leaf for each token, and
    the same bytes for both.
    """
    running = SigningPipeline(machine)
    asked, replies = many(key, 6), list[object]()

    async def sign() -> None:
        replies.append(await running.sign_many(asked))

    for _ in range(2):
        nursery.start_soon(sign)
    await wait_all_tasks_blocked()
    nursery.start_soon(running.run)
    await until(lambda: len(replies) == 2)

    assert check(key, asked, replies[0]) == check(key, asked, replies[1]) == [0, 1, 2, 3, 4, 5]
    assert replies[0] == replies[1]
    assert store.commits == [1]


async def test_a_batch_counts_messages(
    machine: Machine,
    store: CountingStore,
    key: PublicKey,
    nursery: trio.Nursery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Requests share a commit while their messages are few enough; one that has more than that
    comes alone.
    """
    monkeypatch.setattr(pipeline, "MAX_BATCH", 8)
    running = SigningPipeline(machine)
    asked = [many(key, count) for count in (3, 5, 1, 12, 2, 6)]
    replies: dict[int, object] = {}

    async def sign(index: int) -> None:
        replies[index] = await running.sign_many(asked[index])

    for index in range(len(asked)):
        nursery.start_soon(sign, index)
        await wait_all_tasks_blocked()
    nursery.start_soon(running.run)
    await until(lambda: len(replies) == len(asked))

    leaves = [check(key, asked[index], replies[index]) for index in range(len(asked))]
    assert sorted(leaf for some in leaves for leaf in some) == list(range(29))
    assert len(store.commits) == 4  # 3 + 5, 1, 12, 2 + 6


async def test_a_lease_that_ends_in_the_middle_of_two(
    machine: Machine, key: PublicKey, nursery: trio.Nursery
) -> None:
    """Two requests of one commit want more than there is: the first gets all of its leaves, the
    second what is left.
    """
    running = SigningPipeline(machine)
    replies: dict[int, m.NvmemfileSignedMany | StatusError] = {}

    async def sign(index: int) -> None:
        replies[index] = await running.sign_many(many(key, 20))

    for index in range(3):
        nursery.start_soon(sign, index)
        await wait_all_tasks_blocked()
    nursery.start_soon(running.run)
    await until(lambda: len(replies) == 3)

    first, second, third = (replies[index] for index in range(3))
    assert isinstance(first, m.NvmemfileSignedMany)
    assert isinstance(second, m.NvmemfileSignedMany)
    assert (first.leaves, second.leaves[:12]) == (list(range(20)), list(range(20, 32)))
    assert [each.index for each in second.refusals] == list(range(12, 20))
    assert isinstance(third, StatusError)
    assert third.status is Status.NotAvailable


async def test_its_line_in_the_log(machine: Machine, key: PublicKey, nursery: trio.Nursery) -> None:
    """One line: the key, how many, which leaves, what is left, how many were refused; no message,
    token or signature.
    """
    log = Events()
    service = make_service(machine, log)
    nursery.start_soon(service.pipeline.run)
    peer = await join(nursery, service).greet()
    request = many(key, 3)
    await peer.ask(request)
    again = many(key, 4)
    again.tokens[0] = request.tokens[1]
    await peer.ask(again)

    def lines() -> list[dict[str, object]]:
        asked = [line for line in log.named("request") if line["command"] == request.NAME]
        shown = ("key", "count", "leaves", "remaining", "refused")
        return [{name: line[name] for name in shown} for line in asked]

    await until(lambda: len(lines()) == 2)
    name = request.file.hex()
    assert lines() == [
        {"key": name, "count": 3, "leaves": "0-2", "remaining": 29, "refused": 0},
        {"key": name, "count": 4, "leaves": "3-5", "remaining": 26, "refused": 1},
    ]
    for secret in (*request.tokens, *request.messages):
        assert secret.hex() not in repr(log.kept)


def test_a_refusal_in_the_log(key: PublicKey) -> None:
    """It says how many were asked for."""
    refused = StatusError(Status.NotAvailable, "no")
    assert describe(many(key, 3), refused) == {"key": name_of(key).hex(), "count": 3}


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([], ""),
        ([7], "7"),
        ([12, 13, 14], "12-14"),
        ([3, 1, 2, 9, 12, 11], "1-3,9,11-12"),
        ([5, 5, 6], "5-6"),
        ([0, 2, 4], "0,2,4"),
    ],
)
def test_leaves_in_few_words(numbers: list[int], words: str) -> None:
    """A range for those that follow one another, in their order, each once."""
    assert ranges(numbers) == words
