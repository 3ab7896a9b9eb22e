"""session.py: one connection on a pretend wire, with time that passes only when nobody has anything
else to do, or when told.
"""

import threading
from dataclasses import replace

import pytest
import trio
from kit.frames import asked_frame, frame, framed, parts
from kit.logs import Events
from kit.services import (
    H5_W4,
    H10_W4,
    HELLO,
    NO_FILE,
    GatedEngine,
    join,
    make_machine,
    make_service,
    name_of,
    plain_stream_pair,
)
from kit.verdicts import leaf_of, verifies
from kit.waiting import PATIENCE, until
from seeclient.algorithms.lms.signing import new_token
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from seemachine import commands
from seemachine.server.admission import BURST_SECONDS, HELLOS_PER_SECOND, Seat
from seemachine.server.farewell import FAREWELL_SECONDS
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import read_card
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.testing import install_key
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

GREETING_SECONDS = 5
REQUEST_SECONDS = 120
IDLE_SECONDS = 300


def refused(reply, status):
    """Whether a reply is a refusal of that status."""
    return isinstance(reply, StatusError) and reply.status is status


# ---------------------------------------------------------------- ordinary conversations


async def test_one_session_answers_several_requests(service, nursery):
    """Requests of several kinds are answered one after the other on the same connection."""
    peer = await join(nursery, service).greet()
    started = await peer.ask(m.GenerateLms(**H5_W4))
    assert isinstance(started, m.LmsStarted)
    for left in range(started.remaining - 1, -1, -1):
        chunk = await peer.ask(m.ContinueLms(handle=started.handle))
        assert chunk.remaining == left
    [file] = (await peer.ask(m.ListNvmemfiles())).files
    signed = await peer.ask(m.NvmemfileSign(file=file.file, token=new_token(), message=b"one"))
    assert verifies(chunk.public_key, signed.signature, b"one")
    assert (await peer.ask(m.GetNvmemfileInfo(file=file.file))).next == 1
    assert refused(await peer.ask(NO_FILE), Status.NotAvailable)
    assert isinstance(await peer.ask(HELLO), m.Greeting)


async def test_requests_that_arrive_together_are_answered_in_turn(service, nursery, autojump_clock):
    """A hasty client that sends three requests at once gets three replies in their order."""
    peer = join(nursery, service)
    await peer.stream.send_all(
        asked_frame(1, HELLO) + asked_frame(2, NO_FILE) + asked_frame(3, HELLO)
    )
    await peer.stream.send_eof()
    received, replies = await peer.rest(), []
    while received:
        size = 4 + int.from_bytes(received[:4], "big")
        replies.append(parts(received[:size])[:2])
        received = received[size:]
    assert replies == [[1, "ok"], [2, "refused"], [3, "ok"]]


async def test_a_peer_that_leaves_between_requests_ends_its_session_quietly(
    service, nursery, log, autojump_clock
):
    """Closing at a frame boundary is not an event worth a line."""
    peer = await join(nursery, service).greet()
    await peer.stream.aclose()
    await peer.over.wait()
    assert [event["event"] for event in log.kept] == ["request"]


async def test_a_reply_that_nobody_takes_ends_the_session(service, nursery, log, autojump_clock):
    """A peer that is gone when its reply comes costs one line and no exception."""
    peer = join(nursery, service)
    await peer.send(HELLO)
    await peer.stream.aclose()
    await peer.over.wait()
    assert [event["event"] for event in log.kept] == ["request", "peer gone"]


# ---------------------------------------------------------------- misuse

