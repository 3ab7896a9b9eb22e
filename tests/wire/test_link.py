"""link.py: two links on a pretend wire, and one link against everything that a peer could send."""

from itertools import pairwise

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.frames import answered_frame, asked_frame, frame, framed, parts, refused_frame
from kit.properties import examples
from wire.contract import EVERY, NAMES, anything, built, characters, example, plain
from wire.links import (
    GREETING,
    HELLO,
    REFUSAL,
    REPLY_OF,
    STATES,
    Pair,
    busy,
    busy_with_list,
    fresh,
    idle,
    told,
)

from seemachine.wire.codec import unpack
from seemachine.wire.framing import LENGTH_BYTES
from seemachine.wire.link import HELLO_FRAME, NEED_DATA, Answered, Asked, Closed, Link, Role
from seemachine.wire.messages import ContinueLms, Greeting, ListSlots, LmsChunk, SlotListing
from seemachine.wire.printable import is_printable, printable
from seemachine.wire.status import LocalMisuse, PeerMisuse, Status, StatusError

CHUNK = example(LmsChunk)
CONTINUE = example(ContinueLms)
REASONS = [status for status in Status if status is not Status.OK]
ROLES = pytest.mark.parametrize("role", Role)
EVERY_STATE = pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)


def misuse_of(link, data):
    """What a link says of bytes that its peer must not send."""
    link.receive_data(data)
    with pytest.raises(PeerMisuse) as misuse:
        link.next_event()
    return misuse.value


# ---------------------------------------------------------------- ordinary conversations


def test_a_conversation_goes_back_and_forth():
    """Requests and replies cross in turn, and the peer's close is the last event."""
    pair = Pair()
    assert pair.client.next_event() is NEED_DATA
    assert pair.server.next_event() is NEED_DATA
    pair.greet()

    for _ in range(3):
        assert pair.ask(CONTINUE) == Asked(CONTINUE)
        assert pair.answer(CHUNK) == Answered(CHUNK)
    pair.server.receive_data(b"")
    assert pair.server.next_event() == Closed()


def test_the_bytes_are_those_of_the_protocol():
    """A length, then number, name and fields as one MessagePack array; numbers rise by one from 1,
    and replies repeat them.
    """
    pair = Pair()
    hello = pair.client.send(HELLO)
    assert hello == b"\0\0\0\x1f\x93\x01\xa5hello\x82\xa8protocol\x01\xa6client\xa4test"
    pair.server.receive_data(hello)
    pair.server.next_event()
    greeting = pair.server.send(GREETING)
    assert parts(greeting) == [1, "ok", plain(GREETING)]
    pair.client.receive_data(greeting)
    pair.client.next_event()

    for number in (2, 3, 4):
        asked = pair.client.send(CONTINUE)
        assert parts(asked) == [number, "continueLMS_cache_next", {"handle": bytes(16)}]
        pair.server.receive_data(asked)
        pair.server.next_event()
        refused = pair.server.send(REFUSAL)
        fields = {
            "status": 73,
            "name": "NotAvailable",
            "detail": "no HSMs with NVRAM",
            "where": "dispatch_see_nvmemfile",
        }
        assert parts(refused) == [number, "refused", fields]
        pair.client.receive_data(refused)
        pair.client.next_event()


@pytest.mark.parametrize("status", REASONS)
def test_a_refusal_arrives_as_it_was_sent(status):
    """Status, sentence and place come through, and the conversation goes on."""
    pair = Pair().greet()
    pair.ask(CONTINUE)
    event = pair.answer(StatusError(status, "a sentence", "continueLMS_cache_next"))

    assert told(event) == ("refused", (status, "a sentence", "continueLMS_cache_next"))
    assert pair.ask(CONTINUE) == Asked(CONTINUE)


def test_hello_itself_can_be_refused():
    """A machine may say no to a client at once, and the client hears why."""
    pair = Pair()
    pair.ask(HELLO)

    assert told(pair.answer(REFUSAL)) == ("refused", REFUSAL.args)


def test_hello_may_be_repeated():
    """A client may say hello again between other requests."""
    pair = Pair().greet()
    pair.ask(CONTINUE)
    pair.answer(CHUNK)

    assert pair.ask(HELLO) == Asked(HELLO)
    assert pair.answer(GREETING) == Answered(GREETING)


def test_a_long_refusal_is_cut():
    """1,000 characters of sentence and 100 of place are enough for any log line."""
    pair = Pair().greet()
    pair.ask(CONTINUE)

    assert told(pair.answer(StatusError(Status.Failed, "d" * 5000, "w" * 5000))) == (
        "refused",
        (Status.Failed, "d" * 1000, "w" * 100),
    )


