"""messages/ against the contract as the tests state it: names, fields, limits, both ways."""

import inspect
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.frames import answered_frame, asked_frame, frame
from kit.properties import examples
from wire import contract
from wire.contract import EVERY, NAMES, at_the_limits, built, example, fields_of, largest, plain
from wire.links import Pair

from seemachine.wire import messages
from seemachine.wire.framing import MAX_FRAME
from seemachine.wire.link import Answered, Asked
from seemachine.wire.messages import ENVELOPE_BYTES, NvmemfileInfo, NvmemfileSign
from seemachine.wire.record import FieldError, from_fields, to_fields
from seemachine.wire.status import LocalMisuse, PeerMisuse


def class_name(value):
    """A class by its name in pytest's output."""
    return value.__name__ if isinstance(value, type) else None


def is_made(value):
    """Whether it is a class of messages or records."""
    return isinstance(value, type) and "CHECKS" in vars(value)


CLASSES = pytest.mark.parametrize("kind", EVERY, ids=class_name)
CONVERSATIONS = pytest.mark.parametrize(
    ("request_class", "reply_class"), [names[1:] for names in NAMES], ids=class_name
)


@pytest.mark.parametrize(("name", "request_class", "reply_class"), NAMES, ids=class_name)
def test_a_request_has_its_name_and_its_reply(name, request_class, reply_class):
    """The name on the wire leads to the class, and the class to its reply."""
    assert messages.REQUESTS[name] is request_class
    assert name == request_class.NAME
    assert request_class.Reply is reply_class


def test_no_request_is_missing_and_no_name_is_double():
    """The requests are those of the contract, each under a name of its own."""
    assert list(messages.REQUESTS) == [name for name, _, _ in NAMES]
    assert len({kind.NAME for kind in messages.REQUESTS.values()}) == len(messages.REQUESTS)


def test_no_message_is_missing():
    """Every message and record class of the files is in the contract, and can be had from the
    package.
    """
    files = [file for file in vars(messages).values() if inspect.ismodule(file)]
    made = {kind for file in (messages, *files) for kind in vars(file).values() if is_made(kind)}
    assert len(files) == len(list(Path(messages.__file__).parent.glob("*.py"))) - 1
    assert made == set(EVERY) == set(filter(is_made, vars(messages).values()))


@CLASSES
def test_a_message_has_the_fields_of_the_contract(kind):
    """The same names in the same order."""
    assert list(kind.CHECKS) == list(EVERY[kind])


@CLASSES
def test_every_limit_itself_is_allowed(kind):
    """Each field takes both of its ends, encoding and decoding."""
    for message in at_the_limits(kind):
        assert to_fields(message) == plain(message)
        assert from_fields(kind, plain(message)) == message


@pytest.mark.parametrize(("kind", "name"), fields_of(EVERY), ids=class_name)
def test_every_limit_is_kept_both_ways(kind, name):
    """Values just outside and of other types are refused by the field's name, encoding and
    decoding.
    """
    for value in EVERY[kind][name].outside():
        with pytest.raises(FieldError):
            to_fields(example(kind, **{name: value}))
        with pytest.raises(FieldError, match=rf"^{name} "):
            from_fields(kind, plain(example(kind)) | {name: plain(value)})


def packable(value):
    """Whether a value can be on the wire at all."""
    try:
        return frame([1, "x", plain(value)]) is not None
    except OverflowError:
        return False


@pytest.mark.parametrize(("kind", "name"), fields_of(contract.REQUESTS), ids=class_name)
def test_a_request_outside_its_limits_does_not_cross(kind, name):
    """It is LocalMisuse for the one who sends it and PeerMisuse for the one who gets it."""
    for value in EVERY[kind][name].outside():
        request = example(kind, **{name: value})
        pair = Pair() if kind is messages.Hello else Pair().greet()
        number = 1 if kind is messages.Hello else 2
        with pytest.raises(LocalMisuse, match=f"^{name} "):
            pair.client.send(request)
        if packable(value):
            pair.server.receive_data(asked_frame(number, request))
            with pytest.raises(PeerMisuse, match=f"^{kind.NAME}: {name} ") as misuse:
                pair.server.next_event()
            assert misuse.value.number == number


