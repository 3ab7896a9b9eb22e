"""signing_many.py, lane.py and replies.py, without machines: who is asked what, again, and what is
believed.
"""

from typing import Any

import pytest
from kit.here import memory
from kit.stories import WORK, a_peer, a_roster, play
from seeclient import operations
from seeclient.algorithms.lms import notes, persisting
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.connecting import CONNECT, lost
from seeclient.effects import Pause, Peer
from seeclient.message import Message
from seeclient.refusals import PartlySigned, Unreachable
from seeclient.results import Signed
from seeclient.signing_options import PLAIN, SigningOptions
from seeclient.wanted import Wanted, Watch

from seemachine.frozen import replace
from seemachine.lms.hashing import message_digest
from seemachine.testing import OTHER_ESN, make_key
from seemachine.wire.messages import (
    GetNvmemfileInfo,
    LmsLoaded,
    LoadLms,
    NvmemfileInfo,
    NvmemfileReserve,
    NvmemfileReserved,
    NvmemfileSignDigest,
    NvmemfileSigned,
    NvmemfileSignedMany,
    NvmemfileSignMany,
    SigningRefused,
)
from seemachine.wire.names import nvram_name
from seemachine.wire.status import Status, StatusError

PUBLIC_KEY = make_key(explease=1).public_key.encode()
FILE = nvram_name(PUBLIC_KEY)
KEY = LmsKeyFile("release", PUBLIC_KEY, 0, 1, 0, b"")
CACHED = replace(KEY, expcache=5, cache=b"nodes")
LOAD = LoadLms(file=FILE, expcache=5, offset=0, nodes=b"nodes")
LOADED = LmsLoaded(file=FILE, missing=0)
ASK_INFO = GetNvmemfileInfo(file=FILE)
NOT_LOADED = StatusError(Status.NotAvailable, "the tree is not loaded", "nvmemfile_sign_many")
USED = StatusError(Status.NotAvailable, "no NVRAM file", "nvmemfile_sign_many")
FIRST, SECOND = a_peer(), a_peer(OTHER_ESN, 2)
PAUSE = Pause(0.05)


@pytest.fixture(autouse=True)
def one_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost reply is asked for once more."""
    monkeypatch.setattr(persisting, "RETRY_PAUSES", (PAUSE.seconds,))


def info(*, first: int = 0, following: int = 0, loaded: bool = True, **more: Any) -> NvmemfileInfo:
    """What a machine says of a lease of 16 leaves."""
    said = NvmemfileInfo(
        file=FILE,
        public_key=PUBLIC_KEY,
        first=first,
        next=first + following,
        end=first + 16,
        loaded=loaded,
        quarantined=False,
    )
    return replace(said, **more)


def request(*messages: bytes, why: str = "") -> NvmemfileSignMany:
    """What asks for these, with tokens that compare."""
    return NvmemfileSignMany(
        file=FILE, tokens=[bytes(16)] * len(messages), messages=list(messages), acknowledge=why
    )


def signature(leaf: int) -> bytes:
    """One that says so."""
    return leaf.to_bytes(4, "big") + b"signature"


def reply(*leaves: int | None, status: Status = Status.NotAvailable) -> NvmemfileSignedMany:
    """Signatures with these leaves; None for each that is refused."""
    return NvmemfileSignedMany(
        signatures=[b"" if leaf is None else signature(leaf) for leaf in leaves],
        leaves=[leaf or 0 for leaf in leaves],
        remaining=1,
        refusals=[
            SigningRefused(index=place, status=int(status), detail="no")
            for place, leaf in enumerate(leaves)
            if leaf is None
        ],
    )


def story(peers: list[Peer], count: int, key: LmsKeyFile = KEY) -> Any:
    """Sign the messages 0, 1, 2, ..."""
    messages = [Message(b"%d" % number) for number in range(count)]
    return operations.sign_many(a_roster(*peers), key, messages)


def refusal_of(told: Any, *steps: Any) -> StatusError:
    """What a story ends with."""
    with pytest.raises(StatusError) as raised:
        play(told, *steps)
    return raised.value


def test_two_machines_are_asked_at_once() -> None:
    """Each for its share, and the signatures are put in order."""
    made = play(
        story([FIRST, SECOND], 3),
        (([FIRST, SECOND], ASK_INFO), [info(following=8), info(first=16)]),
        (WORK, None),
        (WORK, None),
        ([(FIRST, request(b"0")), (SECOND, request(b"1", b"2"))], [reply(8), reply(16, 17)]),
    )
    assert made == [signature(8), signature(16), signature(17)]


def test_a_lost_reply_is_asked_for_under_the_same_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the other machine goes on; it is waited for when that one has done its share."""
    monkeypatch.setattr("seeclient.algorithms.lms.frames.MAX_SIGNINGS", 2)
    tokens: list[list[bytes]] = []

    def kept(outcome: Any) -> Any:
        def take(effect: Any) -> Any:
            tokens.append(effect.asks[0].request.tokens)
            return outcome

        return take

    made = play(
        story([FIRST, SECOND], 6),
        (([FIRST, SECOND], ASK_INFO), [info(following=14), info(first=16, following=12)]),
        (WORK, None),
        (WORK, None),
        (
            [(FIRST, request(b"0", b"1")), (SECOND, request(b"2", b"3"))],
            kept([lost(FIRST.address, "broken"), reply(28, 29)]),
        ),
        (WORK, None),
        ([(SECOND, request(b"4", b"5"))], [reply(30, 31)]),
        (PAUSE, None),
        ([(FIRST, request(b"0", b"1"))], kept([reply(14, 15)])),
    )
    assert [int.from_bytes(each[:4], "big") for each in made] == [14, 15, 28, 29, 30, 31]
    assert tokens[0] == tokens[1]


