"""`key.sign_many`: many messages, some machines, one list of signatures."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from kit.lossy import REPLY, REQUEST, LossyRig
from kit.stories import a_key_file
from kit.verdicts import leaf_of, verifies
from seeclient import (
    NotProvisioned,
    PartlySigned,
    Status,
    StatusError,
    Unreachable,
    aio,
    verify,
)
from seeclient.algorithms.lms import frames, persisting
from seeclient.algorithms.mldsa import asking
from seeclient.keys import KeyStore
from seeclient.results import Signed

from seemachine import testing
from seemachine.testing import ESN, OTHER_ESN

SECOND = 512  # the first leaf of the second lease


@pytest.fixture
def rig(home: Path) -> LossyRig:
    """Two machines, each with a lease of the key `shared`."""
    made = LossyRig(home)
    made.start(ESN)
    made.start(OTHER_ESN)
    made.share()
    return made


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a machine that is gone for good."""
    for module in (persisting, asking):
        monkeypatch.setattr(module, "RETRY_PAUSES", (0.0, 0.0))


def by_blocking(rig: LossyRig, messages: Sequence[Any], **options: Any) -> list[bytes]:
    """As a program without async does."""
    with rig.fleet() as fleet:
        return fleet.key("shared").sign_many(messages, **options)


def by_trio(rig: LossyRig, messages: Sequence[Any], **options: Any) -> list[bytes]:
    """As a program of trio does."""

    async def main() -> list[bytes]:
        async with rig.trio_fleet() as fleet:
            return await fleet.key("shared").sign_many(messages, **options)

    return trio.run(main)


def by_asyncio(rig: LossyRig, messages: Sequence[Any], **options: Any) -> list[bytes]:
    """As a program of asyncio does."""
    import asyncio

    async def main() -> list[bytes]:
        async with aio.connected(rig.environment, connect=rig.connect) as fleet:
            return await fleet.key("shared").sign_many(messages, **options)

    return asyncio.run(main())


Client = Callable[..., list[bytes]]
CLIENTS = {"blocking": by_blocking, "trio": by_trio, "asyncio": by_asyncio}


@pytest.fixture(params=CLIENTS.values(), ids=CLIENTS)
def sign_many(request: pytest.FixtureRequest) -> Client:
    """Each of the three."""
    client: Client = request.param
    return client


def texts(count: int) -> list[bytes]:
    """Messages that differ."""
    return [b"message %d" % number for number in range(count)]


def public_key(rig: LossyRig) -> bytes:
    """Of the key."""
    with rig.fleet() as fleet:
        return fleet.key("shared").public_key


