"""A fleet in lines: for a screen of some height, or for whoever reads them all."""

import time
from collections.abc import Iterator, Sequence

from seemachine.frozen import frozen
from seemachine.state.errors import counted
from seemachine.watch.looks import DOWN, UP, MachineLook
from seemachine.watch.watched import Change, Holding, Key, Watched, described, seconds_left

GOOD, BAD, DIM, TITLE = "green", "red", "dim", "bold"
NOBODY = "no machine; start some with: seemachine fleet up"
BAR = 20
# With fewer columns bars and addresses are left out.
WIDE = 72
MOST_CHANGES = 8
UNITS = ((120.0, 1.0, "s"), (7200.0, 60.0, "min"), (172800.0, 3600.0, "h"))
DAY, ALWAYS_DAYS = 86400.0, 1000


@frozen
class Line:
    """A line, and how it looks: a style of rich, or none."""

    text: str
    style: str = ""


Section = list[Line]


@frozen
class Paper:
    """What lines are written for: how many columns there are, and whether blocks can be shown."""

    width: int = 80
    blocks: bool = True

    @property
    def wide(self) -> bool:
        """Whether there is room for bars and addresses."""
        return self.width >= WIDE

    def bar(self, left: int, size: int) -> str:
        """How much is left."""
        full = -(-BAR * left // size) if size else 0
        done, rest = ("█", "░") if self.blocks else ("#", ".")
        return done * full + rest * (BAR - full)


def sections(watched: Watched, changes: Sequence[Change], paper: Paper) -> list[Section]:
    """All that is known, the head first; none of them is empty."""
    found = [
        list(_head(watched)),
        list(_machines(watched, paper)),
        list(_keys(watched, paper)),
        list(_cards(watched)),
        list(_quarantine(watched)),
        list(_requests(watched)),
        list(_changes(changes)),
    ]
    return [section for section in found if section]


def fitted(whole: Sequence[Section], height: int) -> Section:
    """So many lines at most, with one between sections as far as there is room: the longest section
    loses its last lines first, and says how many.
    """
    kept = [len(section) for section in whole]
    while sum(kept) > height and max(kept) > 2:
        kept[kept.index(max(kept))] -= 1
    lines: Section = []
    spare = height - sum(kept)
    for number, (section, count) in enumerate(zip(whole, kept, strict=True)):
        if 0 < number <= spare:
            lines.append(Line(""))
        lines += _cut(section, count)
    return lines[:height]


def _cut(section: Section, count: int) -> Section:
    more = len(section) - count
    if not more:
        return section
    return [*section[: count - 1], Line(f"  and {more + 1} more", DIM)]


def burned_lines(watched: Watched) -> Iterator[str]:
    """A line for each key that leaves were used of since the look before."""
    for key in watched.keys:
        if key.file in watched.burned:
            yield f"{key.name}: {_of_key(key)}"


def clock(seconds: float) -> str:
    """Local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def span(seconds: float) -> str:
    """How long something takes, in the unit that suits it."""
    for most, size, unit in UNITS:
        if seconds < most:
            return f"{seconds / size:.0f} {unit}"
    days = seconds / DAY
    return f"{days:.0f} days" if days < ALWAYS_DAYS else "years"


def pace(rate: float) -> str:
    """Signatures in a second, a minute or an hour."""
    for size, unit in ((1.0, "s"), (60.0, "min")):
        if rate * size >= 1:
            return f"{rate * size:,.1f}/{unit}"
    return f"{rate * 3600:,.1f}/h"


def _of_key(key: Key) -> str:
    if key.size:
        return _left(key.left, key.size, key.rate)
    # What is out of reach, or on cards alone, is not gone.
    return "none can be used now" if key.holdings else "on no machine"


def _left(left: int, size: int, rate: float) -> str:
    parts = [f"{left:,} of {size:,} left"]
    seconds = seconds_left(left, rate)
    if seconds is not None:
        parts += [pace(rate), f"enough for {span(seconds)}"]
    return ", ".join(parts)


def _head(watched: Watched) -> Iterator[Line]:
    machines, states = watched.machines, dict[str, int]()
    for machine in machines:
        states[machine.state] = states.get(machine.state, 0) + 1
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items(), reverse=True))
    rate = sum(key.rate for key in watched.keys)
    signing = f"   {pace(rate)} signed" if rate else ""
    yield Line(f"{clock(watched.look.time)}   {told or NOBODY}{signing}", TITLE)
    if machines and states.get(DOWN) == len(machines):
        yield Line("none is up; start them with: seemachine fleet up", BAD)
    elif any(machine.state == DOWN and not machine.why for machine in machines):
        yield Line("not all are up; see why with: seemachine fleet status", BAD)
    seeds = sorted({machine.seed for machine in machines if machine.seed})
    if seeds:
        sentence = f"INSECURE: keys can be made again from the seed {', '.join(seeds)}"
        yield Line(sentence, BAD)
    if machines and not watched.look.supervised:
        yield Line("no supervisor: a machine that dies is not started again", BAD)


def _machines(watched: Watched, paper: Paper) -> Iterator[Line]:
    # First those that a person should see, for there may be hundreds.
    found = sorted(watched.machines, key=lambda each: each.state == UP and not each.faults)
    for machine in found:
        yield Line(_machine(machine, watched, paper), _style(machine))


def _style(machine: MachineLook) -> str:
    return BAD if machine.state != UP or machine.faults or machine.doubt else GOOD


def _machine(machine: MachineLook, watched: Watched, paper: Paper) -> str:
    times = watched.restarts.get(machine.esn, 0)
    parts = [
        f"{machine.module or '-':>5}  {machine.esn}  {machine.model:<2}  {machine.state:<8}",
        machine.address if paper.wide and machine.state == UP else "",
        f"started again: {times}" if times else "",
        f"faults: {machine.faults}" if machine.faults else "",
        machine.why or machine.doubt,
    ]
    return "  ".join(filter(None, parts)).rstrip()


def _keys(watched: Watched, paper: Paper) -> Iterator[Line]:
    for key in watched.keys:
        alone = len(key.holdings) == 1
        cards = f"; {_on_cards(key)}" if key.leases else ""
        yield Line(f"{key.name}: {_of_key(key)}{cards}", TITLE)
        for each in key.holdings:
            yield Line(_holding(each, paper, alone=alone), "" if each.usable else DIM)


def _on_cards(key: Key) -> str:
    return f"{counted(key.leases, 'lease')} on {counted(key.cards, 'card')}"


def _holding(each: Holding, paper: Paper, *, alone: bool) -> str:
    info = each.info
    size = info.end - info.first
    bar = f"{paper.bar(info.remaining, size)}  " if paper.wide else ""
    why = "" if each.usable else _why_not(each)
    # What the line above says already of a key that is in one place.
    left = "" if alone and each.usable else _left(info.remaining, size, each.rate)
    return f"    {each.esn}  {bar}{left}{why}".rstrip()


def _why_not(each: Holding) -> str:
    if each.info.quarantined:
        return ", in quarantine"
    return ", of another signer" if each.info.foreign else ", not reachable"


def _cards(watched: Watched) -> Iterator[Line]:
    for machine in watched.machines:
        if machine.slots:
            found = "; ".join(f"slot {slot.slot} {described(slot)}" for slot in machine.slots)
            yield Line(f"cards of {machine.esn}: {found}")


def _quarantine(watched: Watched) -> Iterator[Line]:
    for machine in watched.machines:
        for suspect in machine.suspects:
            name = watched.name_of(suspect.file) if suspect.file else suspect.label
            what = f"quarantine of {machine.esn}: {name}: {suspect.reason}"
            yield Line(what, BAD)


def _requests(watched: Watched) -> Iterator[Line]:
    asked = watched.asked
    if asked is None and any(machine.state == UP for machine in watched.machines):
        yield Line("requests are not counted: no log of these machines is here", DIM)
    if not asked:
        return
    counts: dict[str, int] = {}
    for each in asked:
        counts[each.command] = counts.get(each.command, 0) + 1
    most = sorted(counts.items(), key=lambda pair: -pair[1])
    told = ", ".join(f"{count:,} {command}" for command, count in most)
    yield Line(f"requests of the last minute: {told}")
    refusals = [each for each in asked if not each.done]
    if refusals:
        last = refusals[-1]
        what = f"{len(refusals):,} refused, the last: {last.command} of {last.esn}: {last.status}"
        yield Line(f"    {what}", BAD)


def _changes(changes: Sequence[Change]) -> Iterator[Line]:
    for each in changes[-MOST_CHANGES:]:
        yield Line(f"{clock(each.time)}  {each.sentence}", BAD if each.bad else "")
