"""What is left of each key, and where."""

from collections.abc import Iterator
from operator import attrgetter

from seemachine.state.errors import counted
from seemachine.watch.paper import BAD, DIM, TITLE, Line, Paper
from seemachine.watch.units import pace, span
from seemachine.watch.watched import Holding, Key, Watched, seconds_left


def key_lines(watched: Watched, paper: Paper) -> Iterator[Line]:
    """Of all keys: those that nothing was found of stand first."""
    yield from _nowhere(watched)
    for key in filter(attrgetter("found"), watched.keys):
        alone = len(key.holdings) == 1
        cards = f"; {_on_cards(key)}" if key.leases else ""
        style = TITLE if key.left or not key.holdings else BAD
        yield Line(f"{key.name}: {_of_key(key, watched)}{cards}", style)
        for each in key.holdings:
            yield Line(_holding(each, paper, alone=alone), "" if each.usable else DIM)


def _nowhere(watched: Watched) -> Iterator[Line]:
    """Keys that nothing was found of, and whether that is their end."""
    names = [key.name for key in watched.keys if not key.found]
    unseen = watched.unseen
    if len(unseen) == 1:
        told = f"not known, since {unseen[0].esn} is {unseen[0].state}"
    elif unseen:
        told = f"not known, since {len(unseen)} machines do not answer"
    else:
        told = "nothing left" if watched.look.whole else "on none of these machines"
    if names:
        yield Line(f"{told}: {', '.join(names)}", BAD if watched.look.whole else DIM)


def _on_cards(key: Key) -> str:
    return f"{counted(key.leases, 'lease')} on {counted(key.cards, 'card')}"


def _holding(each: Holding, paper: Paper, *, alone: bool) -> str:
    info = each.info
    size = info.end - info.first
    is_told = alone and each.usable
    bar = f"{paper.bar(info.remaining, size)}  " if paper.wide or is_told else ""
    why = "" if each.usable else _why_not(each)
    # What the line above says already of a key that is in one place.
    left = "" if is_told else _left(info.remaining, size, each.rate)
    return f"    {each.esn}  {bar}{left}{why}".rstrip()


def _why_not(each: Holding) -> str:
    if each.info.quarantined:
        return ", in quarantine"
    return ", of another signer" if each.info.foreign else ", not reachable"


def burned_lines(watched: Watched) -> Iterator[str]:
    """A line for each key that leaves were used of since the look before."""
    for key in watched.keys:
        if key.file in watched.burned:
            yield f"{key.name}: {_of_key(key, watched)}"


def _of_key(key: Key, watched: Watched) -> str:
    if key.size:
        return _left(key.left, key.size, key.rate)
    # What is out of reach, or on cards alone, is not gone.
    if key.holdings:
        return "none can be used now"
    return "on no machine that answers" if watched.unseen else "on no machine"


def _left(left: int, size: int, rate: float) -> str:
    parts = [f"{left:,} of {size:,} left"]
    seconds = seconds_left(left, rate)
    if seconds is not None:
        parts += [pace(rate), f"enough for {span(seconds)}"]
    return ", ".join(parts)
