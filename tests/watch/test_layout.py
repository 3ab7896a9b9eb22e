"""layout.py: a fleet in lines."""

import pytest
from watch.looking import CARD, ESN, FILE, OTHER_ESN, down, info, sentences, up, watched

from seemachine.frozen import replace
from seemachine.watch.key_lines import burned_lines
from seemachine.watch.layout import sections
from seemachine.watch.looks import Asked
from seemachine.watch.paper import Line, Paper, fitted
from seemachine.watch.units import pace, span
from seemachine.watch.watched import Change
from seemachine.wire.messages import Suspect

WIDE = Paper(80, blocks=False)


def lines(fleet, changes=(), paper=WIDE):
    """All of them, without the time of day."""
    found = [line.text for section in sections(fleet, changes, paper) for line in section]
    return [found[0].partition("   ")[2], *found[1:]]


def test_all_that_is_known_of_a_fleet():
    """Machines, keys with what is left and where, cards, quarantine, requests, what changed."""
    other = up(OTHER_ESN, files=(info(16, quarantined=True),), faults="2 faults", seed="7")
    fleet = watched(
        up(files=(info(0),), slots=(CARD,)),
        other,
        leases={FILE: (3, 1)},
        asked=[Asked(ESN, "nvmemfile_sign", status, 0.1) for status in ("OK", "OK", "Failed")],
        supervised=False,
    )
    suspect = Suspect(file=FILE, label="", first=0, next=16, end=32, reason="a copy")
    sentences(
        fleet,
        2,
        up(files=(info(8),), slots=(CARD,)),
        replace(other, suspects=(suspect,)),
        leases={FILE: (3, 1)},
        asked=[],
        supervised=False,
    )
    changes = [Change(0, "it was so", bad=True)]
    assert lines(fleet, changes)[:-1] == [
        "2 up   4.0/s signed",
        "INSECURE: keys can be made again from the seed 7",
        "no supervisor: a machine that dies is not started again",
        f"    2  {OTHER_ESN}  5c  up        127.0.0.1:8888  faults: 2 faults",
        f"    1  {ESN}  5c  up        127.0.0.1:8888",
        "release: 24 of 32 left, 4.0/s, enough for 6 s; 3 leases on 1 card",
        f"    {ESN}  ###############.....  24 of 32 left, 4.0/s, enough for 6 s",
        f"    {OTHER_ESN}  ##########..........  16 of 32 left, in quarantine",
        f"cards of {ESN}: slot 2 card1 (lms, 3 leases)",
        f"quarantine of {OTHER_ESN}: release: a copy",
        "requests of the last minute: 3 nvmemfile_sign",
        f"    1 refused, the last: nvmemfile_sign of {ESN}: Failed",
    ]
    assert lines(fleet, changes)[-1].endswith("  it was so")
    assert list(burned_lines(fleet)) == ["release: 24 of 32 left, 4.0/s, enough for 6 s"]


def test_a_fleet_that_is_down_says_how_it_starts():
    """Where none of its machines is up."""
    assert "none is up; start them with: seemachine fleet up" in lines(watched(down(up())))
    mixed = lines(watched(down(up()), up(OTHER_ESN)))
    assert mixed[:2] == ["1 up, 1 down", "not all are up; see why with: seemachine fleet status"]
    told = (watched(up()), watched(up(), down(up(OTHER_ESN), "silent", "no answer within 3 s")))
    assert not [line for fleet in told for line in lines(fleet) if "see why" in line]


def test_requests_that_nobody_counts_are_not_passed_over():
    """Without a log it is said that there is none; of a log that has none, nothing."""
    told = "requests are not counted: no log of these machines is here"
    assert lines(watched(up()))[-1] == told
    assert told not in lines(watched(up(), asked=[]))


def test_a_machine_that_is_down_says_why():
    """What it holds is not there to be used."""
    machine = up(files=(info(0),))
    fleet = watched(machine)
    sentences(fleet, 1, down(machine, why="no licence"))
    assert lines(fleet) == [
        "1 down",
        "none is up; start them with: seemachine fleet up",
        f"    1  {ESN}  5c  down      no licence",
        "release: none can be used now",
        f"    {ESN}  ####################  32 of 32 left, not reachable",
    ]


def test_what_is_left_but_out_of_reach_is_not_called_gone():
    """Nor what is on cards alone; what is used up is."""
    cases = {
        "none can be used now": watched(up(files=(info(0, quarantined=True),))),
        "on no machine; 3 leases on 1 card": watched(up(), leases={FILE: (3, 1)}),
        "0 of 32 left": watched(up(files=(info(32),))),
    }
    for told, fleet in cases.items():
        assert f"release: {told}" in lines(fleet)