@pytest.mark.parametrize("number", [0, 9, 74, 2**32 - 1])
def test_a_status_of_a_newer_machine_still_reaches_the_user(number):
    """Its number is unknown here, so it is Failed, and its name begins the sentence.

    OK is no reason for a refusal.
    """
    client = busy(Role.CLIENT)
    client.receive_data(refused_frame(2, status=number, name="Novelty", detail="something new"))
    event = client.next_event()

    assert told(event) == ("refused", (Status.Failed, "Novelty: something new", "dispatch"))


@pytest.mark.parametrize("greeted", [True, False])
def test_closing_between_requests_is_an_event(greeted):
    """Either side sees Closed, and sees it again if it asks again."""
    pair = Pair().greet() if greeted else Pair()
    for link in (pair.client, pair.server):
        link.receive_data(b"")
        assert link.next_event() == Closed()
        assert link.next_event() == Closed()


def test_a_server_answers_a_client_that_has_closed():
    """Closing is seen after the reply, not in place of it."""
    pair = Pair().greet()
    pair.ask(CONTINUE)
    pair.server.receive_data(b"")
    assert pair.server.next_event() is NEED_DATA

    assert parts(pair.server.send(CHUNK))[:2] == [2, "ok"]
    assert pair.server.next_event() == Closed()


def test_what_came_before_the_close_is_seen_before_it():
    """A reply and the close may arrive together."""
    client = busy(Role.CLIENT)
    client.receive_data(answered_frame(2, CHUNK))
    client.receive_data(b"")

    assert client.next_event() == Answered(CHUNK)
    assert client.next_event() == Closed()


def test_pipelined_requests_wait_their_turn():
    """A hasty client's requests are seen one by one, each after the reply to the one before."""
    requests = [HELLO, CONTINUE, ListSlots(), CONTINUE]
    replies = [GREETING, CHUNK, example(SlotListing), REFUSAL]
    server = Link(Role.SERVER)
    server.receive_data(
        b"".join(asked_frame(number, request) for number, request in enumerate(requests, 1))
    )

    for number, (request, reply) in enumerate(zip(requests, replies, strict=True), 1):
        assert server.next_event() == Asked(request)
        assert server.next_event() is NEED_DATA
        assert parts(server.send(reply))[0] == number
    assert server.next_event() is NEED_DATA


def test_a_misuse_behind_a_request_waits_its_turn():
    """The request before it is answered first."""
    server = fresh(Role.SERVER)
    server.receive_data(asked_frame(1, HELLO) + b"\xff\xff\xff\xff")

    assert server.next_event() == Asked(HELLO)
    assert server.next_event() is NEED_DATA
    assert parts(server.send(GREETING))[:2] == [1, "ok"]
    with pytest.raises(PeerMisuse):
        server.next_event()


def test_between_requests_is_known():
    """True with nothing half-received and nothing asked, which is when a shell may close without
    loss.
    """
    pair = Pair()
    assert pair.client.between_requests
    assert pair.server.between_requests
    data = pair.client.send(HELLO)
    assert not pair.client.between_requests

    pair.server.receive_data(data[:2])
    assert not pair.server.between_requests
    pair.server.receive_data(data[2:])
    assert not pair.server.between_requests
    pair.server.next_event()
    assert not pair.server.between_requests
    data = pair.server.send(GREETING)
    assert pair.server.between_requests

    pair.client.receive_data(data)
    assert not pair.client.between_requests
    pair.client.next_event()
    assert pair.client.between_requests


# ---------------------------------------------------------------- cut anywhere


@st.composite
def conversations(draw):
    """Hello and a few more requests, each with its reply or a refusal."""
    refusals = st.builds(
        StatusError, st.sampled_from(REASONS), st.text(characters, max_size=9), st.just("x")
    )
    chosen = draw(st.lists(st.sampled_from(NAMES), max_size=3))
    _, hello, greeting = NAMES[0]
    # Hello is not refused: nothing else is heard before it was accepted.
    more = [(draw(built(asks)), draw(built(answers) | refusals)) for _, asks, answers in chosen]
    return [(draw(built(hello)), draw(built(greeting))), *more]


def cut(data, edges):
    """The same bytes in pieces, none of them empty."""
    return [
        data[start:end]
        for start, end in pairwise(sorted({0, len(data), *(edge % len(data) for edge in edges)}))
    ]


