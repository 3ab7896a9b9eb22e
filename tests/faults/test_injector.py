"""Which faults happen when."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import pytest
from kit.interleaving import TellingLock, everywhere

from seemachine.faults import Cut, Fault, FaultError, Injector, Plan, fault_of
from seemachine.faults import counted as counting
from seemachine.faults import injector as injecting
from seemachine.faults.injector import MOST_FAULTS
from seemachine.faults.kinds import CARD_READ, CARD_WRITE, CLOCK
from seemachine.wire.messages import Hello, ListSlots, ProvisionLms
from seemachine.wire.names import PROTOCOL
from seemachine.wire.status import Status

LIST = ListSlots()
HELLO = Hello(protocol=PROTOCOL, client="test")
PROVISION = ProvisionLms(slot=2)


def fires(injector: Injector, count: int) -> list[int]:
    """At which of the first requests something happens, from 1."""
    return [number for number in range(1, count + 1) if injector.meet(LIST).faults]


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("drop-after", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("drop-after times=2", [1, 2]),
        ("drop-after after=3 times=1", [4]),
        ("drop-after every=3", [3, 6, 9]),
        ("drop-after after=1 every=2 times=2", [3, 5]),
        ("drop-after on=provisionLMS", []),
        ("drop-after on=provisionLMS,slot_list times=1", [1]),
        ("drop-after seed=7 probability=0.5", [1, 3, 6, 7, 8, 9]),
    ],
)
def test_counts(line: str, at: list[int]) -> None:
    """After, every, times and the draws choose among the requests that a fault is for."""
    assert fires(Injector(Plan((fault_of(line),))), 9) == at


def test_the_same_seed_gives_the_same_faults() -> None:
    """Also in another injector, beside other faults; another seed gives others."""
    line = "drop-after probability=0.3 seed=a"
    once, again, other = (
        Injector(Plan((fault_of(each),))) for each in (line, line, line.replace("=a", "=b"))
    )
    again.add("delay seconds=1 on=provisionLMS probability=0.5")
    first = fires(once, 300)
    assert first == fires(again, 300) != fires(other, 300)
    assert 60 < len(first) < 120


def test_the_seed_of_a_plan_goes_to_its_faults() -> None:
    """Each has draws of its own."""
    plan = Plan((fault_of("drop-after probability=0.5"),) * 2, seed="7")
    first, second = Injector(plan).listing()
    assert [first.fault.seed, second.fault.seed] == ["7.1", "7.2"]
    assert Injector(plan).listing() == (first, second)


def test_a_fault_without_a_seed_draws_one_and_lists_it() -> None:
    """So what happened can be had again."""
    injector = Injector()
    injector.add("drop-after probability=0.5")
    first = fires(injector, 100)
    [listed] = injector.listing()
    assert fires(Injector(Plan((fault_of(listed.fault.text),))), 100) == first
    assert Injector(Plan((fault_of("drop-after probability=0.5"),))).listing() != (listed,)


def test_a_schedule_counts_from_when_the_fault_was_added() -> None:
    """Outside of it nothing is counted either."""
    now = [100.0]
    injector = Injector(clock=lambda: now[0])
    injector.add("drop-after at=5 until=10 after=1")
    happened = []
    for now[0] in range(100, 115):
        happened += [now[0]] if injector.meet(LIST).faults else []
    assert happened == [106, 107, 108, 109]
    [listed] = injector.listing()
    assert (listed.met, listed.fired, listed.spent) == (5, 4, True)
    assert injector.summary == "fault injection"


def test_hello_and_fault_requests_are_spared() -> None:
    """Whoever clears faults gets in, unless a fault names hello."""
    injector = Injector()
    injector.add("drop-before")
    assert not injector.meet(HELLO).faults
    injector.add("drop-before on=hello times=1")
    assert injector.meet(HELLO).cut is Cut.BEFORE
    assert not injector.meet(HELLO).faults


def test_a_failed_module_lets_look() -> None:
    """It refuses the rest until it is cleared."""
    injector = Injector()
    injector.add("module-failed")
    assert injector.meet(LIST).refusal is None
    for _ in range(3):
        refusal = injector.meet(PROVISION).refusal
        assert refusal is not None
        assert refusal.status is Status.NotAvailable
        assert (
            refusal.detail
            == "the module has failed; clear it with: seemachine fault clear, or nopclearfail -c"
        )
    assert injector.clear() == 1
    assert injector.meet(PROVISION).refusal is None


def test_delays_add_up_and_the_first_of_the_others_decides() -> None:
    """Of all faults that a request meets."""
    injector = Injector()
    for line in ("delay seconds=1", "tear", "delay seconds=0.5", "refuse"):
        injector.add(line)
    verdict = injector.meet(LIST)
    assert (verdict.seconds, verdict.cut, verdict.refusal) == (1.5, Cut.TORN, None)
    assert len(verdict.faults) == 4


def test_places_meet_their_own_faults() -> None:
    """One at a time, the oldest first; the others wait for their turn."""
    injector = Injector()
    injector.add("drop-before")
    injector.add("card-worn times=1")
    injector.add("card-torn times=1")
    assert injector.meet_at(CLOCK) is None
    assert [injector.meet_at(CARD_WRITE) for _ in range(3)] == [
        fault_of("card-worn times=1"),
        fault_of("card-torn times=1"),
        None,
    ]


def test_what_is_in_force_is_not_counted() -> None:
    """A clock is read all day."""
    injector = Injector()
    injector.add("clock-moved seconds=5")
    assert injector.in_force(CLOCK) == injector.in_force(CLOCK) == (injector.listing()[0].fault,)
    assert injector.listing()[0].met == 0
    injector.add("clock-moved seconds=7 at=3600")
    injector.add("card-worn")
    assert len(injector.in_force(CLOCK)) == 1
    injector.clear()
    assert injector.in_force(CLOCK) == ()


def test_once_is_once() -> None:
    """Of two requests at one time one meets it, wherever the first of them stands."""
    for race in everywhere(injecting, counting):
        injector = Injector()
        injector._lock = TellingLock(race)
        injector.add("refuse times=1")
        if (met := race.run(*[partial(injector.meet, LIST)] * 2)) is None:
            break
        assert sorted(len(verdict.faults) for verdict in met) == [0, 1], race.where
        assert injector.listing()[0].met == 1


def test_two_that_are_added_at_once_have_numbers_of_their_own() -> None:
    """Wherever the thread stands that adds the first."""
    for race in everywhere(injecting):
        injector = Injector()
        injector._lock = TellingLock(race)
        added = race.run(partial(injector.add, "tear"), partial(injector.add, "refuse"))
        if added is None:
            break
        assert sorted(each.number for each in added) == [1, 2], race.where
        assert len(injector.listing()) == 2


def test_one_that_comes_while_others_are_cleared_stays() -> None:
    """Wherever the thread that clears stands when another adds it."""
    for race in everywhere(injecting):
        injector = Injector()
        injector._lock = TellingLock(race)
        injector.add("refuse")
        if race.run(partial(injector.clear, 1), partial(injector.add, "tear")) is None:
            break
        assert [each.fault.kind for each in injector.listing()] == ["tear"], race.where


def test_a_clock_is_read_while_faults_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is missed, wherever the thread that reads it stands when another adds one."""
    monkeypatch.setattr(injecting, "MOST_FAULTS", 2)
    for race in everywhere(injecting, counting):
        injector = Injector()
        injector._lock = TellingLock(race)
        for line in ("drop-after times=1", "clock-moved seconds=5"):
            injector.add(line)
        injector.meet(LIST)
        read, add = partial(injector.in_force, CLOCK), partial(injector.add, "tear")
        if (ended := race.run(read, add)) is None:
            break
        assert [fault.kind for fault in ended[0]] == ["clock-moved"], race.where