def test_a_narrow_terminal_has_bars_or_words():
    """Not both, nor addresses; no line is without what counts. A bar fits the room that is left."""
    alone = watched(up(files=(info(16),)))
    for width, bar in ((40, "#" * 10 + "." * 10), (30, "#" * 5 + "." * 5)):
        assert f"    {ESN}  {bar}" in lines(alone, paper=Paper(width, blocks=False))
    fleet = watched(up(files=(info(0),)), up(OTHER_ESN, files=(info(0),)))
    found = lines(fleet, paper=Paper(30))
    assert f"    1  {ESN}  5c  up" in found
    assert f"    {ESN}  32 of 32 left" in found


def test_keys_that_are_nowhere_stand_first():
    """Used up, for a person has to see to it; or not known, while a machine does not answer. Of a
    fleet that is not a whole world nothing of the kind can be told.
    """
    names = {"aliases": {FILE: "release", b"gone": "old", b"lost": "older"}}
    machine = up(files=(info(0),))
    silent = down(up(OTHER_ESN), "silent")
    third = down(up("0000-0000-0001"))
    cases = [
        ([machine], {}, "nothing left: old, older", "red"),
        ([machine, silent], {}, f"not known, since {OTHER_ESN} is silent: old, older", "red"),
        ([silent, third], {}, "not known, since 2 machines do not answer: ", "red"),
        ([machine], {"whole": False}, "on none of these machines: old, older", "dim"),
    ]
    for machines, more, told, style in cases:
        found = sections(watched(*machines, **names, **more), (), WIDE)[2]
        assert found[0].text.startswith(told)
        assert found[0].style == style
        assert not [line for line in found[1:] if "old" in line.text]


def test_a_machine_that_was_seen_once_still_has_what_it_had():
    """It does not answer any more: what only it has is out of reach, what nobody has is used up."""
    machine = up(files=(info(0),))
    names = {"aliases": {FILE: "release", b"gone": "old"}}
    fleet = watched(machine, **names)
    sentences(fleet, 1, down(machine, "silent"), **names)
    assert lines(fleet)[-3:-1] == ["nothing left: old", "release: none can be used now"]


def test_a_key_that_signs_no_more_is_red():
    """Whatever the reason; one that rests on cards is not."""
    used, barred = up(files=(info(32),)), up(files=(info(0, quarantined=True),))
    for fleet, style in [
        (watched(used), "red"),
        (watched(barred), "red"),
        (watched(up(files=(info(31),))), "bold"),
        (watched(up(), leases={FILE: (3, 1)}), "bold"),
    ]:
        assert sections(fleet, (), WIDE)[2][0].style == style


def test_slow_is_not_wrong():
    """A machine with latency is well; faults are named, or counted where nobody names them."""
    slow, both = "latency 5c", "latency 5c; 1 fault"
    for told, style, more in [
        (slow, "green", {"faults": "latency 5c"}),
        (f"{slow}  faults: 1 fault", "red", {"faults": both}),
        (
            f"{slow}  faults: delay seconds=1",
            "red",
            {"faults": both, "injected": ["delay seconds=1"]},
        ),
    ]:
        [line] = sections(watched(up(**more)), (), WIDE)[1]
        assert line.text.endswith(f"127.0.0.1:8888  {told}")
        assert line.style == style


def test_nobody_is_there():
    """A fleet that is down and published nothing."""
    assert lines(watched()) == ["no machine; start some with: seemachine fleet up"]


@pytest.mark.parametrize("height", range(1, 60))
def test_a_screen_is_never_too_low(height):
    """Each section keeps its first lines as far as there is room; what is left out is counted."""
    machines = [up(f"{number:04}-0000-0000", module=number) for number in range(1, 101)]
    fleet = watched(*machines, up(files=(info(0),), module=200))
    found = fitted(sections(fleet, [Change(0, "once")] * 9, WIDE), height)
    assert len(found) <= height
    assert all(isinstance(line, Line) for line in found)
    if height >= 12:
        texts = [line.text for line in found]
        assert any(text.startswith("release: ") for text in texts)
        shown = sum("  5c  up" in text for text in texts)
        assert f"  and {101 - shown} more" in texts
        assert texts.count("") <= 3


def test_spans_and_paces_have_fitting_units():
    """As people say them."""
    assert [span(each) for each in (0.4, 119, 120, 7199, 7200, 172800, 1e12)] == [
        *("0 s", "119 s", "2 min", "120 min", "2 h", "2 days", "years"),
    ]
    assert [pace(each) for each in (1234.56, 1, 0.5, 0.001)] == [
        *("1,234.6/s", "1.0/s", "30.0/min", "3.6/h"),
    ]


def test_bars_show_the_first_leaf_and_the_last():
    """Full is full; something is left until nothing is."""
    assert [WIDE.bar(left, 1000) for left in (1000, 996, 1, 0)] == [
        "#" * 20,
        "#" * 19 + ".",
        "#" + "." * 19,
        "." * 20,
    ]
    assert Paper(80).bar(1, 2) == "█" * 10 + "░" * 10
    assert WIDE.bar(0, 0) == "." * 20
