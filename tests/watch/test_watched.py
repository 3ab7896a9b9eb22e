"""watched.py: what is known of a fleet over time."""

import pytest
from watch.looking import (
    CARD,
    ESN,
    FILE,
    OTHER_ESN,
    OTHER_FILE,
    down,
    info,
    look,
    sentences,
    up,
    watched,
)

from seemachine.frozen import replace
from seemachine.watch.burning import WINDOW_SECONDS
from seemachine.watch.looks import Asked
from seemachine.watch.watched import LATELY_SECONDS, seconds_left


def test_leaves_burn_down_at_a_rate():
    """Of one machine, of a key on several, and how long they last."""
    fleet = watched(up(files=(info(0),)), up(OTHER_ESN, files=(info(0),)))
    assert sentences(fleet, 2, up(files=(info(8),)), up(OTHER_ESN, files=(info(4),))) == []
    [key] = fleet.keys
    assert (key.name, key.left, key.size, key.rate) == ("release", 52, 64, 6.0)
    assert [each.rate for each in key.holdings] == [4.0, 2.0]
    assert seconds_left(key.left, key.rate) == pytest.approx(52 / 6)
    assert fleet.burned == {FILE}


def test_a_rate_is_that_of_lately():
    """Once nothing is signed it goes down to nothing, and no time is left that could be told."""
    fleet = watched(up(files=(info(0),)))
    for at in range(1, 11):
        sentences(fleet, at, up(files=(info(at),)))
    assert fleet.keys[0].rate == 1.0
    for at in range(11, 12 + int(WINDOW_SECONDS)):
        sentences(fleet, at, up(files=(info(10),)))
    assert fleet.keys[0].rate == 0.0
    assert not fleet.burned
    assert seconds_left(22, 0.0) is None


def test_another_lease_is_not_taken_for_leaves_that_came_back():
    """What is used of it counts on; what became of the rest of the lease before nobody saw."""
    fleet = watched(up(files=(info(6, 0, 8),)))
    came = sentences(fleet, 1, up(files=(info(10, 8, 16),)))
    assert came == [f"release: leaves 8 to 15 came to {ESN} (8)"]
    assert fleet.keys[0].rate == 2.0


def test_a_file_that_was_put_back_has_no_negative_rate():
    """A machine that goes back is no burning of leaves; quarantine tells of it."""
    fleet = watched(up(files=(info(6),)))
    sentences(fleet, 1, up(files=(info(2),)))
    assert fleet.keys[0].rate == 0.0


def test_the_last_signature_and_the_threshold_are_told():
    """Each once."""
    fleet = watched(up(files=(info(0, warnat=4),)))
    assert sentences(fleet, 1, up(files=(info(28, warnat=4),))) == [
        f"release: 4 left on {ESN}, each needs an acknowledgement"
    ]
    assert sentences(fleet, 2, up(files=(info(30, warnat=4),))) == []
    assert sentences(fleet, 3, up(files=(info(32, warnat=4),))) == [
        f"release: the last signature of its lease on {ESN} is used"
    ]
    assert sentences(fleet, 4, up(files=(info(32, warnat=4),))) == []


def test_a_machine_that_goes_down_is_remembered():
    """With what it had, which can't be used; it is told when it is up again, and how often."""
    machine = up(files=(info(3),), slots=(CARD,))
    fleet = watched(machine)
    assert sentences(fleet, 1, down(machine, why="no licence")) == [f"{ESN} is down: no licence"]
    [key] = fleet.keys
    assert (key.left, key.holdings[0].info.remaining, key.holdings[0].usable) == (0, 29, False)
    assert sentences(fleet, 2, down(machine, "starting")) == []
    assert sentences(fleet, 3, down(machine, "starting")) == [f"{ESN} is starting"]
    again = replace(machine, opening=b"2")
    assert sentences(fleet, 4, again) == [f"{ESN} was started again"]
    assert (fleet.keys[0].left, fleet.restarts) == (29, {ESN: 1})


def test_a_restart_is_one_sentence():
    """Seen or not while it starts; it is bad news where nobody heard of its end."""
    machine, others = up(), [replace(up(), opening=opening) for opening in (b"2", b"3", b"4")]
    fleet = watched(machine)
    for at, between in ((1, None), (2, "starting"), (4, "down")):
        end = sentences(fleet, at, down(machine, between)) if between else []
        assert end == ([f"{ESN} is down"] if between == "down" else [])
        [change] = fleet.take(look(at + 1, others.pop(0)))
        assert (change.sentence, change.bad) == (f"{ESN} was started again", between != "down")
    assert fleet.restarts == {ESN: 3}


