"""Looks at fleets that are nowhere."""

from typing import Any

from seemachine.frozen import replace
from seemachine.testing import ESN, OTHER_ESN
from seemachine.watch.looks import UP, FleetLook, MachineLook
from seemachine.watch.watched import Watched
from seemachine.wire.messages import NvmemfileInfo, Slot

FILE, OTHER_FILE = b"lms00000001", b"lms00000002"
CARD = Slot(slot=2, ic=1, kind="lms", card="card1", leases=3)


def info(next_leaf: int = 0, first: int = 0, end: int = 32, **more: Any) -> NvmemfileInfo:
    """An NVRAM file of a key of 32 leaves."""
    given = {"file": FILE, "public_key": bytes(56), "loaded": True, "quarantined": False}
    return NvmemfileInfo(first=first, next=next_leaf, end=end, **given | more)


def up(esn: str = ESN, **more: Any) -> MachineLook:
    """A machine that answers."""
    module = 1 if esn == ESN else 2
    given = {"model": "5c", "module": module, "address": "127.0.0.1:8888", "opening": b"1"}
    return MachineLook(esn, UP, **given | more)


def look(at: float, *machines: MachineLook, **more: Any) -> FleetLook:
    """At a fleet, so many seconds after the first look."""
    found = {each.file for machine in machines for each in machine.files}
    held = {*found, *more.get("leases", ())}
    aliases = {FILE: "release", OTHER_FILE: "other"}
    aliases = {file: name for file, name in aliases.items() if file in held}
    return FleetLook(at, 1e9 + at, machines, **{"aliases": aliases, **more})


def sentences(watched: Watched, *given: Any, **more: Any) -> list[str]:
    """What changed by another look."""
    return [change.sentence for change in watched.take(look(*given, **more))]


def watched(*machines: MachineLook, **more: Any) -> Watched:
    """A fleet that was looked at once."""
    made = Watched()
    assert made.take(look(0, *machines, **more)) == []
    return made


def down(machine: MachineLook, state: str = "down", why: str = "") -> MachineLook:
    """The same as its files tell when it does not run."""
    return replace(MachineLook(machine.esn, state, machine.model, machine.module), why=why)


__all__ = ["CARD", "ESN", "FILE", "OTHER_ESN", "OTHER_FILE"]