MISUSE = {
    "a length over the limit": (b"\xff\xff\xff\xff", Status.Malformed, 0, "over the limit"),
    "a web browser": (b"GET / HTTP/1.1\r\n\r\n", Status.Malformed, 0, "over the limit"),
    "an invalid byte": (framed(b"\xc1"), Status.Malformed, 0, "not a MessagePack frame"),
    "an empty frame": (framed(b""), Status.Malformed, 0, "not a MessagePack frame"),
    "bytes behind the array": (
        framed(b"\x93\x01\xa5hello\x80\x00"),
        Status.Malformed,
        0,
        "not a MessagePack frame",
    ),
    "no array": (frame({"number": 1}), Status.Malformed, 0, "an array of three"),
    "two parts": (frame([1, "hello"]), Status.Malformed, 0, "an array of three"),
    "a number that is text": (frame(["1", "hello", {}]), Status.Malformed, 0, "request number"),
    "a number too high": (asked_frame(2, HELLO), Status.Malformed, 2, "expected request number 1"),
    "a number twice": (
        asked_frame(1, HELLO) + asked_frame(1, HELLO),
        Status.Malformed,
        1,
        "expected request number 2",
    ),
    "an unknown command": (
        frame([1, "openTheVault", {}]),
        Status.UnknownCommand,
        1,
        "unknown command",
    ),
    "no hello": (asked_frame(1, NO_FILE), Status.Malformed, 1, "must be hello"),
    "no fields": (frame([1, "hello", {}]), Status.Malformed, 1, "missing field client, protocol"),
    "a field out of its limits": (
        frame([1, "hello", {"protocol": 0, "client": ""}]),
        Status.Malformed,
        1,
        "protocol takes",
    ),
}


def last_frame(received):
    """Number, kind and fields of the last frame."""
    while len(received) > (size := 4 + int.from_bytes(received[:4], "big")):
        received = received[size:]
    return parts(received)


@pytest.mark.parametrize("what", MISUSE)
async def test_misuse_gets_last_words_and_the_door(what, service, nursery, log, autojump_clock):
    """Bytes that no client may send are refused with a reason, cost one line and one connection,
    and disturb no other session.
    """
    data, status, number, words = MISUSE[what]
    other = await join(nursery, service).greet()
    log.kept.clear()
    peer = join(nursery, service)
    await peer.stream.send_all(data)
    told = last_frame(await peer.rest())
    assert told[:2] == [number, "refused"]
    assert (told[2]["status"], told[2]["name"]) == (status, status.name)
    assert words in told[2]["detail"]
    [line] = [event for event in log.kept if event["event"] != "request"]
    assert (line["level"], line["event"], line["detail"]) == (
        "warning",
        "misuse",
        told[2]["detail"],
    )
    assert refused(await other.ask(NO_FILE), Status.NotAvailable)
    assert isinstance(await join(nursery, service).ask(HELLO), m.Greeting)


async def test_leaving_inside_a_frame_is_misuse(service, nursery, log, autojump_clock):
    """A connection that ends in the middle of a frame is told so, as far as it still listens."""
    peer = await join(nursery, service).greet()
    await peer.stream.send_all(asked_frame(2, NO_FILE)[:-1])
    await peer.stream.send_eof()
    assert "ended inside a frame" in parts(await peer.rest())[2]["detail"]
    assert len(log.named("misuse")) == 1


async def test_nothing_is_served_after_misuse(service, nursery, log, autojump_clock):
    """A good request behind a bad one on the same connection is never looked at."""
    peer = join(nursery, service)
    await peer.stream.send_all(frame([1, "openTheVault", {}]) + asked_frame(1, HELLO))
    assert parts(await peer.rest())[1] == "refused"
    assert not log.named("request")


async def test_last_words_wait_for_nobody(service, nursery, log, autojump_clock):
    """A peer that misbehaves and does not read either is let go after the farewell's time."""
    peer = join(nursery, service, lockstep_stream_pair)
    await peer.stream.send_all(framed(b"\xc1"))
    began = trio.current_time()
    await peer.over.wait()
    assert trio.current_time() - began == pytest.approx(FAREWELL_SECONDS)


# ---------------------------------------------------------------- slow peers


async def test_a_peer_that_sends_byte_by_byte_is_served(service, nursery, autojump_clock):
    """Frames may arrive in pieces of any size."""
    peer = join(nursery, service)
    for request in (HELLO, NO_FILE, HELLO):
        for byte in peer.link.send(request):
            await peer.stream.send_all(bytes([byte]))
            await wait_all_tasks_blocked()
        assert isinstance(await peer.receive(), m.Greeting if request is HELLO else StatusError)