def events_of(link, pieces):
    """What a link sees of bytes that arrive in pieces, each told as a value."""
    seen = []
    for piece in pieces:
        link.receive_data(piece)
        while (event := link.next_event()) is not NEED_DATA:
            seen.append(told(event))
    return seen


edges = st.lists(st.integers(0, 2000), max_size=8)


@given(conversation=conversations(), edges=edges)
@examples(120)
def test_cutting_the_bytes_anywhere_gives_the_same_events(conversation, edges):
    """Both sides see each message once, whole and in order, however the bytes arrive."""
    pair = Pair()
    for request, reply in conversation:
        assert events_of(pair.server, cut(pair.client.send(request), edges)) == [Asked(request)]
        expected = ("refused", reply.args) if isinstance(reply, StatusError) else Answered(reply)
        assert events_of(pair.client, cut(pair.server.send(reply), edges)) == [expected]


@given(conversation=conversations(), edges=edges)
@examples(80)
def test_cutting_pipelined_requests_anywhere_gives_the_same_events(conversation, edges):
    """A server that answers as it goes sees the same requests and sends the same bytes."""
    stream = b"".join(
        asked_frame(number, request) for number, (request, _) in enumerate(conversation, 1)
    )
    server, seen, sent = Link(Role.SERVER), [], b""
    for piece in cut(stream, edges):
        server.receive_data(piece)
        while (event := server.next_event()) is not NEED_DATA:
            sent += server.send(conversation[len(seen)][1])
            seen.append(event)

    assert seen == [Asked(request) for request, _ in conversation]
    whole, expected = Link(Role.SERVER), b""
    whole.receive_data(stream)
    for _, reply in conversation:
        whole.next_event()
        expected += whole.send(reply)
    assert sent == expected


@ROLES
def test_a_message_one_byte_at_a_time(role):
    """Nothing is seen before the last byte, and the whole message with it."""
    link = fresh(role) if role is Role.SERVER else busy(role)
    data = asked_frame(1, HELLO) if role is Role.SERVER else answered_frame(2, CHUNK)
    for byte in data[:-1]:
        link.receive_data(bytes([byte]))
        assert link.next_event() is NEED_DATA

    link.receive_data(data[-1:])
    assert link.next_event() == (Asked(HELLO) if role is Role.SERVER else Answered(CHUNK))


# ---------------------------------------------------------------- any bytes


def misuse_in(link, role, frames):
    """Whatever arrives until the close, with each request refused.

    The PeerMisuse that it ends in, or None for the close.
    """
    for _ in range(frames):
        try:
            event = link.next_event()
        except PeerMisuse as misuse:
            return misuse
        if event == Closed():
            return None
        if role is Role.SERVER:
            assert isinstance(event, Asked)
            link.send(REFUSAL)
    raise AssertionError("a frame was seen more than once")


@st.composite
def nearly_messages(draw):
    """A frame with the names and fields of a message, and anything in some of them."""
    name, asks, answers = draw(st.sampled_from(NAMES))
    kind = draw(st.sampled_from([asks, answers]))
    fields = {
        key: draw(st.just(plain(draw(one.strategy()))) | anything)
        for key, one in EVERY[kind].items()
    }
    if draw(st.booleans()):
        fields.pop(draw(st.sampled_from([*fields, ""])), None)
    word = draw(st.sampled_from([name, "ok", "refused"]) | anything)
    return frame(
        [draw(st.sampled_from([0, 1, 2, 3]) | anything), word, draw(st.just(fields) | anything)]
    )


@st.composite
def mutated(draw):
    """Valid frames with bytes changed, put in, left out or repeated."""
    valid = [
        asked_frame(1, HELLO),
        asked_frame(2, CONTINUE),
        answered_frame(2, CHUNK),
        answered_frame(2, example(SlotListing)),
        refused_frame(2),
    ]
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(valid), min_size=1, max_size=3))))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        put = draw(st.binary(max_size=3))
        data[at : at + draw(st.integers(0, 3))] = put
    return bytes(data)