def test_a_machine_that_was_started_anew_gets_the_node_cache_first() -> None:
    """Under other tokens each of the signatures would cost a leaf more."""
    made = play(
        story([FIRST], 2, CACHED),
        (([FIRST], ASK_INFO), [info()]),
        (WORK, None),
        ([(FIRST, request(b"0", b"1"))], [lost(FIRST.address, "broken")]),
        (PAUSE, None),
        ([(FIRST, request(b"0", b"1"))], [NOT_LOADED]),
        ([(FIRST, LOAD)], [LOADED]),
        ([(FIRST, request(b"0", b"1"))], [reply(0, 1)]),
    )
    assert made == [signature(0), signature(1)]


def test_a_machine_without_the_node_cache_gets_it_first() -> None:
    """As before one signature."""
    made = play(
        story([FIRST], 1, CACHED),
        (([FIRST], ASK_INFO), [info(loaded=False)]),
        ([(FIRST, LOAD)], [LOADED]),
        (WORK, None),
        ([(FIRST, request(b"0"))], [reply(0)]),
    )
    assert made == [signature(0)]


def test_refusals_of_some_want_the_node_cache_too() -> None:
    """What it could give is kept, the others are asked for again, once: their leaves, of before
    those, were not seen yet.
    """
    made = play(
        story([FIRST], 3, CACHED),
        (([FIRST], ASK_INFO), [info()]),
        (WORK, None),
        ([(FIRST, request(b"0", b"1", b"2"))], [reply(None, 1, None)]),
        ([(FIRST, LOAD)], [LOADED]),
        (WORK, None),
        ([(FIRST, request(b"0", b"2"))], [reply(0, 2)]),
    )
    assert made == [signature(leaf) for leaf in range(3)]


def test_what_one_machine_has_no_leaf_for_goes_to_the_next() -> None:
    """Of the rest of its share too; it is not asked again."""
    made = play(
        story([FIRST, SECOND], 4),
        (([FIRST, SECOND], ASK_INFO), [info(), info(first=16)]),
        (WORK, None),
        (WORK, None),
        (
            [(FIRST, request(b"0", b"1")), (SECOND, request(b"2", b"3"))],
            [reply(15, None), reply(16, 17)],
        ),
        (([FIRST, SECOND], ASK_INFO), [USED, info(first=16)]),
        (WORK, None),
        ([(SECOND, request(b"1"))], [reply(18)]),
    )
    assert made == [signature(leaf) for leaf in (15, 18, 16, 17)]


def test_a_machine_in_quarantine_is_named_where_no_other_has_leaves() -> None:
    """And asked for nothing."""
    refused = refusal_of(
        story([FIRST], 2),
        (([FIRST], ASK_INFO), [info(quarantined=True)]),
        (([FIRST], ASK_INFO), [info(quarantined=True)]),
    )
    assert "is in quarantine" in refused.detail


FINAL = {
    "a role": StatusError(Status.AccessDenied, "needs the role use", "nvmemfile_sign_many"),
    "a full disk": StatusError(Status.OSErrorErrno, "the disk is full", "nvmemfile_sign_many"),
}


