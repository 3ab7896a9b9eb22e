"""Machines for the tests of whoever signs: there in milliseconds, gone without a trace.

    with testing.fleet(machines=2) as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        signature = key.sign(b"firmware")

The machines are those of the daemon, in this process and in a world of their own. `fleet` is the
client of them, and has their cards, their log, and the environment of programs that are to find
them. With `async with` it is the client for trio or asyncio.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seeclient.algorithms.lms.provisioning import Provisioned

    from seemachine.config import ConfigError
    from seemachine.faults import FaultError
    from seemachine.state.errors import CardError
    from seemachine.testing.assertions.asserting import (
        exhausted,
        leaves_used,
        no_leaf_twice,
        quarantined,
    )
    from seemachine.testing.fleets.aio_fleet import AioFleet
    from seemachine.testing.fleets.blocking_fleet import BlockingFleet
    from seemachine.testing.fleets.cards import Cards
    from seemachine.testing.fleets.context import fleet
    from seemachine.testing.fleets.fault_switch import Faults
    from seemachine.testing.fleets.trio_fleet import TrioFleet
    from seemachine.testing.keys import (
        ESN,
        OTHER_ESN,
        QUICK,
        install_key,
        make_key,
        repeatable,
    )
    from seemachine.testing.lms_words import KeyMaker, LmsSets, LmsWords
    from seemachine.testing.rigs.rig import Rig
    from seemachine.testing.rigs.wires import AsyncMemoryWire, MemoryWire
    from seemachine.world import World

__all__ = [
    "ESN",
    "OTHER_ESN",
    "QUICK",
    "AioFleet",
    "AsyncMemoryWire",
    "BlockingFleet",
    "CardError",
    "Cards",
    "ConfigError",
    "FaultError",
    "Faults",
    "KeyMaker",
    "LmsSets",
    "LmsWords",
    "MemoryWire",
    "Provisioned",
    "Rig",
    "TrioFleet",
    "World",
    "exhausted",
    "fleet",
    "install_key",
    "leaves_used",
    "make_key",
    "no_leaf_twice",
    "quarantined",
    "repeatable",
]

# Where each name is: a run of pytest that uses no machine loads none of it.
_IN = {
    "ESN": ".keys",
    "OTHER_ESN": ".keys",
    "QUICK": ".keys",
    "AioFleet": ".fleets.aio_fleet",
    "AsyncMemoryWire": ".rigs.wires",
    "BlockingFleet": ".fleets.blocking_fleet",
    "CardError": "seemachine.state.errors",
    "Cards": ".fleets.cards",
    "ConfigError": "seemachine.config",
    "FaultError": "seemachine.faults",
    "Faults": ".fleets.fault_switch",
    "KeyMaker": ".lms_words",
    "LmsSets": ".lms_words",
    "LmsWords": ".lms_words",
    "MemoryWire": ".rigs.wires",
    "Provisioned": "seeclient.algorithms.lms.provisioning",
    "Rig": ".rigs.rig",
    "TrioFleet": ".fleets.trio_fleet",
    "World": "seemachine.world",
    "exhausted": ".assertions.asserting",
    "fleet": ".fleets.context",
    "install_key": ".keys",
    "leaves_used": ".assertions.asserting",
    "make_key": ".keys",
    "no_leaf_twice": ".assertions.asserting",
    "quarantined": ".assertions.asserting",
    "repeatable": ".keys",
}


def __getattr__(name: str) -> Any:
    if name in _IN:
        return getattr(import_module(_IN[name], __name__), name)
    raise AttributeError(f"module 'seemachine.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__file__", "__name__", "__path__"]