def test_a_machine_that_is_silent_keeps_its_name():
    """It runs, and does not answer; its leaves may be burning all the same."""
    machine = up(files=(info(3),))
    fleet = watched(machine)
    assert sentences(fleet, 1, down(machine, "silent", "no answer within 3 s")) == [
        f"{ESN} is silent: no answer within 3 s"
    ]
    assert sentences(fleet, 2, up(files=(info(9),))) == [f"{ESN} is up again"]
    assert fleet.restarts == {}
    assert fleet.keys[0].rate == 3.0


def test_machines_come_and_go():
    """Those of no module number stand last."""
    fleet = watched(up())
    assert sentences(fleet, 1, up(), up(OTHER_ESN, module=0)) == [f"{OTHER_ESN} is up"]
    assert [machine.esn for machine in fleet.machines] == [ESN, OTHER_ESN]
    assert sentences(fleet, 2, up(OTHER_ESN, module=0)) == [f"{ESN} is gone"]


def test_cards_come_change_and_leave():
    """The same card in the same slot is another one once it was taken out."""
    fleet = watched(up())
    assert sentences(fleet, 1, up(slots=(CARD,))) == [
        f"{ESN}: card1 (lms, 3 leases) came into slot 2"
    ]
    less = replace(CARD, leases=1)
    assert sentences(fleet, 2, up(slots=(less,))) == [f"{ESN}: slot 2 has card1 (lms, 1 lease)"]
    assert sentences(fleet, 3, up(slots=(replace(less, ic=2),))) == [
        f"{ESN}: card1 (lms, 1 lease) came into slot 2",
        f"{ESN}: card1 left slot 2",
    ]
    assert sentences(fleet, 4, up()) == [f"{ESN}: card1 left slot 2"]


def test_what_a_person_has_to_see_is_told():
    """Quarantine, doubts, faults, and an NVRAM file that is gone; it is bad, but for its end."""
    fleet = watched(up(files=(info(0),)))
    quarantined = up(files=(info(0, quarantined=True),), faults="1 fault", doubt="a copy")
    assert sentences(fleet, 1, quarantined) == [
        f"{ESN} has faults: 1 fault",
        f"release: in quarantine on {ESN}",
        f"{ESN}: a copy",
    ]
    assert fleet.keys[0].left == 0
    assert sentences(fleet, 2, up()) == [
        f"{ESN} has no faults any more",
        f"release: nothing is left of it on {ESN}",
    ]


def test_keys_that_have_a_name_stand_first():
    """Others are called by their NVRAM file; leaves that are on cards alone count, too."""
    machine = up(files=(info(0, file=b"lms00000000"), info(0, file=OTHER_FILE)))
    fleet = watched(machine, leases={FILE: (3, 1)})
    assert [key.name for key in fleet.keys] == ["other", "release", "6c6d7330:30303030:303030"]
    assert (fleet.keys[1].leases, fleet.keys[1].cards, fleet.keys[1].holdings) == (3, 1, [])


def test_a_key_that_was_destroyed_keeps_its_name():
    """Its file is gone when its leaves are."""
    fleet = watched(up(files=(info(0),)))
    assert sentences(fleet, 1, up(), aliases={}) == [f"release: nothing is left of it on {ESN}"]


def test_refusals_are_told():
    """Each kind once in a look."""
    ok, failed = (Asked(ESN, "nvmemfile_sign", status, 0.1) for status in ("OK", "Failed"))
    fleet = watched(up())
    assert sentences(fleet, 1, up(), asked=[failed, ok, failed]) == [
        f"{ESN}: nvmemfile_sign refused: Failed, 2 times"
    ]
    assert sentences(fleet, 2, up(), asked=[failed]) == [f"{ESN}: nvmemfile_sign refused: Failed"]


def test_requests_are_counted_for_a_minute():
    """Where there is no log nobody knows."""
    one, other = (Asked(ESN, "generateLMS", status, 0.1) for status in ("OK", "Failed"))
    fleet = watched(up(), asked=[one])
    assert fleet.asked == [one]
    sentences(fleet, LATELY_SECONDS, up(), asked=[other])
    assert fleet.asked == [one, other]
    sentences(fleet, LATELY_SECONDS + 1, up(), asked=[])
    assert fleet.asked == [other]
    sentences(fleet, LATELY_SECONDS + 2, up())
    assert fleet.asked is None