def test_whoever_is_to_know_is_told() -> None:
    """Of each fault that happens, with the request or place; what acts on a kind is called."""
    told, acted = [], []
    injector = Injector(tell=lambda fault, where: told.append((fault.kind, where)))
    injector.when("restart", acted.append)
    injector.add("restart after=1")
    injector.add("card-worn")
    for _ in range(3):
        injector.meet(LIST)
    injector.meet_at(CARD_WRITE)
    with injector.during(["nvmemfile_sign", "provisionLMS", "nvmemfile_sign"]):
        injector.meet_at(CARD_WRITE)
    assert told == [
        ("restart", "slot_list"),
        ("card-worn", "card write"),
        ("card-worn", "card write in nvmemfile_sign, provisionLMS"),
    ]
    assert acted == [Fault("restart", times=1, after=1)]


def test_one_is_cleared_by_its_number() -> None:
    """Numbers are never given twice."""
    injector = Injector()
    first, second = injector.add("drop-after"), injector.add("drop-before")
    assert (first.number, second.number) == (1, 2)
    assert injector.clear(1) == 1
    assert injector.clear(1) == 0
    assert [each.number for each in injector.listing()] == [2]
    assert injector.clear() == 1
    assert injector.add("drop-after").number == 3


def test_the_summary_says_what_may_still_happen() -> None:
    """Where nothing is injected, that it may be: nobody takes the machine for another one."""
    injector = Injector()
    assert injector.summary == "fault injection"
    injector.add("drop-after times=1")
    assert injector.summary == "1 fault"
    injector.add("drop-before on=provisionLMS")
    assert injector.summary == "2 faults"
    injector.meet(LIST)
    assert injector.summary == "1 fault"