@pytest.mark.parametrize("sent", [1, 3, 4, 20])
async def test_a_frame_that_is_never_finished_is_given_up(
    sent, service, nursery, log, autojump_clock
):
    """The rest of a request must arrive within the request's time; the peer is told so."""
    peer = await join(nursery, service).greet()
    began = trio.current_time()
    await peer.stream.send_all(asked_frame(2, HELLO)[:sent])
    told = parts(await peer.rest())
    assert (told[0], told[2]["name"]) == (0, "TimeLimitExceeded")
    assert trio.current_time() - began == pytest.approx(REQUEST_SECONDS)
    assert len(log.named("misuse")) == 1


async def test_a_trickle_of_bytes_buys_no_time(service, nursery, autojump_clock):
    """Each byte of a request counts against the same limit."""
    peer = await join(nursery, service).greet()
    data = asked_frame(2, HELLO)
    began = trio.current_time()

    async def trickle():
        for byte in data:
            await peer.stream.send_all(bytes([byte]))
            await trio.sleep(REQUEST_SECONDS / 4)

    nursery.start_soon(trickle)
    assert parts(await peer.rest())[2]["name"] == "TimeLimitExceeded"
    assert trio.current_time() - began == pytest.approx(REQUEST_SECONDS)
    nursery.cancel_scope.cancel()  # the trickle would now meet a closed door


async def test_an_idle_peer_is_closed_without_a_word(service, nursery, log, autojump_clock):
    """Between requests a peer may wait for the idle time, counted from the last reply; then the
    connection closes in silence.
    """
    peer = await join(nursery, service).greet()
    await trio.sleep(IDLE_SECONDS - 1)
    assert refused(await peer.ask(NO_FILE), Status.NotAvailable)
    began = trio.current_time()
    assert await peer.rest() == b""
    assert trio.current_time() - began == pytest.approx(IDLE_SECONDS)
    assert {event["event"] for event in log.kept} == {"request"}


@pytest.mark.parametrize("sent", [0, 1, 4, 20])
async def test_a_peer_that_never_finishes_hello_is_closed_without_a_word(
    sent, service, nursery, autojump_clock
):
    """Hello has a short time of its own, which runs from the connection on whatever
    arrives of it.
    """
    peer = join(nursery, service)
    began = trio.current_time()
    await peer.stream.send_all(asked_frame(1, HELLO)[:sent])
    assert await peer.rest() == b""
    assert trio.current_time() - began == pytest.approx(GREETING_SECONDS)


async def test_a_trickle_of_bytes_buys_no_time_for_hello(service, nursery, autojump_clock):
    """A byte a second does not stretch the time of hello."""
    peer = join(nursery, service)
    began = trio.current_time()

    async def trickle():
        for byte in asked_frame(1, HELLO):
            await peer.stream.send_all(bytes([byte]))
            await trio.sleep(1)

    with pytest.raises(ExceptionGroup):  # noqa: PT012
        async with trio.open_nursery() as trickling:
            trickling.start_soon(trickle)
            assert await peer.rest() == b""
            assert trio.current_time() - began == pytest.approx(GREETING_SECONDS)


async def test_a_flood_of_hello_is_answered_slowly(service, nursery, autojump_clock):
    """A hundred hellos again are answered at once, then fifty a second, so that nobody keeps the
    machine busy with them.
    """
    peer = join(nursery, service)
    began = trio.current_time()
    for _ in range(1 + BURST_SECONDS * HELLOS_PER_SECOND):
        await peer.greet()
    assert trio.current_time() == began
    for _ in range(6):
        await peer.greet()
    assert trio.current_time() - began == pytest.approx(6 / HELLOS_PER_SECOND)


async def test_a_request_for_many_signatures_counts_as_many(service, nursery, monkeypatch):
    """One for each message; any other request is one."""
    real, counts = Seat.wait_turn, []

    async def wait_turn(seat, *, hello, count):
        counts.append(count)
        await real(seat, hello=hello, count=count)

    monkeypatch.setattr(Seat, "wait_turn", wait_turn)
    peer = await join(nursery, service).greet()
    asked = {"file": b"lmsnosuchke", "tokens": [new_token() for _ in range(3)]}
    await peer.ask(m.NvmemfileSignMany(**asked, messages=[b""] * 3))
    await peer.ask(m.NvmemfileSign(file=b"lmsnosuchke", token=new_token(), message=b""))
    assert counts == [1, 3, 1]


