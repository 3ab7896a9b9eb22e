"""Whatever a machine sends or fails to send, a client raises StatusError and nothing else, and goes
on with the other machines.
"""

from dataclasses import replace
from functools import partial

import pytest
import trio
from client.ports import answering, serving
from kit.frames import answered_frame, frame, framed, refused_frame
from kit.services import make_machine
from kit.stories import GREETING
from seeclient import Status, StatusError, blocking_wire, greeting

from seemachine.testing import ESN
from seemachine.wire.messages import LmsProvisioned, SlotListing
from seemachine.wire.printable import is_printable

HELLO_REPLY = answered_frame(1, GREETING)
PROVISIONED = LmsProvisioned(file=b"lmsnosuchke", public_key=bytes(56), first=0, end=1, leases=0)


def good_reply(number):
    """A reply that would be right, if the number were."""
    return answered_frame(number, GREETING if number == 1 else PROVISIONED)


# What is sent in answer to a request: the same whatever its number n, or made from it.
HOSTILE = {
    "closes": b"",
    "closes inside the length": b"\0\0",
    "closes inside the reply": lambda n: good_reply(n)[:-1],
    "garbage": b"\xff" * 64,
    "a web server": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a frame over the limit": (1 << 31).to_bytes(4, "big"),
    "no MessagePack": framed(b"\xc1"),
    "a map": frame({"ok": True}),
    "four parts": lambda n: frame([n, "ok", {}, {}]),
    "another number": lambda n: good_reply(n)[:4] + b"\x93\x2a" + good_reply(n)[6:],
    "a number that is text": lambda n: frame([str(n), "ok", {}]),
    "neither ok nor refused": lambda n: frame([n, "perhaps", {}]),
    "no fields": lambda n: frame([n, "ok", {}]),
    "fields of another reply": lambda n: answered_frame(n, SlotListing(slots=[])),
    "a field out of its limits": lambda n: answered_frame(
        n, replace(GREETING, protocol=0) if n == 1 else replace(PROVISIONED, file=b"short")
    ),
    "an ESN that is a path": lambda n: answered_frame(n, replace(GREETING, esn="../../victim00")),
    "a word that steers a terminal": lambda n: answered_frame(
        n, replace(GREETING, version="\x1b[2J")
    ),
    "no fields of a refusal": lambda n: frame([n, "refused", {}]),
    "a status that is text": lambda n: refused_frame(n, status="73"),
    "text that is not UTF-8": lambda n: framed(b"\x93" + bytes([n]) + b"\xa1\xff\x80"),
    "deep nesting": framed(b"\x91" * 5000),
}
# Refusals in good form, with the status that a caller sees.
REFUSALS = {
    "a refusal": (refused_frame, Status.NotAvailable),
    "a refusal without a number": (refused_frame(0), Status.NotAvailable),
    "a refusal of a newer machine": (
        lambda n: refused_frame(n, status=999, name="FluxExceeded"),
        Status.Failed,
    ),
    "a refusal that steers a terminal": (
        lambda n: refused_frame(n, detail="\x1b[2J\nforged", where="a\nb"),
        Status.NotAvailable,
    ),
    "a refusal with status OK": (lambda n: refused_frame(n, status=0, name="OK"), Status.Failed),
}
ALL = {**{what: (reply, Status.OSErrorErrno) for what, reply in HOSTILE.items()}, **REFUSALS}


def reply_to(what, number):
    """What is sent in answer to a request, and the status that the client must make of it."""
    reply, status = ALL[what]
    return (reply(number) if callable(reply) else reply), status


async def talk(stream, replies):
    """Answer each request with the next of `replies`, then close."""
    for reply in replies:
        assert await stream.receive_some(1 << 16)
        await stream.send_all(reply)


@pytest.mark.parametrize("what", ALL)
async def test_a_hostile_hello(what, home, open_fleet):
    """A machine that answers hello with anything else is a failure of the roster; the machine
    beside it is used.
    """
    reply, status = reply_to(what, 1)
    async with (
        answering(partial(talk, replies=[reply])) as bad,
        serving(make_machine(home)) as ours,
        open_fleet(f"{bad.text},{ours.text}") as opened,
    ):
        assert [peer.esn for peer in opened.roster.peers] == [ESN]
        [failure] = opened.roster.failures
    assert isinstance(failure, StatusError)
    assert failure.status is status
    assert all(is_printable(text) for text in failure.args[1:])
    assert failure.detail.startswith(f"connection to 127.0.0.1 on port {bad.port}: ") == (
        what in HOSTILE
    )