@EVERY_STATE
@ROLES
@given(
    data=st.binary(max_size=60)
    | st.binary(max_size=60).map(framed)
    | mutated()
    | nearly_messages()
    | st.lists(nearly_messages(), max_size=3).map(b"".join)
)
@examples(150)
def test_no_bytes_raise_anything_but_peer_misuse(role, state, data):
    """In each state of both roles: random bytes, valid frames with bytes changed, and well-formed
    frames with anything in the fields.
    """
    link = state(role)
    link.receive_data(data)
    link.receive_data(b"")
    if role is Role.SERVER and state in REPLY_OF:
        link.send(REFUSAL)

    misuse = misuse_in(link, role, len(data) + 2)
    if misuse is not None:
        assert 0 <= misuse.number < 2**32
        with pytest.raises(LocalMisuse, match="dead"):
            link.next_event()
        number, name, fields = parts(link.last_words(misuse))
        assert (number, name, fields["status"]) == (misuse.number, "refused", misuse.status)


def test_the_first_frame_has_a_limit_of_its_own():
    """Before hello was accepted a server hears frames of 1 KiB at most; a refused hello changes
    nothing, an accepted one does.
    """
    long = (HELLO_FRAME + 1).to_bytes(4, "big")
    assert "over the limit of 1024" in misuse_of(fresh(Role.SERVER), long).detail
    link = fresh(Role.SERVER)
    link.receive_data(asked_frame(1, HELLO))
    link.next_event()
    link.send(REFUSAL)
    assert "over the limit of 1024" in misuse_of(link, long).detail
    link = idle(Role.SERVER)
    link.receive_data(long)
    assert link.next_event() is NEED_DATA


@ROLES
@EVERY_STATE
@pytest.mark.parametrize("length", [(1 << 20) + 1, 0xFFFFFFFF])
def test_a_frame_over_the_limit_is_refused_before_its_body(role, state, length):
    """The length word alone is enough; a server with a request in hand looks once it
    has answered.
    """
    link = state(role)
    link.receive_data(length.to_bytes(4, "big"))
    if role is Role.SERVER and state in REPLY_OF:
        assert link.next_event() is NEED_DATA
        link.send(REFUSAL)

    with pytest.raises(PeerMisuse, match=f"{length} bytes is over the limit"):
        link.next_event()


@ROLES
@EVERY_STATE
def test_a_frame_at_the_limit_is_waited_for(role, state):
    """Exactly 1 MiB may still come; to a server that heard no hello yet, 1 KiB."""
    link = state(role)
    limit = HELLO_FRAME if role is Role.SERVER and state is fresh else 1 << 20
    link.receive_data(limit.to_bytes(4, "big") + bytes(100))

    assert link.next_event() is NEED_DATA


def test_a_smaller_limit_holds_both_ways():
    """A link with 64 bytes to a frame refuses to send more and to hear more."""
    long = example(type(HELLO), client="x" * 60)
    with pytest.raises(LocalMisuse, match="over the limit of 64"):
        fresh(Role.CLIENT, 64).send(long)

    assert "over the limit of 64" in misuse_of(fresh(Role.SERVER, 64), asked_frame(1, long)).detail


# ---------------------------------------------------------------- what a server refuses

DEEP = b"\x93\x01\xa5hello" + b"\x91" * 5000 + b"\xc0"
NOT_A_REQUEST = {
    "no body": framed(b""),
    "no MessagePack": framed(b"\xc1"),
    "nil": frame(None),
    "text": frame("hello"),
    "a map": frame({"number": 1, "name": "hello"}),
    "no members": frame([]),
    "one member": frame([1]),
    "two members": frame([1, "hello"]),
    "four members": frame([1, "hello", plain(HELLO), None]),
    "a byte behind the array": framed(msgpack.packb([1, "hello", plain(HELLO)]) + b"\0"),
    "an extension": frame([1, "hello", plain(HELLO) | {"client": msgpack.ExtType(5, b"abcd")}]),
    "a time": frame([1, "hello", plain(HELLO) | {"client": msgpack.Timestamp(0)}]),
    "a number as a key": frame([1, "hello", {1: "protocol"}]),
    "deep nesting": framed(DEEP),
    "text that is not UTF-8": framed(b"\x93\x01\xa5hell\xff\x80"),
    "a number that is true": frame([True, "hello", plain(HELLO)]),
    "a number that is a float": frame([1.0, "hello", plain(HELLO)]),
    "a number that is text": frame(["1", "hello", plain(HELLO)]),
    "a number that is nil": frame([None, "hello", plain(HELLO)]),
    "a number below 0": frame([-1, "hello", plain(HELLO)]),
    "a number over 32 bits": frame([2**32, "hello", plain(HELLO)]),
}
BAD_REQUEST = {
    "a name that is bytes": frame([1, b"hello", plain(HELLO)]),
    "a name that is nil": frame([1, None, plain(HELLO)]),
    "a name that is a list": frame([1, ["hello"], plain(HELLO)]),
    "no fields": frame([1, "hello", None]),
    "a list of fields": frame([1, "hello", [1, "test"]]),
    "a missing field": frame([1, "hello", {"protocol": 1}]),
    "an unknown field": frame([1, "hello", plain(HELLO) | {"more": 1}]),
    "bytes as a key": frame([1, "hello", {b"protocol": 1, "client": "test"}]),
    "true for an integer": frame([1, "hello", plain(HELLO) | {"protocol": True}]),
    "a float for an integer": frame([1, "hello", plain(HELLO) | {"protocol": 1.0}]),
    "bytes for text": frame([1, "hello", plain(HELLO) | {"client": b"test"}]),
    "nil for text": frame([1, "hello", plain(HELLO) | {"client": None}]),
}


