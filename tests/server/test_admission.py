"""admission.py and buckets.py: places, who loses them, and rates, with time that passes only when
it is told to.
"""

from dataclasses import replace

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from kit.services import HELLO, NO_FILE
from seeclient.algorithms.lms.signing import new_token

from seemachine.config import LimitSettings
from seemachine.server.admission import (
    BURST_SECONDS,
    CHANCE_SECONDS,
    PEERS_REMEMBERED,
    STRANGE_BYTES_PER_SECOND,
    Admission,
    TooFast,
    TurnedAway,
)
from seemachine.server.buckets import LONGEST_WAIT, Bucket
from seemachine.server.peers import peer_of
from seemachine.wire import messages as m
from seemachine.wire.messages import REQUESTS
from seemachine.wire.requests import Effect

LIMITS = LimitSettings(connections=4, peer_connections=3, greeting_seconds=5)
HERE, THERE = "192.0.2.1", "192.0.2.2"
SIGN = m.NvmemfileSign(file=b"lmsnosuchke", token=new_token(), message=b"")
LEDGER, SUSPECTS = m.ReadLedger(after=0, most=1), m.ListQuarantine(after=0)


@pytest.fixture
def places():
    """Four places, three of them for one peer."""
    return Admission(LIMITS)


def proven(places, host=HERE, holding=False):
    """A connection for which something was done."""
    seat = places.admit(host)
    with seat.at_work(SIGN):
        pass
    seat.judge(SIGN, done=True, holding=holding)
    return seat


def lost(*seats):
    """Which of these were sent away, by number."""
    return [number for number, seat in enumerate(seats) if seat.shed]


# ---------------------------------------------------------------- places


async def test_who_came_last_has_a_chance_to_ask(places, mock_clock):
    """With all places taken nobody comes in before somebody else had time to ask for something."""
    assert places.room(9) == 4
    first, second = places.admit(HERE), places.admit(THERE)
    assert places.room(9) == 2
    mock_clock.jump(CHANCE_SECONDS)
    third, fourth = places.admit(HERE), places.admit(THERE)
    assert (places.room(9), places.room(1)) == (2, 1)
    places.admit(HERE), places.admit(THERE)
    assert lost(first, second, third, fourth) == [0, 1]
    assert places.room(9) == 0
    mock_clock.jump(CHANCE_SECONDS)
    assert places.room(9) == 4


async def test_there_is_one_more_chance_after_the_first_answer(places, mock_clock):
    """Who was greeted has as long again, and by no other answer any longer."""
    seats = [places.admit(host) for host in (HERE, HERE, THERE, THERE)]
    for found in (0, 4):
        mock_clock.jump(CHANCE_SECONDS)
        for seat in seats:
            seat.judge(HELLO, done=True, holding=False)
        assert places.room(9) == found


async def test_one_may_come_to_be_told_that_all_are_clients(places, mock_clock):
    """Nobody is to be sent away then, and who comes is not left waiting at the door."""
    for host in (HERE, HERE, THERE, THERE):
        proven(places, host)
    assert (places.room(9), places.room(0)) == (1, 0)


async def test_memory_that_is_missing_is_taken_from_strangers(places, mock_clock):
    """Half of them leave, the oldest first, and no client does."""
    client, *strangers = proven(places), places.admit(HERE), places.admit(HERE), places.admit(THERE)
    places.relieve()
    assert (lost(*strangers), client.shed) == ([0, 1], False)
    places.relieve()
    places.relieve()
    assert (lost(*strangers), client.shed, len(places)) == ([0, 1, 2], False, 1)


async def test_the_oldest_that_did_nothing_leaves_first(places, mock_clock):
    """With the peer's places taken, a newcomer gets that of the one which has done nothing for
    longest.
    """
    first, second, third = (places.admit(HERE) for _ in range(3))
    fourth = places.admit(HERE)
    assert lost(first, second, third, fourth) == [0]
    assert first.scope.cancel_called
    assert len(places) == 3
    places.admit(HERE)
    assert lost(second, third, fourth) == [0]


@pytest.mark.parametrize(
    "request_",
    [
        HELLO,
        NO_FILE,
        m.ListNvmemfiles(),
        m.ListSlots(),
        m.WaitForCard(kind="blank"),
        LEDGER,
        SUSPECTS,
    ],
    ids=lambda each: each.NAME,
)
async def test_to_look_something_up_earns_no_place(request_, places, mock_clock):
    """However often it asks for what changes nothing, also while it is answered, a connection is as
    good as a silent one.
    """
    reader = places.admit(HERE)
    proven(places), proven(places)
    with reader.at_work(request_):
        reader.judge(request_, done=True, holding=False)
        places.admit(HERE)
    assert reader.shed