@pytest.mark.parametrize("pair", [memory_stream_pair, plain_stream_pair])
async def test_requests_that_arrive_together_do_not_hold_up_another_peer(pair, service, nursery):
    """A peer that has sent a thousand requests at once gets one answer, more or less, for each
    answer of another peer.
    """
    hasty, other = [await join(nursery, service, pair).greet() for _ in range(2)]
    await hasty.stream.send_all(b"".join(asked_frame(number, NO_FILE) for number in range(2, 1002)))
    for _ in range(5):
        assert refused(await other.ask(NO_FILE), Status.NotAvailable)
    await hasty.stream.receive_some(1)
    assert len(service.log.named("request")) < 100
    for peer in (hasty, other):
        await peer.stream.aclose()


async def test_a_peer_that_does_not_read_its_reply_is_closed(service, nursery, log, autojump_clock):
    """A reply waits for its reader as long as a request may take, and no longer."""
    peer = join(nursery, service, lockstep_stream_pair)
    await peer.send(HELLO)
    began = trio.current_time()
    await peer.over.wait()
    assert trio.current_time() - began == pytest.approx(REQUEST_SECONDS)
    assert len(log.named("peer does not read, closed")) == 1


# ---------------------------------------------------------------- hashing beside the loop


async def begin_chunk(peer, **recipe):
    """Start a key and ask for its first chunk, without waiting for it."""
    started = await peer.ask(m.GenerateLms(**recipe))
    await peer.send(m.ContinueLms(handle=started.handle))


async def test_hashing_does_not_hold_up_other_sessions(tmp_path, nursery):
    """While one session's chunk is hashed, another gets fifty replies; the chunk is answered when
    it is done.
    """
    engine = GatedEngine()
    service = make_service(make_machine(tmp_path, engine=engine))
    busy, ping = await join(nursery, service).greet(), await join(nursery, service).greet()
    await begin_chunk(busy, **H5_W4)
    await until(lambda: engine.entered)
    for _ in range(50):
        assert refused(await ping.ask(NO_FILE), Status.NotAvailable)
        assert isinstance(await ping.ask(m.ListSlots()), m.SlotListing)
    assert (engine.entered, engine.left) == (1, 0)
    engine.gate.set()
    assert isinstance(await busy.receive(), m.LmsChunk)


async def test_a_machine_full_of_hashing_still_signs(tmp_path, nursery):
    """Chunks that wait for a core keep nobody from signing with a key that is at hand."""
    engine = GatedEngine(shut=False)
    machine = make_machine(tmp_path, engine=engine)
    service = make_service(machine, hashing=1)
    nursery.start_soon(service.pipeline.run)
    key = install_key(machine)
    signer = await join(nursery, service).greet()
    await signer.ask(m.NvmemfileSign(file=name_of(key), token=new_token(), message=b"first"))
    engine.gate.clear()
    chunks = [await join(nursery, service).greet() for _ in range(3)]
    for peer in chunks:
        await begin_chunk(peer, **H5_W4)
    await until(lambda: service.hashing.statistics().tasks_waiting == 2)
    for number in range(1, 6):
        signed = await signer.ask(
            m.NvmemfileSign(file=name_of(key), token=new_token(), message=b"more")
        )
        assert leaf_of(signed.signature) == signed.leaf == number
    engine.gate.set()
    for peer in chunks:
        assert isinstance(await peer.receive(), m.LmsChunk)