def test_thousands_of_faults_are_refused_or_give_way() -> None:
    """Each costs every request a look. What happens no more makes room, the oldest first."""
    injector = Injector()
    for _ in range(MOST_FAULTS):
        injector.add("drop-after on=provisionLMS times=1")
    with pytest.raises(FaultError, match="clear some with: seemachine fault clear"):
        injector.add("drop-after")
    injector.meet(PROVISION)
    for number in range(3 * MOST_FAULTS):
        injector.meet(PROVISION)
        assert injector.add("drop-after on=provisionLMS times=1").number == MOST_FAULTS + 1 + number
    numbers = [each.number for each in injector.listing()]
    assert len(numbers) == MOST_FAULTS
    assert all(one < other for one, other in pairwise(numbers))


def test_threads_share_the_counts() -> None:
    """A hundred times are a hundred, whoever asks."""
    injector = Injector()
    injector.add("drop-after times=100 every=2")
    with ThreadPoolExecutor(4) as pool:
        happened = list(pool.map(lambda _: bool(injector.meet(LIST).faults), range(1000)))
    assert sum(happened) == 100
    assert injector.listing()[0].spent


def test_a_card_is_meant_by_name() -> None:
    """Another card meets nothing, and is not counted; without a name any is meant."""
    injector = Injector()
    injector.add("card-worn card=card2 times=1")
    assert injector.meet_at(CARD_WRITE, "card1") is None
    assert injector.listing()[0].met == 0
    assert injector.meet_at(CARD_WRITE, "card2") is not None
    injector.add("card-worn times=1")
    assert injector.meet_at(CARD_WRITE, "card1") is not None


def test_a_card_is_pulled_at_one_of_two_places() -> None:
    """After it was read, or where it is written."""
    injector = Injector()
    injector.add("card-pulled moment=read")
    assert injector.meet_at(CARD_WRITE, "card1") is None
    assert injector.meet_at(CARD_READ, "card1") is not None


def test_a_fault_of_state_is_meant_for_requests() -> None:
    """Of the thread that comes to its place; together with others, it is meant if one of them is.
    What is for none is not counted.
    """
    injector = Injector()
    injector.add("card-worn on=provisionLMS")
    other = ThreadPoolExecutor(1)
    for names, meets in (
        (["continueLMS_card_next"], False),
        (["nvmemfile_sign", "provisionLMS"], True),
        (["provisionLMS"], True),
    ):
        with injector.during(names):
            assert bool(injector.meet_at(CARD_WRITE)) is meets
            assert other.submit(injector.meet_at, CARD_WRITE).result() is None
            with injector.during(["slot_list"]):
                assert injector.meet_at(CARD_WRITE) is None
            assert bool(injector.meet_at(CARD_WRITE)) is meets
        assert injector.meet_at(CARD_WRITE) is None
    assert injector.listing()[0].met == 4
