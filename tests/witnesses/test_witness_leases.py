"""How far a lease may be used before the database knows more: exactly as far as asked at rest, in
growing steps in heavy use.
"""

import pytest

from seemachine.state.witness.protocol import Use
from seemachine.witnesses.leases import MOST_AHEAD, LeaseRow, Leases

NAME = b"n" * 11
END = 1 << 20


def use(following, first=0, end=END):
    """Leaves up to `following`."""
    return Use(NAME, first, following, end)


def sign(leases, following):
    """A signature: asked for if need be, taken, and noted. Returns what was asked for."""
    notes = leases.wanted([use(following)])
    leases.allow(notes)
    assert leases.take([use(following)])
    leases.note(NAME, 0, following)
    return notes


def beat(leases):
    """A beat that reaches the database. Returns what it was told."""
    notes = leases.beat()
    leases.written(notes)
    return notes


@pytest.fixture
def leases():
    """A lease that came in."""
    leases = Leases()
    leases.claimed(NAME, 0, END)
    return leases


def test_nothing_is_taken_that_was_not_allowed(leases):
    """Not even the first leaf; of several leases all or none."""
    assert not leases.take([use(1)])
    leases.allow(leases.wanted([use(1)]))
    assert not leases.take([use(1), use(1, first=64)])
    assert leases.take([use(1)])
    assert not leases.take([use(2)])


def test_who_signs_now_and_then_asks_for_one_leaf_at_a_time(leases):
    """With a rest of a few beats in between nothing is ever ahead, and a kill loses nothing."""
    for following in range(1, 6):
        assert sign(leases, following) == [LeaseRow(NAME, 0, following - 1, following, END)]
        beat(leases)
        beat(leases)
        assert leases.beat() == []


def test_who_signs_a_lot_asks_for_more_each_time_up_to_a_bound(leases):
    """A thousand signatures within a beat cost a dozen questions, and never more than the bound is
    ahead.
    """
    asked = [notes[0] for following in range(1, 1001) if (notes := sign(leases, following))]

    assert len(asked) < 15
    assert max(note.ahead - note.next for note in asked) == MOST_AHEAD + 1


def test_what_is_not_used_is_given_back(leases):
    """After a beat in which it rested the database knows exactly where it stands, and more has to
    be asked for anew.
    """
    for following in range(1, 50):
        sign(leases, following)
    beat(leases)
    [note] = beat(leases)

    assert note == LeaseRow(NAME, 0, 49, 49, END)
    assert not leases.take([use(50)])


def test_what_is_being_used_is_not_given_back(leases):
    """Between taking and noting a leaf a beat may come."""
    for following in range(1, 5):
        sign(leases, following)
    leases.allow([LeaseRow(NAME, 0, 4, 9, END)])
    assert leases.take([use(6)])
    beat(leases)
    [note] = beat(leases)

    assert note == LeaseRow(NAME, 0, 4, 6, END)


def test_no_more_is_asked_for_than_the_lease_has(leases):
    """The end of it is the end."""
    for following in range(1, 4):
        leases.allow(leases.wanted([use(following, end=4)]))
    [note] = leases.wanted([use(4, end=4)]) or [LeaseRow(NAME, 0, 0, 4, END)]

    assert note.ahead == 4


def test_an_earlier_opening_is_not_forgotten(leases):
    """What it may have used stays known as that, also at an end at which the lease went
    no further.
    """
    leases.recall(NAME, 64, used=70, ahead=75)
    leases.note(NAME, 64, 72)

    assert leases.floor(NAME, 64) == 75
    assert leases.used(NAME) == {0: 0, 64: 72}
    assert leases.end() == [LeaseRow(NAME, 64, 72, 75)]


def test_after_a_loss_all_is_told_again(leases):
    """A database that may have lost something gets every lease."""
    sign(leases, 3)
    beat(leases)
    beat(leases)
    assert leases.beat() == []

    assert leases.all() == [LeaseRow(NAME, 0, 3, 3, END)]