@pytest.mark.parametrize("what", ALL)
async def test_a_hostile_reply(what, open_fleet):
    """A machine that answers an operation with anything else refuses it."""
    reply, status = reply_to(what, 2)
    async with (
        answering(partial(talk, replies=[HELLO_REPLY, reply])) as bad,
        open_fleet(bad.text) as opened,
    ):
        with pytest.raises(StatusError) as refused:
            await opened.provision(ESN, 2)
    assert refused.value.status is status
    assert all(is_printable(text) for text in refused.value.args[1:])


async def test_a_reply_that_nobody_asked_for(open_fleet):
    """A second reply behind the first is not taken for that of the next request."""
    twice = [HELLO_REPLY, good_reply(2) + good_reply(2), good_reply(3)]
    async with answering(partial(talk, replies=twice)) as bad, open_fleet(bad.text) as opened:
        assert (await opened.provision(ESN, 2)).end == 1
        with pytest.raises(StatusError) as refused:
            await opened.provision(ESN, 2)
    assert refused.value.status is Status.OSErrorErrno


async def test_a_reply_in_single_bytes_is_a_reply(open_fleet):
    """Bytes may come one at a time."""

    async def slow(stream):
        for reply in (HELLO_REPLY, good_reply(2)):
            await stream.receive_some(1 << 16)
            for byte in reply:
                await stream.send_all(bytes([byte]))
                await trio.lowlevel.checkpoint()

    async with answering(slow) as machine, open_fleet(machine.text) as opened:
        assert (await opened.provision(ESN, 2)).leases_left == 0


async def say_nothing(stream):
    """Hold the line."""
    await trio.sleep_forever()


async def test_a_machine_that_says_nothing_is_given_up(open_fleet, monkeypatch):
    """Hello has a limit, after which the machine counts as unreachable."""
    monkeypatch.setattr(blocking_wire, "CONNECT_SECONDS", 0.25)
    async with answering(say_nothing) as silent, open_fleet(silent.text) as opened:
        [failure] = opened.roster.failures
    assert failure.detail == f"connection to 127.0.0.1 on port {silent.port}: timed out"


async def test_a_request_that_is_not_answered_is_given_up(open_fleet, monkeypatch):
    """Any other request has the limit that the machine itself told, and some grace."""
    monkeypatch.setattr(greeting, "REPLY_GRACE_SECONDS", 0.05)
    hello = answered_frame(1, replace(GREETING, limits=replace(GREETING.limits, request_seconds=0)))

    async def hang(stream):
        await talk(stream, [hello])
        await trio.sleep_forever()

    async with answering(hang) as hanging, open_fleet(hanging.text) as opened:
        with pytest.raises(StatusError, match="timed out"):
            await opened.provision(ESN, 2)


async def test_a_trickle_of_a_reply_buys_no_time(open_fleet, monkeypatch):
    """A machine that sends its reply byte by byte has no more time for it than one that sends
    nothing.
    """
    monkeypatch.setattr(blocking_wire, "CONNECT_SECONDS", 0.25)

    async def trickle(stream):
        assert await stream.receive_some(1 << 16)
        for at in range(8):
            await stream.send_all(HELLO_REPLY[at : at + 1])
            await trio.sleep(0.05)
        await stream.send_all(HELLO_REPLY[8:])

    async with answering(trickle) as slow, open_fleet(slow.text) as opened:
        [failure] = opened.roster.failures
    assert failure.detail == f"connection to 127.0.0.1 on port {slow.port}: timed out"


async def test_a_machine_with_all_the_time_in_the_world(open_fleet):
    """Limits as large as the protocol allows are taken as they are."""
    hello = answered_frame(
        1, replace(GREETING, limits=replace(GREETING.limits, request_seconds=2**32 - 1))
    )
    async with (
        answering(partial(talk, replies=[hello, good_reply(2)])) as patient,
        open_fleet(patient.text) as opened,
    ):
        assert (await opened.provision(ESN, 2)).leases_left == 0