async def test_a_refused_request_earns_no_place(places, mock_clock):
    """Only what was done counts."""
    refused = places.admit(HERE)
    with refused.at_work(SIGN):
        pass
    refused.judge(SIGN, done=False, holding=False)
    proven(places), proven(places)
    places.admit(HERE)
    assert refused.shed


async def test_who_waits_for_something_to_be_done_stays(places, mock_clock):
    """A connection whose signature is under way is passed over, proven or not, however long it
    takes.
    """
    first, second, third = (places.admit(HERE) for _ in range(3))
    with first.at_work(SIGN), second.at_work(SIGN), third.at_work(SIGN):
        mock_clock.jump(100)
        with pytest.raises(TurnedAway, match="3 connections of one address"):
            places.admit(HERE)
    assert lost(first, second, third) == []


async def test_clients_lose_their_places_only_after_a_while(places, mock_clock):
    """Those for whom something was done stay until they have kept us waiting for the time of hello;
    then who waited longest leaves.
    """
    first, second, third = (proven(places) for _ in range(3))
    mock_clock.jump(3)
    for seat in (first, third):
        with seat.at_work(SIGN):
            pass
    with pytest.raises(TurnedAway):
        places.admit(HERE)
    mock_clock.jump(2)
    places.admit(HERE)
    assert lost(first, second, third) == [1]


async def test_those_who_hold_something_leave_last(places, mock_clock):
    """A connection with a half-made key outlasts those without that waited less; it leaves when
    nobody else can.
    """
    holder = proven(places, holding=True)
    mock_clock.jump(1)
    other, third = proven(places), proven(places)
    mock_clock.jump(20)
    places.admit(HERE)
    assert lost(holder, other, third) == [1]
    fourth = proven(places)  # in the place of the newcomer, which had done nothing
    with third.at_work(SIGN):
        places.admit(HERE)
    assert lost(holder, other, third, fourth) == [0, 1]


async def test_a_peer_pushes_out_only_its_own(places, mock_clock):
    """At its own limit a peer costs another nothing."""
    guest = places.admit(THERE)
    for _ in range(10):
        places.admit(HERE)
    assert not guest.shed
    assert len(places) == 4


async def test_at_the_limit_of_all_anybody_may_have_to_leave(places, mock_clock):
    """With all places taken, the oldest idle one leaves, whosever it is; and if all are in use the
    newcomer is told the limit.
    """
    ours = [proven(places) for _ in range(3)]
    idle = places.admit(THERE)
    newcomer = places.admit("192.0.2.3")
    assert lost(idle, newcomer, *ours) == [0]
    newcomer.judge(SIGN, done=True, holding=False)
    with pytest.raises(TurnedAway, match="4 connections at most"):
        places.admit(THERE)


async def test_a_place_is_given_back_once(places, mock_clock):
    """To leave after one was sent away, or twice, takes nobody else's place."""
    seats = [places.admit(HERE) for _ in range(4)]
    for seat in [*seats, *seats]:
        seat.leave()
    assert len(places) == 0
    assert [places.admit(HERE).shed for _ in range(3)] == [False] * 3


async def test_one_that_left_is_not_sent_away(places, mock_clock):
    """Nobody is cancelled who is gone already."""
    gone = places.admit(HERE)
    gone.leave()
    for _ in range(4):
        places.admit(HERE)
    assert not gone.shed


# ---------------------------------------------------------------- hello


async def test_hello_has_a_deadline_that_ends_with_it(places, autojump_clock):
    """The scope of a connection ends after the greeting time, unless a request came before."""
    began = trio.current_time()
    with places.admit(HERE).scope as scope:
        await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() - began == pytest.approx(LIMITS.greeting_seconds)
    seat = places.admit(HERE)
    with seat.scope as scope:
        await seat.wait_turn(hello=True)
        await trio.sleep(1000)
    assert not scope.cancelled_caught


# ---------------------------------------------------------------- rates


async def test_a_peer_that_connects_too_fast_is_not_heard(mock_clock):
    """So many connections at once, so many a second, for each peer by itself; they are counted also
    when they have left again.
    """
    places = Admission(replace(LIMITS, peer_connections_per_second=10))
    for _ in range(BURST_SECONDS * 10):
        places.admit(HERE).leave()
    with pytest.raises(TooFast):
        places.admit(HERE)
    places.admit(THERE)
    mock_clock.jump(0.1)
    places.admit(HERE)
    with pytest.raises(TooFast):
        places.admit(HERE)