async def test_a_request_over_the_time_limit_is_refused_and_stopped(tmp_path, nursery, mock_clock):
    """Too long a chunk is answered TimeLimitExceeded(8), its hashing stops even if nobody reads
    that, and the connection closes.
    """
    engine, log = GatedEngine(), Events()
    service = make_service(make_machine(tmp_path, engine=engine), log)
    peer = await join(nursery, service, lockstep_stream_pair).greet()
    await begin_chunk(peer, **H10_W4, expchunk=10)
    await until(lambda: engine.entered)
    mock_clock.jump(REQUEST_SECONDS)
    await wait_all_tasks_blocked()
    engine.gate.set()
    await until(lambda: service.hashing.borrowed_tokens == 0)
    assert (engine.entered, engine.left) == (
        1,
        1,
    ), "1024 leaves are 2 strides; only the one under way may be hashed"
    reply = await peer.receive()
    assert refused(reply, Status.TimeLimitExceeded)
    await wait_all_tasks_blocked()
    assert log.named("request")[-1]["status"] == "TimeLimitExceeded"
    assert reply.status.printed == "TimeLimitExceeded(8)"
    assert await peer.receive() is None
    await peer.over.wait()


async def test_a_key_stopped_by_the_time_limit_leaves_no_nvram_file(tmp_path, nursery, mock_clock):
    """A client that was told of failure in the closing step has no public key, so the machine must
    not keep the key's leaves.
    """
    engine = GatedEngine(shut=False)
    machine = make_machine(tmp_path, engine=engine)
    service = make_service(machine)
    peer = await join(nursery, service).greet()
    started = await peer.ask(m.GenerateLms(**H5_W4))
    for _ in range(started.remaining - 1):
        await peer.ask(m.ContinueLms(handle=started.handle))
    engine.gate.clear()
    before = engine.climbing
    await peer.send(m.ContinueLms(handle=started.handle))
    await until(lambda: engine.climbing > before)
    mock_clock.jump(REQUEST_SECONDS)
    assert refused(await peer.receive(), Status.TimeLimitExceeded)
    engine.gate.set()
    await until(lambda: service.hashing.borrowed_tokens == 0)
    assert machine.store.names() == []


# ---------------------------------------------------------------- what dies with a session


async def test_a_client_gone_in_mid_request_leaves_nothing_behind(tmp_path, nursery):
    """The work of a session whose peer left ends, and its threads and half-made keys go with it."""
    engine, log = GatedEngine(), Events()
    machine = make_machine(tmp_path, engine=engine)
    service = make_service(machine, log)
    peer = await join(nursery, service).greet()
    await begin_chunk(peer, **H5_W4, expchunk=5)
    await until(lambda: engine.entered)
    await peer.stream.aclose()
    engine.gate.set()
    await peer.over.wait()
    assert (service.hashing.borrowed_tokens, service.others.borrowed_tokens, service.idle) == (
        0,
        0,
        set(),
    )
    assert machine.store.names() == []
    assert len(log.named("peer gone")) == 1


async def test_a_reserved_leaf_outlives_its_connection(service, machine, nursery):
    """Whoever has the token may bring the digest, also when the connection that reserved the leaf
    has ended; another digest is refused.
    """
    key, token = install_key(machine), new_token()
    peer, other = await join(nursery, service).greet(), await join(nursery, service).greet()
    reserved = await peer.ask(m.NvmemfileReserve(file=name_of(key), token=token))
    await peer.stream.aclose()
    await peer.over.wait()
    bring = m.NvmemfileSignDigest(file=name_of(key), token=token, digest=bytes(32))
    assert (await other.ask(bring)).leaf == reserved.leaf
    assert refused(await other.ask(replace(bring, digest=b"1" * 32)), Status.ObjectInUse)
    assert (
        await other.ask(m.NvmemfileSign(file=name_of(key), token=new_token(), message=b""))
    ).leaf == reserved.leaf + 1


class GatedSlots(Slots):
    """Slots that are written to only while the gate is open."""

    gate = None
    waiting = 0

    def write_leases(self, *arguments, **options):
        """See Slots."""
        self.waiting += 1
        assert self.gate.wait(PATIENCE)
        return super().write_leases(*arguments, **options)


