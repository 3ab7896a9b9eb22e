"""A fleet in lines: for a screen of some height, or for whoever reads them all."""

from collections.abc import Iterator, Sequence

from seemachine.watch.key_lines import key_lines
from seemachine.watch.looks import DOWN, UP, MachineLook
from seemachine.watch.paper import BAD, DIM, GOOD, TITLE, Line, Paper, Section
from seemachine.watch.units import clock, pace
from seemachine.watch.watched import Change, Watched, described

NOBODY = "no machine; start some with: seemachine fleet up"
MOST_CHANGES = 8


def sections(watched: Watched, changes: Sequence[Change], paper: Paper) -> list[Section]:
    """All that is known, the head first; none of them is empty."""
    found = [
        list(_head(watched)),
        list(_machines(watched, paper)),
        list(key_lines(watched, paper)),
        list(_cards(watched)),
        list(_quarantine(watched)),
        list(_requests(watched)),
        list(_changes(changes)),
    ]
    return [section for section in found if section]


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
    found = sorted(watched.machines, key=lambda each: each.state == UP and not each.wrong)
    for machine in found:
        yield Line(_machine(machine, watched, paper), _style(machine))


def _style(machine: MachineLook) -> str:
    return BAD if machine.state != UP or machine.wrong or machine.doubt else GOOD


def _machine(machine: MachineLook, watched: Watched, paper: Paper) -> str:
    times = watched.restarts.get(machine.esn, 0)
    parts = [
        f"{machine.module or '-':>5}  {machine.esn}  {machine.model:<2}  {machine.state:<8}",
        machine.address if paper.wide and machine.state == UP else "",
        f"started again: {times}" if times else "",
        machine.slow,
        f"faults: {machine.wrong}" if machine.wrong else "",
        machine.why or machine.doubt,
    ]
    return "  ".join(filter(None, parts)).rstrip()


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