async def test_requests_of_a_peer_wait_for_their_turn(autojump_clock):
    """Beyond its rate a peer's requests are answered later, whichever of its connections they come
    from; another peer's are not.
    """
    places = Admission(replace(LIMITS, peer_requests_per_second=10))
    first, second, other = places.admit(HERE), places.admit(HERE), places.admit(THERE)
    began = trio.current_time()
    for _ in range(BURST_SECONDS * 5):
        await first.wait_turn(hello=False)
        await second.wait_turn(hello=False)
    assert trio.current_time() == began
    for _ in range(5):
        await first.wait_turn(hello=False)
        await second.wait_turn(hello=False)
    assert trio.current_time() - began == pytest.approx(1)
    await other.wait_turn(hello=False)
    assert trio.current_time() - began == pytest.approx(1)


async def test_a_request_for_many_counts_as_many(autojump_clock):
    """Also where one alone is for more than may be asked at once; who asks next waits for all."""
    places = Admission(replace(LIMITS, peer_requests_per_second=10))
    one, another = places.admit(HERE), places.admit(HERE)
    began = trio.current_time()
    await one.wait_turn(hello=False, count=BURST_SECONDS * 10 - 1)
    assert trio.current_time() == began
    await one.wait_turn(hello=False, count=11)
    assert trio.current_time() - began == pytest.approx(1)
    await another.wait_turn(hello=False, count=10)
    assert trio.current_time() - began == pytest.approx(2)


async def test_a_first_hello_never_waits_for_those_of_others(autojump_clock):
    """A peer's hellos that are said again wait; the first one of another connection of
    it does not.
    """
    places = Admission(LIMITS)
    noisy, newcomer = places.admit(HERE), places.admit(HERE)
    for _ in range(300):
        await noisy.wait_turn(hello=True)
    began = trio.current_time()
    assert began > 0
    await newcomer.wait_turn(hello=True)
    assert trio.current_time() == began


async def test_long_requests_of_strangers_are_read_slowly(autojump_clock):
    """What a peer's unproven connections send is read at a rate of all of them together; what
    proven ones send, at once.
    """
    places = Admission(LIMITS)
    first, second, client = places.admit(HERE), places.admit(HERE), proven(places)
    began = trio.current_time()
    for _ in range(BURST_SECONDS):
        await first.wait_for_more(STRANGE_BYTES_PER_SECOND)
    assert trio.current_time() == began
    await second.wait_for_more(STRANGE_BYTES_PER_SECOND)
    assert trio.current_time() - began == pytest.approx(1)
    await client.wait_for_more(1000 * STRANGE_BYTES_PER_SECOND)
    assert trio.current_time() - began == pytest.approx(1)


async def test_peers_that_are_gone_are_forgotten_in_the_end(mock_clock):
    """However many addresses come by, only so many are remembered, and never is one forgotten that
    is still connected.
    """
    places = Admission(LimitSettings())
    stays = places.admit(HERE)
    for number in range(2 * PEERS_REMEMBERED):
        places.admit(f"10.0.{number // 256}.{number % 256}").leave()
    assert len(places._peers) <= PEERS_REMEMBERED
    assert places._peers[HERE] is stays.peer


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 20), st.integers(1, 20))
def test_a_bucket_gives_no_more_than_its_burst_and_its_rate(pauses, rate, burst):
    """However the asking is spread, no more tokens are taken than were there at first and came
    since.
    """
    bucket, now, taken = Bucket(rate, burst, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
        assert taken <= burst + rate * now + 1e-6


@given(st.integers(1, 200), st.integers(1, 20), st.integers(1, 20))
def test_reserved_tokens_come_at_the_rate(count, rate, burst):
    """Asked all at once, the tokens beyond the burst are promised one after the other, but none
    later than the longest wait.
    """
    bucket = Bucket(rate, burst, 0.0)
    waits = [bucket.reserve(0.0) for _ in range(count)]
    assert waits == pytest.approx(
        [min(LONGEST_WAIT, max(0, number - burst) / rate) for number in range(1, count + 1)]
    )


# ---------------------------------------------------------------- peers


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::1", "127.0.0.1", False),
    ],
)
def test_who_counts_as_one_peer(one, other, same):
    """An IPv4 address in either form, and an IPv6 network of 64 bits."""
    assert (peer_of(one) == peer_of(other)) is same


def test_what_earns_no_place_is_what_changes_nothing():
    """Every request that takes a leaf, a lease or a core is missing from the list."""
    names = {
        "fault_list",
        "hello",
        "infoMLDSA",
        "nvmemfile_info",
        "nvmemfile_list",
        "nvram_ledger",
        "quarantine_list",
        "slot_list",
        "slot_wait",
    }
    looking = {name for name, kind in REQUESTS.items() if kind.EFFECT is Effect.LOOKS}
    assert looking == names