async def test_a_card_that_is_still_being_written_is_not_written_twice(
    tmp_path, nursery, mock_clock
):
    """Over its time limit while a card is written, a key that is gone on with elsewhere puts no
    leaf on a second card.
    """
    machine = make_machine(tmp_path)
    machine.checkpoints = FolderCheckpoints(tmp_path / "hsm" / machine.esn)
    machine.slots = GatedSlots(World.at(tmp_path), machine.esn)
    machine.slots.gate = threading.Event()
    rack = Rack(World.at(tmp_path))
    for slot, card in enumerate(rack.new(2), 2):
        rack.insert(card, machine.esn, slot)
    service = make_service(machine)
    first, second = await join(nursery, service).greet(), await join(nursery, service).greet()
    started = await first.ask(
        m.GenerateLms(**{**H5_W4, "expcards": 1}, expchunk=5, label="release")
    )
    for _ in range(2):
        await first.ask(m.ContinueLms(handle=started.handle))
    await first.send(m.ContinueLmsCard(handle=started.handle, slot=2))
    await until(lambda: machine.slots.waiting == 1)
    mock_clock.jump(REQUEST_SECONDS)
    assert refused(await first.receive(), Status.TimeLimitExceeded)
    await first.over.wait()

    await second.send(m.ResumeLms(label="release"))
    await wait_all_tasks_blocked()
    machine.slots.gate.set()
    going_on = await second.receive()
    for _ in range(going_on.remaining + 1):
        chunk = await second.ask(m.ContinueLms(handle=going_on.handle))
        if chunk.public_key is not None:
            break
    assert chunk.cards == 1
    assert isinstance(
        await second.ask(m.ContinueLmsCard(handle=going_on.handle, slot=3)), m.CardWritten
    )
    cards = [read_card(path) for path in sorted((tmp_path / "hsm").glob("*/slots/*/*.card"))]
    assert [(lease.first, lease.end) for card in cards for lease in card.leases] == [
        (0, 16),
        (16, 32),
    ]
    assert machine.checkpoints.head("release")["seeds"] == [b"", b""]


# ---------------------------------------------------------------- faults inside, and the end


async def test_a_bug_in_a_command_is_an_answer(service, nursery, log, monkeypatch):
    """An internal error refuses one request, with its traceback in the log; the session goes on."""

    def broken(session, request):
        raise RuntimeError("a bug")

    monkeypatch.setitem(commands.COMMANDS, m.ListSlots, broken)
    peer = await join(nursery, service).greet()
    reply = await peer.ask(m.ListSlots())
    assert refused(reply, Status.Failed)
    assert "a bug" not in reply.detail
    [line] = log.named("bug")
    assert (line["level"], line["command"], str(line["exc_info"])) == (
        "error",
        "slot_list",
        "a bug",
    )
    assert refused(await peer.ask(NO_FILE), Status.NotAvailable)


async def test_draining_ends_idle_sessions_and_lets_busy_ones_answer(tmp_path, nursery, mock_clock):
    """Told to stop, a machine hangs up on who waits, and on who is served after the reply; time
    stands still meanwhile.
    """
    engine = GatedEngine()
    service = make_service(make_machine(tmp_path, engine=engine))
    idle, busy = await join(nursery, service).greet(), await join(nursery, service).greet()
    await begin_chunk(busy, **H5_W4)
    await until(lambda: engine.entered)
    service.drain()
    assert await idle.rest() == b""
    assert not busy.over.is_set()
    engine.gate.set()
    assert isinstance(await busy.receive(), m.LmsChunk)
    assert await busy.receive() is None


async def test_draining_waits_for_a_request_that_is_arriving(service, nursery, autojump_clock):
    """Half a request counts as under way: it is received, answered, and then the
    connection closes.
    """
    peer = await join(nursery, service).greet()
    data = peer.link.send(NO_FILE)
    await peer.stream.send_all(data[:5])
    await wait_all_tasks_blocked()
    service.drain()
    await wait_all_tasks_blocked()
    await peer.stream.send_all(data[5:])
    assert refused(await peer.receive(), Status.NotAvailable)
    assert await peer.receive() is None


async def test_a_session_that_begins_during_the_drain_ends_at_once(
    service, nursery, autojump_clock
):
    """A connection that was accepted just before the machine was told to stop does not
    hold it up.
    """
    service.drain()
    peer = join(nursery, service)
    began = trio.current_time()
    assert await peer.rest() == b""
    assert trio.current_time() == began
