"""signing_frames.py beside codec.py and fields.py: whatever is given, the short way says the same,
or leaves it to the long one.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from wire.contract import anything
from wire.links import HELLO, Pair

from seemachine.wire.codec import pack
from seemachine.wire.framing import encode_frame
from seemachine.wire.link import NEED_DATA, Link, Role
from seemachine.wire.messages import NvmemfileSign, NvmemfileSignDigest, NvmemfileSigned
from seemachine.wire.record import FieldError, to_fields
from seemachine.wire.signing_frames import (
    read_reply,
    read_request,
    written_reply,
    written_request,
)
from seemachine.wire.status import PeerMisuse

U32 = 0xFFFFFFFF
SIGN = NvmemfileSign(file=b"lmsnosuchke", token=bytes(range(16)), message=b"firmware")
SIGNED = NvmemfileSigned(signature=bytes(300), leaf=7, remaining=1017)
DIGEST = NvmemfileSignDigest(file=b"lmsnosuchke", token=bytes(16), digest=bytes(32))

edges = st.sampled_from([0, 1, 127, 128, 255, 256, 65535, 65536, U32 - 1, U32])
numbers = edges | st.integers(0, U32)
sizes = st.sampled_from([0, 1, 255, 256, 65535, 65536]) | st.integers(0, 400)
messages = st.binary(max_size=40) | sizes.map(bytes)
requests = st.builds(
    NvmemfileSign,
    file=st.binary(min_size=11, max_size=11),
    token=st.binary(min_size=16, max_size=16),
    message=messages,
    acknowledge=st.sampled_from(["", "", "release 4.2"]),
)
replies = st.builds(
    NvmemfileSigned, signature=sizes.filter(bool).map(bytes), leaf=numbers, remaining=numbers
)


def packed(number, name, message):
    """A body by the long way."""
    return pack([number, name, to_fields(message)])


def widened(body, number):
    """The same body with a longer form of its number."""
    return body[:1] + b"\xce" + number.to_bytes(4, "big") + body[1 + len(pack([number])) - 1 :]


# ---------------------------------------------------------------- what the short way takes


@given(numbers, st.binary(min_size=16, max_size=16), messages)
@examples(100)
def test_what_is_asked_is_read_and_written_in_the_short_way(number, token, message):
    """Every request without a reason, of any length, in the bytes of the long way."""
    request = NvmemfileSign(file=b"lmsnosuchke", token=token, message=message)
    body = packed(number, "nvmemfile_sign", request)
    assert written_request(number, request) == body
    assert read_request(body, number) == request


@given(numbers, st.sampled_from([256, 1420, 65535]), numbers, numbers)
@examples(100)
def test_what_is_answered_is_read_and_written_in_the_short_way(number, size, leaf, remaining):
    """Every reply with a signature of the length of one."""
    reply = NvmemfileSigned(signature=b"s" * size, leaf=leaf, remaining=remaining)
    body = packed(number, "ok", reply)
    assert written_reply(number, reply) == body
    assert read_reply(body, number) == reply


# ---------------------------------------------------------------- what it leaves


@given(numbers | st.integers(U32, 1 << 70), st.lists(anything, min_size=4, max_size=4))
@examples(100)
def test_a_request_out_of_its_limits_is_left(number, values):
    """Whatever its fields are, it is written as the long way writes it, or not at all."""
    sound = (SIGN.file, SIGN.token, SIGN.message, "")
    for place, value in enumerate(values):
        request = NvmemfileSign(*sound[:place], value, *sound[place + 1 :])
        left_or_same(number, "nvmemfile_sign", request, written_request(number, request))


@given(numbers | st.integers(U32, 1 << 70), st.lists(anything, min_size=3, max_size=3))
@examples(100)
def test_a_reply_out_of_its_limits_is_left(number, values):
    """Likewise."""
    sound = (SIGNED.signature, SIGNED.leaf, SIGNED.remaining)
    for place, value in enumerate(values):
        reply = NvmemfileSigned(*sound[:place], value, *sound[place + 1 :])
        left_or_same(number, "ok", reply, written_reply(number, reply))


def left_or_same(number, name, message, written):
    """The long way writes it so too, or refuses what was left."""
    try:
        body = packed(number, name, message)
    except (FieldError, OverflowError):
        assert written is None
    else:
        assert written in (None, body)


@pytest.mark.parametrize("wrong", [True, -1, U32 + 1, 1.0, None])
@pytest.mark.parametrize("field", ["leaf", "remaining"])
def test_a_number_that_is_none_is_left(field, wrong):
    """Also one that Python takes for a number."""
    values = {"signature": bytes(300), "leaf": 1, "remaining": 1, field: wrong}
    assert written_reply(1, NvmemfileSigned(**values)) is None


# ---------------------------------------------------------------- two links, two ways


class LongWay(Link):
    """A link that never takes the short way."""

    def _known(self, body):
        del body


def says(link, data):
    """What a link makes of bytes."""
    link.receive_data(data)
    try:
        return link.next_event()
    except PeerMisuse as misuse:
        return misuse.status, misuse.detail, misuse.number


def links(asks, number):
    """Of either kind one that waits: a server for request `number`, or a client for its reply."""
    found = []
    for kind in (Link, LongWay):
        pair = Pair()
        pair.server, pair.client = kind(Role.SERVER), kind(Role.CLIENT)
        pair.greet()
        pair.client._number = pair.server._number = number - 1
        if asks is not None:
            pair.client.send(asks)
        found.append(pair.server if asks is None else pair.client)
    return found


def changed(body, changes):
    """A body with bytes exchanged, added and left out."""
    made = bytearray(body)
    for how, place, value in changes:
        at = place % (len(made) + 1)
        if how == "exchange":
            made[at : at + 1] = value
        elif how == "add":
            made[at:at] = value
        else:
            del made[at : at + len(value)]
    return bytes(made)


changes = st.lists(
    st.tuples(
        st.sampled_from(["exchange", "add", "leave out"]),
        # Mostly where the names and lengths are.
        st.integers(0, 90) | st.integers(0, 1 << 17),
        st.binary(min_size=1, max_size=2) | st.sampled_from([b"\xc4", b"\xc5", b"\xcc", b"\xce"]),
    ),
    max_size=3,
)
heights = st.sampled_from([2, 100, 127, 128, 255, 256, 65535, 65536, U32])


@given(heights, st.integers(-1, 1), requests, st.booleans(), changes)
@examples(250)
def test_a_server_hears_the_same_either_way(number, off, request, wide, edits):
    """Of any bytes near those of a request: the same event, or the same words to the peer."""
    body = packed(number + off, "nvmemfile_sign", request)
    body = changed(widened(body, number + off) if wide and number + off <= U32 else body, edits)
    short, long = links(None, number)
    assert says(short, encode_frame(body)) == says(long, encode_frame(body))
    if short._pending is not None:
        assert short.send(SIGNED) == long.send(SIGNED)
        assert says(short, b"\0") is says(long, b"\0") is NEED_DATA


@given(heights, st.integers(-1, 1), replies, st.booleans(), changes)
@examples(250)
def test_a_client_hears_the_same_either_way(number, off, reply, wide, edits):
    """Of any bytes near those of a reply."""
    body = packed(number + off, "ok", reply)
    body = changed(widened(body, number + off) if wide and number + off <= U32 else body, edits)
    for asked in (SIGN, DIGEST):
        short, long = links(asked, number)
        assert says(short, encode_frame(body)) == says(long, encode_frame(body))
        assert short._pending == long._pending


@given(st.binary(max_size=80))
@examples(200)
def test_any_bytes_are_left(body):
    """What is no signature at all takes the long way, whichever it is."""
    assert read_request(body, 1) is None
    assert read_reply(body, 1) is None


ASKED = packed(9, "nvmemfile_sign", SIGN)
GIVEN = packed(9, "ok", SIGNED)
MESSAGE, SIGNATURE = b"\xa7message\xc4\x08firmware", b"\xa9signature\xc5\x01\x2c" + bytes(300)
NEARLY = {
    "no array of three": (b"\x93", b"\x94"),
    "another number": (b"\x09\xae", b"\x0a\xae"),
    "another name": (b"sign\x84", b"sigh\x84"),
    "a longer name": (b"\xc4\x0blmsnosuchke", b"\xc4\x0clmsnosuchkey"),
    "another field": (b"\xa5token", b"\xa5taken"),
    "a shorter token": (b"\xc4\x10\x00", b"\xc4\x0f"),
    "no message": (MESSAGE, b"\xa7message\xc0"),
    "a message of text": (MESSAGE, b"\xa7message\xa8firmware"),
    "a message that is longer than it says": (b"\xc4\x08", b"\xc4\x07"),
    "a message that is shorter than it says": (b"\xc4\x08", b"\xc4\x09"),
    "a message in two bytes of length": (b"\xc4\x08", b"\xc5\x00\x08"),
    "no acknowledgement": (b"acknowledge\xa0", b"acknowledge\xc0"),
    "a field misspelt": (b"acknowledge\xa0", b"acknowledgf\xa0"),
    "an acknowledgement": (b"acknowledge\xa0", b"acknowledge\xa1x"),
    "a byte after it": (b"acknowledge\xa0", b"acknowledge\xa0\xa0"),
}
NEARLY_SIGNED = {
    "no array of three": (b"\x93", b"\x92"),
    "another number": (b"\x09\xa2ok", b"\x08\xa2ok"),
    "a refusal": (b"\xa2ok", b"\xa7refused"),
    "no signature": (SIGNATURE, b"\xa9signature\xc5\x00\x00"),
    "a short signature": (SIGNATURE, b"\xa9signature\xc4\x02ab"),
    "a short signature in two bytes of length": (SIGNATURE, b"\xa9signature\xc5\x00\x02ab"),
    "a signature of text": (b"signature\xc5", b"signature\xda"),
    "a signature that is longer than it says": (b"\xc5\x01\x2c", b"\xc5\x01\x2b"),
    "a signature that is shorter than it says": (b"\xc5\x01\x2c", b"\xc5\x01\x2d"),
    "another field": (b"\xa4leaf", b"\xa4leav"),
    "a field misspelt": (b"\xa9remaining", b"\xa9remainimg"),
    "a leaf below none": (b"leaf\x07", b"leaf\xff"),
    "no leaf": (b"leaf\x07", b"leaf\xc0"),
    "a leaf of another length": (b"leaf\x07", b"leaf\xcc\x07"),
    "a leaf beyond all": (b"leaf\x07", b"leaf\xcf" + b"\xff" * 8),
    "what remains cut off": (b"\xcd\x03\xf9", b"\xcd\x03"),
    "nothing where it remains": (b"\xcd\x03\xf9", b""),
    "a byte after it": (b"\xcd\x03\xf9", b"\xcd\x03\xf9\x00"),
}


@pytest.mark.parametrize(("old", "new"), NEARLY.values(), ids=NEARLY)
def test_what_is_nearly_a_request_is_heard_the_same_either_way(old, new):
    """Each part of it is looked at."""
    assert ASKED.count(old) == 1
    short, long = links(None, 9)
    frame = encode_frame(ASKED.replace(old, new))
    assert says(short, frame) == says(long, frame)


@pytest.mark.parametrize(("old", "new"), NEARLY_SIGNED.values(), ids=NEARLY_SIGNED)
def test_what_is_nearly_a_reply_is_heard_the_same_either_way(old, new):
    """Likewise."""
    assert GIVEN.count(old) == 1
    short, long = links(SIGN, 9)
    frame = encode_frame(GIVEN.replace(old, new))
    assert says(short, frame) == says(long, frame)


@pytest.mark.parametrize("size", [0, 1, 255, 65536])
def test_a_signature_of_no_signature_s_length_is_left(size):
    """Its length is written in another form."""
    assert written_reply(1, NvmemfileSigned(bytes(size), 1, 1)) is None


def test_nothing_is_signed_before_hello():
    """The first request must be hello, in the short way too."""
    server = Link(Role.SERVER)
    said = says(server, encode_frame(packed(1, "nvmemfile_sign", SIGN)))
    assert said[1] == "the first request must be hello"


def test_another_request_s_reply_is_not_taken_for_a_signature():
    """A client that asked for something else refuses it."""
    client = Pair().client
    client.send(HELLO)
    said = says(client, encode_frame(packed(1, "ok", SIGNED)))
    assert said[1].startswith("reply to hello: ")
