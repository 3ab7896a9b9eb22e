"""nvmemfile_sign_many: as so many nvmemfile_sign, in one step."""

import random
from dataclasses import replace
from typing import Any

import pytest
from kit.commands import CHEAP, LEAVES, SETS, Key, RepeatableRig, ask, hash_key, refuse, sign
from kit.signatures import MESSAGE
from kit.verdicts import leaf_of, verifies
from seeclient.algorithms.lms.signing import new_token

from seemachine.lms.engines.portable import PortableEngine
from seemachine.machine import DEFAULT_LIMITS, Machine, Session
from seemachine.state.errors import DiskFull, StateFailed
from seemachine.wire import messages as m
from seemachine.wire.link import Asked, Link, Role
from seemachine.wire.names import PROTOCOL
from seemachine.wire.status import Status, StatusError

WHY = "last release of the line"


def many(key: Key, count: int, **changes: Any) -> m.NvmemfileSignMany:
    """A request for so many messages, no two alike, under new tokens."""
    return replace(
        m.NvmemfileSignMany(
            file=key.file,
            tokens=[new_token() for _ in range(count)],
            messages=[b"message %d" % number for number in range(count)],
        ),
        **changes,
    )


def rows(session: Session) -> list[m.LedgerEntry]:
    """The whole ledger."""
    entries: list[m.LedgerEntry] = ask(session, m.ReadLedger(after=0, most=512)).entries
    return entries


def following(session: Session, key: Key) -> int:
    """The next leaf of a key's file."""
    return int(ask(session, m.GetNvmemfileInfo(file=key.file)).next)


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[1])
def test_each_message_has_a_leaf_of_its_own(session: Session, names: tuple[str, str]) -> None:
    """Signatures in the order of the messages, a row and a token each; the file goes on after
    them.
    """
    key = hash_key(session, names)
    ask(session, sign(key.file))
    request = many(key, 5)
    signed = ask(session, request)

    assert signed.leaves == [1, 2, 3, 4, 5]
    assert [leaf_of(each) for each in signed.signatures] == signed.leaves
    for message, signature in zip(request.messages, signed.signatures, strict=True):
        assert verifies(key.public_key, signature, message)
    assert (signed.remaining, signed.refusals) == (LEAVES - 6, [])
    assert [row.token for row in rows(session)[1:]] == request.tokens
    assert following(session, key) == 6