@pytest.mark.parametrize("data", NOT_A_REQUEST.values(), ids=NOT_A_REQUEST)
def test_what_is_no_request_blames_no_request(data):
    """Malformed, with number 0 because there is none to trust."""
    misuse = misuse_of(fresh(Role.SERVER), data)

    assert (misuse.status, misuse.number) == (Status.Malformed, 0)


@pytest.mark.parametrize("data", BAD_REQUEST.values(), ids=BAD_REQUEST)
def test_a_bad_request_is_blamed_by_its_number(data):
    """Malformed, with the number that the client gave it."""
    misuse = misuse_of(fresh(Role.SERVER), data)

    assert (misuse.status, misuse.number) == (Status.Malformed, 1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol": True}, "hello: protocol takes an integer from 1 to 4294967295"),
        ({"more": 1}, "hello: unknown field"),
        ({"client": "x" * 65}, "hello: client takes printable text of at most 64 characters"),
    ],
)
def test_a_bad_field_is_named(changes, said):
    """The refusal says which request and which field."""
    assert misuse_of(fresh(Role.SERVER), frame([1, "hello", plain(HELLO) | changes])).detail == said


@pytest.mark.parametrize("missing", ["protocol", "client"])
def test_a_missing_field_is_named(missing):
    """The refusal says which field is not there."""
    fields = {name: value for name, value in plain(HELLO).items() if name != missing}

    assert (
        misuse_of(fresh(Role.SERVER), frame([1, "hello", fields])).detail
        == f"hello: missing field {missing}"
    )


@pytest.mark.parametrize(
    "name", ["", "Hello", "helloo", "ok", "refused", "__class__", "hello\0", "x" * 1000]
)
def test_an_unknown_command_says_so(name):
    """UnknownCommand and the request's number, first request or not; the name itself is not
    repeated.
    """
    for link, number in ((fresh(Role.SERVER), 1), (idle(Role.SERVER), 2)):
        misuse = misuse_of(link, frame([number, name, {}]))

        assert (misuse.status, misuse.number, misuse.detail) == (
            Status.UnknownCommand,
            number,
            "unknown command",
        )


@pytest.mark.parametrize("number", [0, 1, 3, 4, 2**32 - 1])
def test_a_request_out_of_order_is_refused(number):
    """After request 1 comes 2 and nothing else; the refusal goes to the number that was given."""
    misuse = misuse_of(idle(Role.SERVER), asked_frame(number, CONTINUE))

    assert (misuse.status, misuse.number) == (Status.Malformed, number)
    assert misuse.detail == f"expected request number 2, not {number}"


@pytest.mark.parametrize(
    ("number", "name", "fields", "said"),
    [
        (7, None, None, "the second element must be text"),
        (7, "sing", None, "expected request number 2, not 7"),
        (2, "sing", None, "unknown command"),
        (2, "slot_list", None, "slot_list: fields must be a map"),
    ],
)
def test_rules_are_checked_in_the_order_of_the_protocol(number, name, fields, said):
    """Of several broken rules the first in the table of docs/reference/protocol.md is the one
    that is told.
    """
    misuse = misuse_of(idle(Role.SERVER), frame([number, name, fields]))

    assert (misuse.detail, misuse.number) == (said, number)


def test_a_refused_hello_opens_nothing():
    """After a hello that was refused the server still hears nothing but hello, which it may then
    accept.
    """
    server = Link(Role.SERVER)
    server.receive_data(asked_frame(1, HELLO))
    server.next_event()
    server.send(StatusError(Status.InvalidParameter, "another protocol", "hello"))
    again = asked_frame(2, HELLO)
    server.receive_data(again)

    assert isinstance(server.next_event(), Asked)

    other = Link(Role.SERVER)
    other.receive_data(asked_frame(1, HELLO))
    other.next_event()
    other.send(StatusError(Status.InvalidParameter, "another protocol", "hello"))
    other.receive_data(asked_frame(2, ListSlots()))
    with pytest.raises(PeerMisuse, match="first request must be hello"):
        other.next_event()