@pytest.mark.parametrize("refusal", FINAL.values(), ids=FINAL)
def test_what_another_machine_would_not_mend_goes_nowhere(
    refusal: StatusError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is the rest asked for, as whoever signs one by one stops there; another machine goes on
    with its own share.
    """
    monkeypatch.setattr("seeclient.algorithms.lms.frames.MAX_SIGNINGS", 1)
    refused = refusal_of(
        story([FIRST, SECOND], 4),
        (([FIRST, SECOND], ASK_INFO), [info(), info(first=16)]),
        (WORK, None),
        (WORK, None),
        ([(FIRST, request(b"0")), (SECOND, request(b"2"))], [refusal, reply(16)]),
        (WORK, None),
        ([(SECOND, request(b"3"))], [reply(17)]),
    )
    assert isinstance(refused, PartlySigned)
    assert refused.signatures == [None, None, signature(16), signature(17)]
    assert refused.causes == {0: refusal, 1: refusal}


@pytest.mark.parametrize("status", [Status.ObjectInUse, Status.InvalidParameter])
def test_a_refusal_of_one_message_is_not_one_of_the_rest(
    status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it comes for a request of it alone."""
    monkeypatch.setattr("seeclient.algorithms.lms.frames.MAX_SIGNINGS", 1)
    wrong = StatusError(status, "another message", "nvmemfile_sign_many")
    refused = refusal_of(
        story([FIRST], 2),
        (([FIRST], ASK_INFO), [info()]),
        (WORK, None),
        ([(FIRST, request(b"0"))], [wrong]),
        (WORK, None),
        ([(FIRST, request(b"1"))], [reply(0)]),
    )
    assert isinstance(refused, PartlySigned)
    assert refused.causes == {0: wrong}


LIES = {
    "one too few": NvmemfileSignedMany(
        signatures=[signature(0)], leaves=[0], remaining=1, refusals=[]
    ),
    "another leaf": NvmemfileSignedMany(
        signatures=[signature(0), signature(1)], leaves=[0, 2], remaining=1, refusals=[]
    ),
    "no signature and no refusal": NvmemfileSignedMany(
        signatures=[signature(0), b""], leaves=[0, 0], remaining=1, refusals=[]
    ),
    "a leaf for two": reply(3, 3),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_what_no_machine_in_order_says_is_not_believed(lie: NvmemfileSignedMany) -> None:
    """None of its signatures is released."""
    refused = refusal_of(
        story([FIRST], 2),
        (([FIRST], ASK_INFO), [info()]),
        (WORK, None),
        ([(FIRST, request(b"0", b"1"))], [lie]),
    )
    assert refused.status is Status.Malformed
    assert "it is broken, or lies" in refused.detail


def test_a_leaf_of_two_requests_is_not_released(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where this host remembers nothing."""
    monkeypatch.setenv("SEEMACHINE_SEEN", "off")
    monkeypatch.setattr("seeclient.algorithms.lms.frames.MAX_SIGNINGS", 1)
    refused = refusal_of(
        story([FIRST], 2),
        (([FIRST], ASK_INFO), [info()]),
        (WORK, None),
        ([(FIRST, request(b"0"))], [reply(5)]),
        (WORK, None),
        ([(FIRST, request(b"1"))], [reply(5)]),
    )
    assert isinstance(refused, PartlySigned)
    assert refused.signatures == [signature(5), None]
    assert "signed two messages with leaf 5" in refused.detail


def test_a_leaf_that_was_seen_before_is_not_released() -> None:
    """Nor are the others of that request; what was seen is the highest of them from then on."""
    memory().check(FIRST.esn, KEY, {}, 6)
    refused = refusal_of(
        story([FIRST], 2),
        (([FIRST], ASK_INFO), [info()]),
        (WORK, None),
        ([(FIRST, request(b"0", b"1"))], [reply(7, 6)]),
    )
    assert "signed with leaf 6" in refused.detail
    assert memory().recall(FIRST.esn, KEY) == {0: 6}
    play(
        story([FIRST], 2),
        (([FIRST], ASK_INFO), [info()]),
        (WORK, None),
        ([(FIRST, request(b"0", b"1"))], [reply(9, 8)]),
    )
    assert memory().recall(FIRST.esn, KEY) == {0: 9}


@pytest.mark.parametrize("first", [reply(0), StatusError(Status.ObjectInUse, "in use", "x")])
def test_what_others_saw_meanwhile_counts(first: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request is compared with what is known when it is made, whatever became of the one
    before.
    """
    monkeypatch.setattr("seeclient.algorithms.lms.frames.MAX_SIGNINGS", 1)

    def seen_elsewhere() -> Any:
        memory().check(FIRST.esn, KEY, {}, 10)
        return [first]

    wanted = [Wanted(place, Message(b"%d" % place)) for place in range(2)]
    play(
        operations.sign_wanted(a_roster(FIRST), KEY, wanted),
        (([FIRST], ASK_INFO), [info()]),
        (WORK, None),
        ([(FIRST, request(b"0"))], seen_elsewhere),
        (WORK, None),
        ([(FIRST, request(b"1"))], [reply(5)]),
    )
    assert "its leaf 10 was seen here before" in str(wanted[1].outcome)


# ---------------------------------------------------------------- what is hashed here

LONG = bytes(2000)
RESERVED = NvmemfileReserved(identifier=bytes(16), leaf=0, randomizer=bytes(32), remaining=15)
MADE = NvmemfileSigned(signature=signature(0), leaf=0, remaining=15)


def reserve(why: str = "") -> NvmemfileReserve:
    """What asks for a leaf."""
    return NvmemfileReserve(file=FILE, token=bytes(16), acknowledge=why)


def digest() -> NvmemfileSignDigest:
    """What is signed with it."""
    hashed = message_digest(KEY.key.ots, bytes(16), 0, bytes(32), LONG)
    return NvmemfileSignDigest(file=FILE, token=bytes(16), digest=hashed)


def hashed_story(tokens: list[bytes], why: str | None = None) -> Any:
    """One long message, with whoever notes what is asked for."""
    watch = Watch(asking=lambda some, _: tokens.extend(each.token for each in some))
    options = SigningOptions(acknowledge=why)
    wanted = [Wanted(0, Message(LONG))]
    return wanted, operations.sign_wanted(a_roster(FIRST), KEY, wanted, options, watch)


def test_a_leaf_that_was_given_up_is_replaced_under_another_token() -> None:
    """The machine was started anew in between. A reason goes with leaves alone that need it."""
    tokens: list[bytes] = []
    wanted, told = hashed_story(tokens, "the last release")
    play(
        told,
        (([FIRST], ASK_INFO), [info()]),
        (WORK, None),
        ([(FIRST, reserve())], [RESERVED]),
        (WORK, None),
        ([(FIRST, digest())], [StatusError(Status.ObjectInUse, "given up", "x")]),
        ([(FIRST, reserve())], [RESERVED]),
        (WORK, None),
        ([(FIRST, digest())], [MADE]),
    )
    assert isinstance(wanted[0].outcome, Signed)
    assert tokens[0] != tokens[1] == wanted[0].token


def test_a_leaf_that_needs_a_reason_gets_it() -> None:
    """Once the machine says so."""
    tokens: list[bytes] = []
    wanted, told = hashed_story(tokens, "the last release")
    play(
        told,
        (([FIRST], ASK_INFO), [info()]),
        (WORK, None),
        ([(FIRST, reserve())], [StatusError(Status.UseLimitExceeded, "few are left", "x")]),
        ([(FIRST, reserve("the last release"))], [RESERVED]),
        (WORK, None),
        ([(FIRST, digest())], [MADE]),
    )
    assert isinstance(wanted[0].outcome, Signed)
    assert tokens[0] == tokens[1]


# ---------------------------------------------------------------- asked before, and noted


def noted(
    *messages: bytes, peer: Peer = FIRST, known: dict[int, int] | None = None
) -> list[Wanted]:
    """What a machine was asked for in a run that broke off."""
    note = notes.written(peer, known or {})
    return [
        Wanted(place, Message(text), bytes([place]) * 16, note)
        for place, text in enumerate(messages)
    ]


def test_who_was_asked_before_is_asked_again_first() -> None:
    """With the same tokens; the leaf may have been seen since."""
    memory().check(FIRST.esn, KEY, {}, 3)
    wanted = noted(b"0", b"1")
    play(
        operations.sign_wanted(a_roster(FIRST), KEY, wanted),
        (WORK, None),
        ([(FIRST, request(b"0", b"1"))], [reply(3, 4)]),
    )
    assert [each.outcome.leaf for each in wanted if isinstance(each.outcome, Signed)] == [3, 4]
    assert wanted[1].token == bytes([1]) * 16


def test_what_it_never_got_it_may_refuse_and_another_signs() -> None:
    """Its lease is used up by then."""
    wanted = noted(b"0")
    play(
        operations.sign_wanted(a_roster(FIRST, SECOND), KEY, wanted),
        (WORK, None),
        ([(FIRST, request(b"0"))], [USED]),
        (([FIRST, SECOND], ASK_INFO), [USED, info(first=16)]),
        (WORK, None),
        ([(SECOND, request(b"0"))], [reply(16)]),
    )
    assert isinstance(wanted[0].outcome, Signed)


def test_leaves_of_an_earlier_opening_that_were_seen_are_lost() -> None:
    """An NVRAM that was put back could give them to other messages; so others are taken, under new
    tokens.
    """
    wanted = noted(b"0", peer=a_peer(opening=b"earlier!"))
    memory().check(FIRST.esn, KEY, {}, 3)
    play(
        operations.sign_wanted(a_roster(FIRST), KEY, wanted),
        (WORK, None),
        ([(FIRST, request(b"0"))], [reply(3)]),
        (([FIRST], ASK_INFO), [info(following=4)]),
        (WORK, None),
        ([(FIRST, request(b"0"))], [reply(4)]),
    )
    [only] = wanted
    assert isinstance(only.outcome, Signed)
    assert only.token != bytes(16)


def test_while_it_is_gone_no_other_signs() -> None:
    """It is waited for once, whatever it was asked for."""
    wanted = [*noted(b"0"), *noted(b"1", known={0: 2}), *noted(b"2", peer=SECOND)]
    gone = lost(FIRST.address, "refused")
    play(
        operations.sign_wanted(a_roster(FIRST), KEY, wanted),
        (WORK, None),
        ([(FIRST, request(b"0"))], [gone]),
        (PAUSE, None),
        ([(FIRST, request(b"0"))], [gone]),
    )
    assert [each.outcome for each in wanted[:2]] == [gone, gone]
    outcome = wanted[2].outcome
    assert isinstance(outcome, StatusError)
    assert outcome.detail == f"no HSM {OTHER_ESN} is reachable; reachable are: {FIRST.esn}"


def test_while_nobody_listens_there_no_other_signs() -> None:
    """A connection that is refused says nothing of what was asked before."""
    wanted = noted(b"0")
    down = Unreachable(Status.OSErrorErrno, "refused", CONNECT)
    play(
        operations.sign_wanted(a_roster(FIRST, SECOND), KEY, wanted),
        (WORK, None),
        ([(FIRST, request(b"0"))], [down]),
        (PAUSE, None),
        ([(FIRST, request(b"0"))], [down]),
    )
    assert wanted[0].outcome is down


@pytest.mark.parametrize("status", [Status.InvalidParameter, Status.ObjectInUse])
def test_a_machine_that_is_another_by_now_is_not_asked_for_ever(status: Status) -> None:
    """One of another protocol, say, or one that gives its refusal the client's own words."""
    other = StatusError(status, "protocol 7", CONNECT)
    ask = ([(FIRST, request(b"0"))], [other])
    found = refusal_of(
        story([FIRST], 1),
        (([FIRST], ASK_INFO), [info()]),
        (WORK, None),
        ask,
        (PAUSE, None),
        ask,
        (([FIRST], ASK_INFO), [info()]),
    )
    assert found is other


def test_notes_are_taken_before_anybody_is_asked() -> None:
    """And where that fails, nobody is."""
    wanted = [Wanted(0, Message(b"0"))]

    def full(some: Any, note: str) -> None:
        assert list(some) == wanted
        assert note == notes.written(FIRST, {})
        raise StatusError(Status.OSErrorErrno, "no room", "journal")

    play(
        operations.sign_wanted(a_roster(FIRST), KEY, wanted, PLAIN, Watch(asking=full)),
        (([FIRST], ASK_INFO), [info()]),
        (WORK, None),
    )
    assert isinstance(wanted[0].outcome, StatusError)
    assert wanted[0].outcome.detail == "no room"


def test_a_listener_that_fails_ends_it_all() -> None:
    """With its own error; what it was told is signed."""
    wanted = [Wanted(0, Message(b"0"))]

    def fails(place: int, signed: Signed) -> None:
        raise StatusError(Status.OSErrorErrno, "no room", CONNECT)

    with pytest.raises(StatusError, match="no room"):
        play(
            operations.sign_wanted(a_roster(FIRST), KEY, wanted, PLAIN, Watch(fails)),
            (([FIRST], ASK_INFO), [info()]),
            (WORK, None),
            ([(FIRST, request(b"0"))], [reply(0)]),
        )
    assert isinstance(wanted[0].outcome, Signed)