@pytest.mark.parametrize(("kind", "name"), fields_of(contract.REPLIES), ids=class_name)
def test_a_reply_outside_its_limits_does_not_cross(kind, name):
    """It is LocalMisuse for the one who sends it and PeerMisuse for the one who gets it."""
    asks = next(request for _, request, reply in NAMES if reply is kind)
    for value in EVERY[kind][name].outside():
        pair = Pair() if kind is messages.Greeting else Pair().greet()
        pair.ask(example(asks))
        reply = example(kind, **{name: value})
        with pytest.raises(LocalMisuse, match=f"^{name} "):
            pair.server.send(reply)
        # 4,097 records are already over the codec's limit, which does not know the field.
        said = (
            "not a MessagePack frame"
            if isinstance(value, list) and len(value) > 4096
            else f"reply to {asks.NAME}: {name} "
        )
        if packable(value):
            pair.client.receive_data(answered_frame(1 if kind is messages.Greeting else 2, reply))
            with pytest.raises(PeerMisuse, match=f"^{said}"):
                pair.client.next_event()


@CONVERSATIONS
@given(data=st.data())
@examples(30)
def test_every_message_crosses_unchanged(request_class, reply_class, data):
    """What a server is asked and what a client is answered equals what the other side sent."""
    asked, reply = data.draw(built(request_class)), data.draw(built(reply_class))
    pair = Pair() if request_class is messages.Hello else Pair().greet()

    assert pair.ask(asked) == Asked(asked)
    assert pair.answer(reply) == Answered(reply)


@CONVERSATIONS
def test_the_largest_messages_fit_a_frame(request_class, reply_class):
    """No limit of a field is beyond the default frame, but for the message to sign, whose limit is
    the frame's.
    """
    pair = Pair() if request_class is messages.Hello else Pair().greet()
    for asked in (*at_the_limits(request_class), largest(request_class)):
        for reply in (*at_the_limits(reply_class), largest(reply_class)):
            assert pair.ask(asked) == Asked(asked)
            assert pair.answer(reply) == Answered(reply)


def test_a_message_to_sign_has_the_room_of_a_frame():
    """MAX_FRAME - ENVELOPE_BYTES bytes fit beside the other fields, whatever the request number; a
    whole frame does not.
    """
    largest = example(NvmemfileSign, message=bytes(MAX_FRAME - ENVELOPE_BYTES))
    pair = Pair().greet()

    assert pair.ask(largest) == Asked(largest)
    assert len(asked_frame(2**32 - 1, largest)) <= 4 + MAX_FRAME
    with pytest.raises(LocalMisuse, match="over the limit of 1048576"):
        Pair().greet().client.send(example(NvmemfileSign, message=bytes(MAX_FRAME)))


@pytest.mark.parametrize(
    ("first", "position", "end", "left"), [(0, 0, 32, 32), (16, 20, 32, 12), (0, 32, 32, 0)]
)
def test_remaining_is_what_lies_between_next_and_end(first, position, end, left):
    """The signatures left in a file."""
    assert example(NvmemfileInfo, first=first, next=position, end=end).remaining == left


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (messages.Passphrase, "value"),
        (messages.TokenLoaded, "handle"),
        (messages.MldsaMade, "private_key"),
        (messages.ImportMldsa, "private_key"),
        *(
            (kind, "logical_token")
            for kind in (messages.GenerateMldsa, messages.ImportMldsa, messages.SignMldsa)
        ),
    ],
)
def test_what_is_secret_is_in_no_traceback(kind, name):
    """Nor in a log: `repr` leaves it out, and says only whether there is one."""
    shown = repr(example(kind, **{name: bytes(range(32))}))
    assert f"{name}=..." in shown
    assert "\\x01" not in shown
    if "None" in str(inspect.get_annotations(kind)[name]):
        assert f"{name}=None" in repr(example(kind, **{name: None}))