def check(rig: LossyRig, messages: Sequence[bytes], signatures: Sequence[bytes | None]) -> None:
    """Each that is there is of the message in its place, which of some another implementation says
    too, and no leaf comes twice.
    """
    made = [(text, signed) for text, signed in zip(messages, signatures, strict=True) if signed]
    for text, signed in made:
        verify(text, signed, public_key(rig))
    assert all(verifies(public_key(rig), signed, text) for text, signed in made[:: len(made) // 4])
    assert len({leaf_of(signed) for _, signed in made}) == len(made)


# ---------------------------------------------------------------- all is well


def test_signatures_come_in_order_from_both_machines(rig: LossyRig, sign_many: Client) -> None:
    """In as few requests as they fit into, half of them on each machine at once; a leaf and a row
    of the ledger each.
    """
    messages = texts(60)
    made = sign_many(rig, messages)
    check(rig, messages, made)
    assert [leaf_of(each) for each in made] == [*range(30), *range(SECOND, SECOND + 30)]
    assert Counter(rig.asked) == {ESN: 1, OTHER_ESN: 1}
    assert len({row.token for row in rig.rows()}) == 60


def test_shares_are_as_the_leaves_that_machines_have(rig: LossyRig) -> None:
    """So that all have some to the end."""
    rig.stop(OTHER_ESN)
    by_blocking(rig, texts(448))
    rig.start(OTHER_ESN)
    rig.install(OTHER_ESN)
    made = by_blocking(rig, texts(90))
    assert [leaf_of(each) for each in made] == [*range(448, 458), *range(SECOND, SECOND + 80)]


def test_any_number_of_messages(rig: LossyRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut into requests of as many as a machine takes."""
    monkeypatch.setattr(frames, "MAX_SIGNINGS", 16)
    messages = texts(100)
    made = by_blocking(rig, messages)
    check(rig, messages, made)
    assert Counter(rig.asked) == {ESN: 4, OTHER_ESN: 4}


def test_no_message_asks_nobody(rig: LossyRig, sign_many: Client) -> None:
    """And gives nothing."""
    assert sign_many(rig, []) == []
    assert rig.asked == []


def test_each_is_told_when_it_is_there(rig: LossyRig, sign_many: Client) -> None:
    """With its place, its machine and its leaf, and once."""
    told: dict[int, Signed] = {}

    def listen(place: int, signed: Signed) -> None:
        assert place not in told
        told[place] = signed

    made = sign_many(rig, texts(10), progress=listen)
    assert [told[place].signature for place in range(10)] == made
    assert {each.esn for each in told.values()} == {ESN, OTHER_ESN}


@pytest.mark.parametrize("sign_many", [by_blocking, by_trio])
@pytest.mark.parametrize("count", [1, 3, 10])
def test_a_listener_that_raises_loses_no_signature(
    rig: LossyRig, sign_many: Client, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first, in the middle, or at the last: what took a leaf is in PartlySigned."""
    monkeypatch.setattr(frames, "MAX_SIGNINGS", 2)
    told: list[int] = []

    def listen(place: int, _: Signed) -> None:
        told.append(place)
        if len(told) == count:
            raise ValueError("no room")

    with pytest.raises(PartlySigned, match="progress= raised ValueError") as raised:
        sign_many(rig, texts(10), progress=listen)
    assert isinstance(raised.value.__cause__, ValueError)
    made = [each for each in raised.value.signatures if each is not None]
    assert len(made) == len(rig.rows()) >= count
    assert len(made) + len(raised.value.causes) == 10


def test_files_and_bytes_of_any_size(
    rig: LossyRig, sign_many: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too long to be sent is hashed here, and takes its place among the others. A request
    has no more bytes than fit.
    """
    contents = [b"", b"a" * 700_000, b"b" * 700_000, bytes(3 << 20), b"c", b"d" * 300_000]
    sources: list[bytes | Path] = []
    for place, content in enumerate(contents):
        path = tmp_path / str(place)
        path.write_bytes(content)
        sources.append(path if place % 2 else content)
    check(rig, contents, sign_many(rig, sources * 2)[:6])
    assert len(rig.rows()) == 12
    assert len(rig.asked) == 6


def test_replies_fit_their_frames(rig: LossyRig) -> None:
    """Of large signatures fewer are asked for at once."""
    rig.share("large", tree="sha256_m32_h5", ots="sha256_n32_w1")
    with rig.fleet() as fleet:
        key = fleet.key("large")
        room = frames.room(fleet.peers[0], key.file)
        assert 100 < room.count < 130
        assert len(key.sign_many(texts(32))) == 32


def test_a_key_that_one_machine_holds(rig: LossyRig) -> None:
    """The other is left alone."""
    with rig.fleet() as fleet:
        key = fleet.generate_lms("alone", **testing.QUICK)
        assert [leaf_of(each) for each in key.sign_many(texts(32))] == [*range(32)]
    assert rig.asked == [ESN]


def test_an_mldsa_key(rig: LossyRig) -> None:
    """Spread over all machines of the world, with its own options."""
    told: list[Signed] = []
    with rig.fleet() as fleet:
        key = fleet.generate_mldsa("free", "mldsa44")
        made = key.sign_many(
            texts(4), context=b"here", progress=lambda _, signed: told.append(signed)
        )
        for text, signature in zip(texts(4), made, strict=True):
            key.verify(text, signature, context=b"here")
        assert Counter(each.esn for each in told) == {ESN: 2, OTHER_ESN: 2}
        with pytest.raises(StatusError, match="no thresholds"):
            key.sign_many(texts(2), acknowledge="why")
        rig.stop(ESN)
        assert len(key.sign_many(texts(3))) == 3
        rig.stop(OTHER_ESN)
        with pytest.raises(Unreachable):
            key.sign_many(texts(3))


def test_others_wait_for_the_connections_that_are_in_use(
    rig: LossyRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads share a fleet; replies would be mixed up."""
    held: list[list[bool]] = []
    with rig.fleet() as fleet:
        connections = fleet._connections.values()

        def look(_esn: str, _data: bytes) -> None:
            held.append([each.lock.locked() for each in connections])

        monkeypatch.setattr(rig, "_fate", look)
        for connection in connections:
            connection._wire.fate = look  # type: ignore[attr-defined]
        fleet.key("shared").sign_many(texts(4))
        assert held == [[True, True]] * 4
        assert not any(each.lock.locked() for each in connections)


# ---------------------------------------------------------------- some are not signed


def partly(call: Callable[[], object]) -> PartlySigned:
    """What a call raises."""
    with pytest.raises(PartlySigned) as raised:
        call()
    return raised.value


def test_nothing_that_was_signed_is_lost(rig: LossyRig, sign_many: Client) -> None:
    """Of more messages than there are leaves, as many are signed as there are leaves; why the
    others are not is said of each.
    """
    rig.share("shared", tree="sha256_m24_h5")
    messages = texts(38)
    refused = partly(partial(sign_many, rig, messages))
    check(rig, messages, refused.signatures)
    assert sum(each is not None for each in refused.signatures) == 32
    assert len(refused.causes) == 6
    assert all(refused.signatures[place] is None for place in refused.causes)
    assert refused.status is Status.NotAvailable
    assert refused.detail.startswith("6 of 38 messages are not signed; the first of them: no HSM")


def test_where_none_is_signed_it_is_refused_as_one_is(rig: LossyRig, sign_many: Client) -> None:
    """By the class that says why."""
    KeyStore(rig.world.keys).save(a_key_file("shared"))
    with pytest.raises(NotProvisioned):
        sign_many(rig, texts(3))


def test_what_cannot_be_read_is_named_and_the_rest_signed(
    rig: LossyRig, sign_many: Client, tmp_path: Path
) -> None:
    """Each has its own cause."""
    sources = [b"one", tmp_path / "missing", b"three", tmp_path]
    refused = partly(partial(sign_many, rig, sources))
    assert [each is None for each in refused.signatures] == [False, True, False, True]
    assert f"{tmp_path / 'missing'}: No such file or directory" in refused.causes[1].detail
    assert f"{tmp_path}: Is a directory" in refused.causes[3].detail
    assert len(rig.rows()) == 2


def test_what_is_no_message_is_refused_before_anything(rig: LossyRig, sign_many: Client) -> None:
    """No leaf is taken for the others."""
    for wrong in ([b"one", "two"], "text", b"bytes"):
        with pytest.raises(TypeError, match="a message is bytes, or the Path of a file"):
            sign_many(rig, wrong)
    assert rig.rows() == []


def test_options_that_lms_does_not_have(rig: LossyRig) -> None:
    """Are refused as for one message."""
    with pytest.raises(StatusError, match="LMS takes no context"):
        by_blocking(rig, texts(2), context=b"here")
    with pytest.raises(StatusError, match="acknowledge takes a reason"):
        by_blocking(rig, texts(2), acknowledge=" ")
    assert rig.rows() == []


def test_thresholds(rig: LossyRig, tmp_path: Path) -> None:
    """The last leaves of each lease need a reason, which the ledger keeps of those alone; also of
    what is hashed here.
    """
    large = tmp_path / "large"
    large.write_bytes(bytes(3 << 20))
    with rig.fleet() as fleet:
        key = fleet.key("shared")
        key.warn_at(500)
        refused = partly(partial(key.sign_many, texts(30)))
        assert sum(each is not None for each in refused.signatures) == 24
        assert refused.status is Status.UseLimitExceeded
        made = key.sign_many([b"one", large, b"three"], acknowledge="the last release")
        key.verify(large, made[1])
    assert Counter(row.reason for row in rig.rows()) == {"": 24, "the last release": 3}


def test_what_one_machine_wants_a_reason_for_another_signs(rig: LossyRig) -> None:
    """A person is asked for one only where all want one."""
    with rig.fleet() as fleet:
        key = fleet.key("shared")
        rig.machines[ESN].store.warn_at(key.file.name, 511)
        made = key.sign_many(texts(40))
        check(rig, texts(40), made)
        assert [leaf_of(each) for each in made[:3]] == [0, SECOND + 20, SECOND + 21]


# ---------------------------------------------------------------- lost replies, machines that die


@pytest.mark.parametrize("loss", [REQUEST, REPLY])
def test_a_lost_exchange_costs_no_leaf(rig: LossyRig, sign_many: Client, loss: str) -> None:
    """Whichever way it was lost, it is asked for again, under the same tokens, over a new
    connection.
    """
    rig.losses = [loss, None, loss]
    messages = texts(40)
    made = sign_many(rig, messages)
    check(rig, messages, made)
    assert len(rig.rows()) == 40
    assert sorted(map(leaf_of, made)) == [*range(20), *range(SECOND, SECOND + 20)]


def test_a_machine_that_does_not_come_back(
    rig: LossyRig, sign_many: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it may have signed is reported, and signed by no other: it may still be found there.
    What it was not asked for, another signs.
    """
    monkeypatch.setattr(frames, "MAX_SIGNINGS", 8)
    rig.dies_at = {OTHER_ESN: 2}
    messages = texts(60)
    refused = partly(partial(sign_many, rig, messages))
    check(rig, messages, refused.signatures)
    assert set(refused.causes) == {*range(38, 46)}
    assert all(isinstance(each, Unreachable) for each in refused.causes.values())
    assert all(each.was_asked for each in refused.causes.values() if isinstance(each, Unreachable))


def test_a_machine_that_was_gone_before_it_was_asked(rig: LossyRig, sign_many: Client) -> None:
    """Costs nothing: the other signs all."""
    messages = texts(40)
    rig.stop(OTHER_ESN)
    check(rig, messages, sign_many(rig, messages))
    assert {*rig.asked} == {ESN}
