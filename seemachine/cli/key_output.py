"""How `seemachine key` shows keys and what became of one: lines, and documents."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from seeclient.algorithms.mldsa.keyfile import MldsaKeyFile

from seemachine.cli.columns import in_columns
from seemachine.fleet.keys import LMS, Ended, KeyView
from seemachine.state.cards.rack import Whereabouts
from seemachine.state.errors import counted
from seemachine.wire.messages import NvmemfileInfo

LEAST_WIDTHS = (16, 25, 28)


def rows(views: Sequence[KeyView], silent: Sequence[str]) -> Iterator[str]:
    """A list of keys, one a line; `silent` machines may have more of each."""
    cells = [
        (view.alias or "-", view.nvram_file or "-", _left(view, whole=not silent)) for view in views
    ]
    for view, line in zip(views, in_columns(cells, LEAST_WIDTHS), strict=True):
        mark = "INSECURE " if view.marked else ""
        yield f"{line} {mark}{view.problem or _made(view)}".rstrip()


def lines(view: KeyView) -> Iterator[str]:
    """What there is of a key."""
    yield ", ".join(filter(None, (f"{view.name}: {_algorithm(view)}", _made(view))))
    if isinstance(view.file, MldsaKeyFile):
        cards = f", protected by the card set {view.file.token}" if view.file.cardset else ""
        yield f"  {view.file.parameters.name}{cards}"
    if view.marked:
        yield "  INSECURE: it is of a seeded world, and anybody can make it again"
    yield f"  public key {view.public_key.hex()}"
    yield f"  key file {view.alias}" if view.file else "  no key file on this host"
    for esn, info in view.nvram.items():
        yield f"  {esn}: {_signatures(info)} in NVRAM file {view.nvram_file}"
    for card in view.cards:
        yield f"  {_card(card)}"


def done_lines(ended: Ended) -> Iterator[str]:
    """What became of it."""
    for esn, lost in ended.machines.lost.items():
        also = ", and it was half-made there" if esn in ended.machines.half_made else ""
        yield f"{esn}: {counted(lost, 'signature')} destroyed{also}"
    for name in ended.wiped:
        yield f"{name} is blank"
    for alias in ended.machines.aliases:
        yield f"key file {alias} is gone"


def end_line(view: KeyView) -> str:
    """That it is destroyed, and what is left of it in any case."""
    left = (
        "whoever has a copy of its key file can still sign with it"
        if view.signs_anywhere
        else "the ledgers keep what was signed with it"
    )
    return f"{view.name} is destroyed; {left}"


def left_lines(view: KeyView, ended: Ended) -> Iterator[str]:
    """What is left of it where, or may be."""
    for esn, refused in ended.machines.refused.items():
        yield f"left: {esn} refuses: {refused.detail}"
    for card in ended.cards:
        yield f"left: {_card(card)}; put it into a slot, and make it blank with card format"
    for sentence in ended.silent:
        yield f"left, perhaps: {sentence}; later: seemachine key destroy {view.nvram_file}"


def view_json(view: KeyView) -> dict[str, Any]:
    """One key."""
    made = view.file.made if view.file else None
    return {
        "alias": view.alias or None,
        "algorithm": _algorithm(view),
        "public_key": view.public_key.hex(),
        "nvram_file": view.nvram_file or None,
        "made": made._asdict() if made else None,
        "problem": view.problem or None,
        "insecure": view.marked,
        "machines": [
            {"esn": esn, "remaining": info.remaining, "quarantined": info.quarantined}
            for esn, info in view.nvram.items()
        ],
        "cards": list(map(_card_json, view.cards)),
    }


def ended_json(view: KeyView, ended: Ended) -> dict[str, Any]:
    """What became of a key."""
    machines = ended.machines
    return {
        "name": view.name,
        "nvram_file": view.nvram_file,
        "machines": [
            {"esn": esn, "lost": lost, "half_made": esn in machines.half_made}
            for esn, lost in machines.lost.items()
        ],
        "blank": list(ended.wiped),
        "key_files": list(machines.aliases),
        "refused": [
            {"esn": esn, "detail": error.detail} for esn, error in machines.refused.items()
        ],
        "cards": list(map(_card_json, ended.cards)),
        "unreachable": list(ended.silent),
    }


def _algorithm(view: KeyView) -> str:
    return view.file.algorithm if view.file else LMS if view.public_key else "unknown"


def _made(view: KeyView) -> str:
    made = view.file.made if view.file else None
    if made is None:
        return ""
    # Whatever a key file says: one beyond the calendar is not one.
    when = dt.datetime.fromtimestamp(min(made.time, 253402300799999) / 1000, dt.UTC)
    by = f" by {made.by}" if made.by else ""
    return f"made {when.isoformat(' ', 'minutes')}{by} on {made.esn}"


def _signatures(info: NvmemfileInfo) -> str:
    return counted(info.remaining, "signature") + (", in quarantine," if info.quarantined else "")


def _left(view: KeyView, *, whole: bool) -> str:
    if view.problem:
        return "can't be read"
    if view.signs_anywhere:
        return "signs without limit"
    held = sum(info.remaining for info in view.nvram.values() if not info.quarantined)
    barred = sum(info.remaining for info in view.nvram.values() if info.quarantined)
    leases = sum(card.leases for card in view.cards)
    on = f"{counted(leases, 'lease')} on {counted(len(view.cards), 'card')}"
    parts = [counted(held, "signature")] * bool(held)
    parts += [f"{counted(barred, 'signature')} in quarantine"] * bool(barred)
    parts += [on] * bool(leases)
    if whole:
        return ", ".join(parts) or "nothing left"
    return f"at least {', '.join(parts)}" if parts else "not known"


def _card(card: Whereabouts) -> str:
    place = f"in slot {card.slot} of {card.esn}" if card.esn else "on the rack"
    return f"{card.card}: {counted(card.leases, 'lease')}, {place}"


def _card_json(card: Whereabouts) -> dict[str, Any]:
    slot = card.slot if card.esn else None
    return {"card": card.card, "leases": card.leases, "esn": card.esn or None, "slot": slot}