def test_only_requests_can_be_asked():
    """A client that sends something else has a bug, and is told so."""
    with pytest.raises(LocalMisuse, match="is not a request"):
        Link(Role.CLIENT).send(SlotListing(slots=[]))


def test_a_first_request_is_known_before_it_must_be_hello():
    """An unknown command is one before hello, too, and hello comes before fields."""
    assert misuse_of(fresh(Role.SERVER), frame([1, "sing", None])).status is Status.UnknownCommand
    assert "must be hello" in misuse_of(fresh(Role.SERVER), frame([1, "slot_list", None])).detail


@pytest.mark.parametrize(
    "asks", [asks for name, asks, _ in NAMES if name != "hello"], ids=lambda kind: kind.NAME
)
def test_the_first_request_must_be_hello(asks):
    """Any other is refused first, one that is longer than any hello by its length alone, and taken
    after it.
    """
    first = asked_frame(1, example(asks))
    misuse = misuse_of(fresh(Role.SERVER), first)
    if len(first) - LENGTH_BYTES > HELLO_FRAME:
        assert "over the limit of 1024" in misuse.detail
    else:
        assert (misuse.detail, misuse.number) == ("the first request must be hello", 1)

    server = idle(Role.SERVER)
    server.receive_data(asked_frame(2, example(asks)))
    assert server.next_event() == Asked(example(asks))


# ---------------------------------------------------------------- what a client refuses

BAD_REPLY = {
    "no MessagePack": framed(b"\xc1"),
    "two members": frame([2, "ok"]),
    "a byte behind the array": framed(msgpack.packb([2, "ok", plain(CHUNK)]) + b"\0"),
    "a word that is neither": frame([2, "yes", plain(CHUNK)]),
    "a request's name": frame([2, "continueLMS_cache_next", plain(CHUNK)]),
    "a word that is bytes": frame([2, b"ok", plain(CHUNK)]),
    "the number before": answered_frame(1, CHUNK),
    "the number after": answered_frame(3, CHUNK),
    "a number that is true": frame([True, "ok", plain(CHUNK)]),
    "no number": frame([None, "ok", plain(CHUNK)]),
    "another request's reply": answered_frame(2, example(SlotListing)),
    "no fields": frame([2, "ok", None]),
    "a missing field": frame([2, "ok", {"remaining": 0}]),
    "an unknown field": frame([2, "ok", plain(CHUNK) | {"more": 1}]),
    "true for an integer": frame([2, "ok", plain(CHUNK) | {"remaining": True}]),
    "a refusal without fields": frame([2, "refused", None]),
    "a refusal with a missing field": frame(
        [2, "refused", {"status": 1, "name": "x", "detail": "x"}]
    ),
    "a refusal with an unknown field": refused_frame(2, more=1),
    "a refusal with true for its status": refused_frame(2, status=True),
    "a refusal with text for its status": refused_frame(2, status="73"),
    "a refusal with bytes for its name": refused_frame(2, name=b"x"),
    "a refusal with nil for its detail": refused_frame(2, detail=None),
    "a refusal with a number for its place": refused_frame(2, where=1),
}


@pytest.mark.parametrize("data", BAD_REPLY.values(), ids=BAD_REPLY)
def test_a_bad_reply_is_the_server_s_misuse(data):
    """The client says so and is dead."""
    client = busy(Role.CLIENT)
    assert misuse_of(client, data).status is Status.Malformed

    with pytest.raises(LocalMisuse):
        client.send(CONTINUE)


@pytest.mark.parametrize("state", [fresh, idle])
@pytest.mark.parametrize(
    "data",
    [answered_frame(1, GREETING), answered_frame(2, CHUNK), refused_frame(1), refused_frame(0)],
)
def test_a_reply_that_was_not_asked_for_is_misuse(state, data):
    """Neither before the first request nor after the last reply does a server speak."""
    assert "not asked" in misuse_of(state(Role.CLIENT), data).detail


def test_a_second_reply_is_misuse():
    """One request has one reply, also when both arrive at once."""
    client = busy(Role.CLIENT)
    client.receive_data(answered_frame(2, CHUNK) * 2)

    assert client.next_event() == Answered(CHUNK)
    with pytest.raises(PeerMisuse, match="request 2 that was not asked"):
        client.next_event()