def test_one_commit_and_one_call_of_the_engine(
    world: RepeatableRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many messages."""
    calls: list[int] = []

    class Counting(PortableEngine):
        def sign(self, ots: Any, jobs: Any) -> Any:
            calls.append(len(jobs))
            return super().sign(ots, jobs)

    session = Session(world.machine(engine=Counting()))
    key = hash_key(session)
    write, commits = session.machine.store._write, []
    monkeypatch.setattr(
        session.machine.store,
        "_write",
        lambda changes: (commits.append(len(changes.rows)), write(changes)),
    )
    ask(session, many(key, 7))

    assert (calls, commits) == ([7], [7])


def test_known_tokens_in_other_batches_and_orders(session: Session) -> None:
    """What comes again takes no leaf and gives the same bytes: in another batch among new ones, in
    another order, and alone; and what was asked alone comes among many.
    """
    key = hash_key(session)
    alone = sign(key.file, b"alone")
    by_token = {alone.token: ask(session, alone).signature}
    message_of = {alone.token: alone.message}
    chance = random.Random(1)
    for _ in range(6):
        fresh = many(key, 4)
        message_of |= zip(fresh.tokens, fresh.messages, strict=True)
        tokens = [*fresh.tokens, *chance.sample(sorted(by_token), min(3, len(by_token)))]
        chance.shuffle(tokens)
        request = replace(fresh, tokens=tokens, messages=[message_of[token] for token in tokens])
        signed = ask(session, request)
        for token, signature in zip(tokens, signed.signatures, strict=True):
            assert by_token.setdefault(token, signature) == signature
        assert (signed.remaining, signed.refusals) == (LEAVES - len(by_token), [])
    for token, signature in by_token.items():
        assert ask(session, sign(key.file, message_of[token], token)).signature == signature
        assert verifies(key.public_key, signature, message_of[token])
    assert sorted(map(leaf_of, by_token.values())) == list(range(25))
    assert len(rows(session)) == following(session, key) == 25


def test_a_lease_that_ends_in_the_middle(session: Session) -> None:
    """It gives what it has; the rest is refused with the words of a request alone. The same request
    again gives the same.
    """
    key = hash_key(session)
    ask(session, many(key, LEAVES - 3))
    request = many(key, 5)
    signed = ask(session, request)
    [status, detail] = refuse(session, sign(key.file)).args[:2]

    assert signed.leaves == [LEAVES - 3, LEAVES - 2, LEAVES - 1, 0, 0]
    assert [bool(each) for each in signed.signatures] == [True] * 3 + [False] * 2
    assert (signed.remaining, [each.index for each in signed.refusals]) == (0, [3, 4])
    for each in signed.refusals:
        assert (each.status, each.detail) == (status, f"{detail}_many")
    assert ask(session, request) == signed
    for token, message, signature in zip(
        request.tokens[:3], request.messages, signed.signatures, strict=False
    ):
        assert ask(session, sign(key.file, message, token)).signature == signature


def test_a_file_without_leaves_refuses_the_request(session: Session) -> None:
    """All messages are refused for one reason: so is the request, with the words of one alone."""
    key = hash_key(session)
    ask(session, many(key, LEAVES))
    alone, together = refuse(session, sign(key.file)), refuse(session, many(key, 3))

    assert (together.status, together.where) == (Status.NotAvailable, "nvmemfile_sign_many")
    assert together.detail == f"{alone.detail}_many"


def test_a_token_of_another_message(session: Session) -> None:
    """Refused by itself, as alone: the others get their leaves, and the leaf is not signed with
    again.
    """
    key = hash_key(session)
    used = sign(key.file, b"first")
    ask(session, used)
    request = many(key, 3)
    request.tokens[1] = used.token
    signed = ask(session, request)

    assert (signed.leaves, signed.signatures[1]) == ([1, 0, 2], b"")
    [refused] = signed.refusals
    assert (refused.index, refused.status) == (1, Status.ObjectInUse)
    assert "used before, for another message: leaf 0 of" in refused.detail
    assert following(session, key) == 3


def test_a_reserved_leaf_is_not_signed_with(session: Session) -> None:
    """A token under which a leaf waits for a digest is refused among many as it is alone."""
    key = hash_key(session)
    reserve = m.NvmemfileReserve(file=key.file, token=new_token())
    ask(session, reserve)
    request = many(key, 2)
    request.tokens[0] = reserve.token
    signed = ask(session, request)

    assert signed.leaves == [0, 1]
    assert [each.status for each in signed.refusals] == [Status.ObjectInUse]


# ---------------------------------------------------------------- refused before a leaf is taken


def untouched(session: Session, key: Key, request: m.NvmemfileSignMany) -> StatusError:
    """The refusal of a request that took no leaf and wrote no row."""
    before = following(session, key), len(rows(session))
    refused = refuse(session, request)
    assert (following(session, key), len(rows(session))) == before
    assert refused.where == "nvmemfile_sign_many"
    return refused


def test_unequal_lengths(session: Session) -> None:
    """A token more or less than messages."""
    key = hash_key(session)
    for change in ({"tokens": [new_token()] * 3}, {"messages": [b"m"] * 5}):
        refused = untouched(session, key, replace(many(key, 4), **change))
        assert refused.status is Status.InvalidParameter
        assert "messages in nvmemfile_sign_many; give each message one" in refused.detail


def test_a_token_twice(session: Session) -> None:
    """Whether its messages are alike or not: nobody could tell the two apart."""
    key = hash_key(session)
    for messages in ([b"a", b"b", b"c"], [b"a", b"a", b"c"]):
        request = many(key, 3, messages=messages)
        request.tokens[1] = request.tokens[0]
        refused = untouched(session, key, request)
        assert refused.status is Status.InvalidParameter
        assert refused.detail.startswith("a token comes twice in nvmemfile_sign_many; ")


def test_a_message_that_is_too_long(world: RepeatableRig) -> None:
    """One of them is enough."""
    session = Session(world.machine(limits=replace(DEFAULT_LIMITS, message=100)))
    key = hash_key(session)
    refused = untouched(session, key, many(key, 3, messages=[b"", bytes(101), b""]))
    assert refused.status is Status.InvalidParameter
    assert "a message of over 100 bytes" in refused.detail
    ask(session, many(key, 3, messages=[b"", bytes(100), b""]))


def test_more_signatures_than_a_reply_can_hold(world: RepeatableRig) -> None:
    """As many as the refusal says are taken, and their reply fits; one more is refused before a
    leaf is taken. So it is when all of them come again after the end of the lease.
    """
    frame = m.signed_many_bytes(2580, 9) + 5
    session = Session(world.machine(limits=replace(DEFAULT_LIMITS, frame=frame)))
    key = hash_key(session)
    refused = untouched(session, key, many(key, LEAVES))
    assert refused.status is Status.InvalidParameter
    most = int(refused.detail.removesuffix(" at a time").rpartition(" ")[2])
    assert most == 9
    untouched(session, key, many(key, most + 1))
    asked = [many(key, min(most, LEAVES - first)) for first in range(0, LEAVES, most)]
    for request in asked:
        assert len(reply_frame(frame, request, ask(session, request))) <= frame + 4
    tokens = [token for request in asked for token in request.tokens]
    messages = [message for request in asked for message in request.messages]
    again = replace(asked[0], tokens=tokens, messages=messages)
    refused = refuse(session, again)
    assert refused.detail.endswith(f"; ask for {most} at a time")


def reply_frame(size: int, request: m.NvmemfileSignMany, reply: m.NvmemfileSignedMany) -> bytes:
    """The bytes of a reply on a connection that carries frames of a size at most."""
    client, machine = Link(Role.CLIENT), Link(Role.SERVER, max(size, 1024))
    hello = m.Hello(protocol=PROTOCOL, client="")
    machine.receive_data(client.send(hello))
    machine.next_event()
    greeting = m.Greeting(
        protocol=PROTOCOL,
        esn="7852-268D-3BF9",
        model="5c",
        version="1",
        software="",
        engine="",
        signer=b"",
        nvram=bytes(16),
        epoch=0,
        opening=bytes(8),
        operator="manual",
        insecure="",
        faults="",
        limits=DEFAULT_LIMITS,
    )
    client.receive_data(machine.send(greeting))
    client.next_event()
    machine.receive_data(client.send(request))
    assert machine.next_event() == Asked(request)
    return machine.send(reply)


def test_refusals_have_the_room_of_signatures(world: RepeatableRig) -> None:
    """A reply of nothing but refusals, of the longest words and of the smallest signatures, is no
    larger than one of signatures.
    """
    smallest = 12 + 24 * 27 + 5 * 24
    refusals = [
        m.SigningRefused(index=index, status=0xFFFFFFFF, detail="x" * 300) for index in range(256)
    ]
    reply = m.NvmemfileSignedMany(
        signatures=[b""] * 256, leaves=[0] * 256, remaining=0, refusals=refusals
    )
    key = hash_key(Session(world.machine()), CHEAP)
    assert len(reply_frame(1 << 20, many(key, 256), reply)) <= m.signed_many_bytes(smallest, 256)


def test_an_unknown_file(session: Session) -> None:
    """As alone."""
    request = m.NvmemfileSignMany(file=bytes(11), tokens=[new_token()] * 1, messages=[MESSAGE])
    alone, together = refuse(session, sign(bytes(11))), refuse(session, request)
    assert (together.status, together.detail) == (alone.status, f"{alone.detail}_many")


def test_quarantine(session: Session) -> None:
    """A file in quarantine signs none of them, not even what it signed before."""
    key = hash_key(session)
    request = many(key, 3)
    ask(session, request)
    session.machine.store.quarantine(key.file, "it may be a copy")
    for asked in (request, many(key, 3)):
        refused = untouched(session, key, asked)
        assert refused.status is Status.AccessDenied
        assert "is in quarantine: it may be a copy in nvmemfile_sign_many" in refused.detail


def test_another_signer(world: RepeatableRig) -> None:
    """A key of another SEE machine signs none of them."""
    store = (signed := Session(world.machine(signer=b"1" * 32))).machine.store
    key = hash_key(signed)
    refused = untouched(Session(world.machine(signer=b"2" * 32, store=store)), key, many(key, 2))
    assert refused.status is Status.AccessDenied


# ---------------------------------------------------------------- thresholds


def test_a_threshold_in_the_middle(session: Session) -> None:
    """With a reason, the leaves above the threshold are taken without it, and the ledger has it
    for the others.
    """
    key = hash_key(session, warnat=LEAVES - 3)
    signed = ask(session, many(key, 5, acknowledge=WHY))

    assert (signed.leaves, signed.refusals) == ([0, 1, 2, 3, 4], [])
    assert [row.reason for row in rows(session)] == ["", "", "", WHY, WHY]


def test_a_threshold_without_a_reason(session: Session) -> None:
    """Those that need one are refused by themselves, and take no leaf; with a reason the same
    tokens get theirs.
    """
    key = hash_key(session, warnat=LEAVES - 3)
    request = many(key, 5)
    signed = ask(session, request)

    assert signed.leaves == [0, 1, 2, 0, 0]
    assert [(each.index, each.status) for each in signed.refusals] == [
        (3, Status.UseLimitExceeded),
        (4, Status.UseLimitExceeded),
    ]
    assert signed.refusals[0].detail.endswith("needs an acknowledgement in nvmemfile_sign_many")
    assert (signed.remaining, following(session, key)) == (LEAVES - 3, 3)
    later = ask(session, replace(request, acknowledge=WHY))
    assert (later.leaves, later.signatures[:3]) == ([0, 1, 2, 3, 4], signed.signatures[:3])
    assert [row.reason for row in rows(session)] == ["", "", "", WHY, WHY]


def test_a_reason_that_none_needs(session: Session) -> None:
    """Among many it is for those that need it, so that it may be there for none; the ledger has
    none.
    """
    key = hash_key(session)
    assert ask(session, many(key, 2, acknowledge=WHY)).leaves == [0, 1]
    assert [row.reason for row in rows(session)] == ["", ""]


# ---------------------------------------------------------------- leaves that are lost


def test_a_full_disk(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """All leaves of the request are lost, and none of its tokens is known; the same request again
    goes on after them.
    """
    key = hash_key(session)
    request = many(key, 4)

    def fail(_changes: object) -> None:
        raise DiskFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(session.machine.store, "_write", fail)
        assert refuse(session, request).status is Status.OSErrorErrno
    assert ask(session, request).leaves == [4, 5, 6, 7]


def test_a_disk_that_fails(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is signed, then or later."""
    key = hash_key(session)

    def fail(_changes: object) -> None:
        raise StateFailed("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(session.machine.store, "_write", fail)
        assert "the disk is gone" in refuse(session, many(key, 4)).detail
    assert refuse(session, many(key, 4)).status is Status.OSErrorErrno
    assert session.machine.store.get(key.file).next == 4


def test_an_engine_that_breaks(world: RepeatableRig) -> None:
    """The leaves are theirs all the same: the same request again gets the same ones."""

    class Breaking(PortableEngine):
        broken = True

        def sign(self, ots: Any, jobs: Any) -> Any:
            if self.broken:
                raise RuntimeError("no kernel")
            return super().sign(ots, jobs)

    engine = Breaking()
    machine: Machine = world.machine(engine=engine)
    session = Session(machine)
    key = hash_key(session)
    request = many(key, 3)
    assert refuse(session, request).status is Status.Failed
    engine.broken = False
    assert ask(session, request).leaves == [0, 1, 2]
    assert following(session, key) == 3


def test_pages_are_hashed_before_leaves_are_taken(
    world: RepeatableRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of those that the request may need; where they are too large, no leaf is taken."""
    key = hash_key(Session(machine := world.machine()))
    fresh = Session(world.machine(store=machine.store))
    with monkeypatch.context() as patch:
        patch.setattr("seemachine.commands.pages.MAX_PAGE_EXPONENT", 4)
        refused = untouched(fresh, key, many(key, 3))
    assert refused.status is Status.NotAvailable
    assert "send the key file's cache with loadLMS" in refused.detail
    assert ask(fresh, many(key, 3)).leaves == [0, 1, 2]