def test_a_refusal_without_a_number_is_heard():
    """Number 0 is a refusal of what the server could not read a number from."""
    client = busy(Role.CLIENT)
    client.receive_data(refused_frame(0))

    assert told(client.next_event()) == ("refused", (Status.NotAvailable, "not here", "dispatch"))


def test_a_reply_without_a_number_is_misuse():
    """Only a refusal may come without the request's number: a reply carries it."""
    assert "not asked" in misuse_of(busy(Role.CLIENT), answered_frame(0, CHUNK)).detail


REFUSAL_LIMITS = [
    ("status", -1),
    ("status", 2**32),
    ("name", "n" * 101),
    ("detail", "d" * 1001),
    ("where", "w" * 101),
]


@pytest.mark.parametrize(("name", "value"), REFUSAL_LIMITS, ids=lambda value: str(value)[:8])
def test_a_refusal_outside_its_limits_is_misuse(name, value):
    """A refusal's fields have limits like those of any other message."""
    misuse_of(busy(Role.CLIENT), refused_frame(2, **{name: value}))


def test_a_field_that_comes_twice_is_misuse():
    """A map has each of its fields once, so that two readers can't see two messages in the same
    bytes.
    """
    twice = b"\x93\x01\xa5hello\x83\xa8protocol\x01\xa6client\xa4test\xa6client\xa4tsst"

    assert misuse_of(fresh(Role.SERVER), framed(twice)).status is Status.Malformed


# ---------------------------------------------------------------- the connection ends


@ROLES
@EVERY_STATE
def test_an_end_inside_a_frame_is_misuse(role, state):
    """Wherever the frame breaks off, its length word included."""
    data = (
        answered_frame(2, example(REPLY_OF.get(state, Greeting)))
        if role is Role.CLIENT
        else asked_frame(2, CONTINUE)
    )
    for size in range(1, len(data)):
        link = state(role)
        link.receive_data(data[:size])
        link.receive_data(b"")
        if role is Role.SERVER and state in REPLY_OF:
            link.send(REFUSAL)

        with pytest.raises(PeerMisuse, match="inside a frame") as misuse:
            link.next_event()
        assert misuse.value.number == 0


@pytest.mark.parametrize("state", [busy, busy_with_list])
def test_an_end_before_the_reply_is_misuse(state):
    """A client that waits is told, so that it knows a leaf may be gone."""
    client = state(Role.CLIENT)
    client.receive_data(b"")

    with pytest.raises(PeerMisuse, match="before the reply"):
        client.next_event()


# ---------------------------------------------------------------- our own misuse


@pytest.mark.parametrize("state", [busy, busy_with_list])
def test_two_requests_at_a_time_are_a_bug_here(state):
    """The second one is LocalMisuse, and no byte of it is made."""
    with pytest.raises(LocalMisuse, match="one request at a time"):
        state(Role.CLIENT).send(CONTINUE)


# What Python makes of a byte of a command line or of a file name that is not UTF-8.
SURROGATES = pytest.mark.parametrize("text", ["\ud800", "caf\udce9"], ids=ascii)


@SURROGATES
def test_a_field_that_utf_8_cannot_carry_is_a_bug_here(text):
    """A lone surrogate is out of the limits of text, so it is LocalMisuse like any other value that
    is.
    """
    with pytest.raises(LocalMisuse):
        fresh(Role.CLIENT).send(example(type(HELLO), client=text))


@pytest.mark.parametrize("text", ["\ud800", "caf\udce9", "a\nb", "\x1b[2J", "\u202e"], ids=ascii)
def test_a_refusal_with_any_text_is_still_sent(text):
    """A sentence may quote a file name; whatever is in it, the client gets its refusal, and the
    machine sends it printable.
    """
    pair = Pair().greet()
    pair.ask(CONTINUE)
    data = pair.server.send(StatusError(Status.Failed, text, text))

    assert parts(data)[2] == {
        "status": 1000,
        "name": "Failed",
        "detail": printable(text),
        "where": printable(text),
    }
    pair.client.receive_data(data)
    assert pair.client.next_event().error.args == (Status.Failed, printable(text), "")


@pytest.mark.parametrize("where", ["link: sent by pipsqueak", "a[b]", " ", "caf\u00e9"])
def test_a_place_of_a_refusal_is_a_name_or_none(where):
    """It is printed between others, and must not look like them."""
    client = busy(Role.CLIENT)
    client.receive_data(refused_frame(2, where=where))
    assert client.next_event().error.where == ""


@pytest.mark.parametrize("field", ["name", "detail", "where"])
@pytest.mark.parametrize("status", [73, 9])
def test_a_refusal_of_a_machine_that_lies_is_printable(field, status):
    """What it says comes through, and nothing in it steers a terminal or begins a line."""
    client = busy(Role.CLIENT)
    client.receive_data(refused_frame(2, status=status, **{field: "a\x1b[2J\nb\u202e\x9bc"}))

    assert all(is_printable(text) for text in client.next_event().error.args[1:])


@pytest.mark.parametrize("state", [fresh, idle])
@pytest.mark.parametrize("reply", [GREETING, CHUNK, REFUSAL])
def test_a_reply_to_nothing_is_a_bug_here(state, reply):
    """A server does not speak first, not even to refuse."""
    with pytest.raises(LocalMisuse, match="nothing to answer"):
        state(Role.SERVER).send(reply)


def test_a_second_reply_is_a_bug_here():
    """One request has one reply."""
    server = busy(Role.SERVER)
    server.send(CHUNK)

    with pytest.raises(LocalMisuse, match="nothing to answer"):
        server.send(CHUNK)


@pytest.mark.parametrize(
    ("_name", "asks", "answers"), NAMES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_reply_of_another_class_is_a_bug_here(_name, asks, answers):
    """Each request is answered by its own reply and by no other message."""
    for other in {reply for _, _, reply in NAMES} - {answers} | {asks}:
        pair = Pair() if asks is type(HELLO) else Pair().greet()
        pair.ask(example(asks))
        with pytest.raises(LocalMisuse, match=f"{asks.NAME} is not answered by {other.__name__}"):
            pair.server.send(example(other))


# ---------------------------------------------------------------- after a misuse


@ROLES
def test_after_a_misuse_the_link_is_dead(role):
    """It sees nothing and sends nothing any more, though what arrived behind the misuse is in
    order.
    """
    link = busy(role) if role is Role.CLIENT else idle(role)
    good = answered_frame(2, CHUNK) if role is Role.CLIENT else asked_frame(2, CONTINUE)
    misuse_of(link, framed(b"\xc1") + good)

    for _ in range(2):
        with pytest.raises(LocalMisuse, match="the link is dead"):
            link.next_event()
        with pytest.raises(LocalMisuse):
            link.send(CONTINUE if role is Role.CLIENT else CHUNK)


def tampered(pair, change):
    """Ask, and let `change` have the frame before the server sees it.

    Returns what the client hears from the last words.
    """
    data = pair.client.send(CONTINUE)
    misuse = misuse_of(pair.server, change(data))
    pair.client.receive_data(pair.server.last_words(misuse))
    return pair.client.next_event(), misuse


LAST_WORDS = {
    "an unknown command": (
        lambda data: frame([parts(data)[0], "sing", {}]),
        (Status.UnknownCommand, "unknown command", "link"),
    ),
    "a missing field": (
        lambda data: frame([*parts(data)[:2], {}]),
        (Status.Malformed, "continueLMS_cache_next: missing field handle", "link"),
    ),
    "no MessagePack": (
        lambda _data: framed(b"\xc1"),
        (Status.Malformed, "not a MessagePack frame (FormatError)", "link"),
    ),
    "no number": (
        lambda data: frame([None, *parts(data)[1:]]),
        (Status.Malformed, "the request number must be an integer from 0 to 2^32 - 1", "link"),
    ),
    "too long a frame": (
        lambda data: b"\xff\xff\xff\xff" + data[4:],
        (Status.Malformed, "a frame of 4294967295 bytes is over the limit of 1048576", "link"),
    ),
}


@pytest.mark.parametrize(("change", "heard"), LAST_WORDS.values(), ids=LAST_WORDS)
def test_a_server_s_last_words_are_a_refusal_to_its_client(change, heard):
    """The client is told why before the server closes, also when the server could not read the
    request's number.
    """
    event, misuse = tampered(Pair().greet(), change)

    assert told(event) == ("refused", heard)
    assert (misuse.status, misuse.detail) == heard[:2]


def test_last_words_carry_the_number_that_the_client_gave():
    """Even a number that is out of order comes back, so that a client can find its request."""
    server = idle(Role.SERVER)
    misuse = misuse_of(server, asked_frame(4711, CONTINUE))

    assert unpack(server.last_words(misuse)[4:])[:2] == [4711, "refused"]
