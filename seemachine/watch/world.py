"""What the files of a world say of its fleet, without a word to a machine: who runs, what keys are
called here, what is on cards, and what was logged.
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from seeclient.effects import Address
from seeclient.environment import Environment
from seeclient.keys import KeyStore

from seemachine.fleet import configuration, status
from seemachine.frozen import field, frozen
from seemachine.hsms.supervised import is_supervised
from seemachine.state.cards.rack import Rack
from seemachine.state.disk.lock import holder
from seemachine.state.errors import StateError
from seemachine.watch.log_tail import LogTail
from seemachine.watch.looks import Asked, MachineLook
from seemachine.wire.names import nvram_name
from seemachine.wire.status import StatusError
from seemachine.world import World


@frozen
class WorldLook:
    """`states` are by ESN, of machines of this world; the rest is as in FleetLook."""

    states: Mapping[str, MachineLook] = field(default_factory=dict)
    aliases: Mapping[bytes, str] = field(default_factory=dict)
    leases: Mapping[bytes, tuple[int, int]] = field(default_factory=dict)
    supervised: bool = True
    whole: bool = True


class Around:
    """The files of an environment. Where it names a fleet, its world's machines are not meant."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._own = environment.fleet is None
        self._log = LogTail(configuration.log_path(environment.world))
        self._keys = Aliases(environment.world)
        self._cards = Leases(environment.world)

    def look(self) -> tuple[WorldLook, list[Address]]:
        """What they say now, and where machines should be.

        Raises StatusError (InvalidParameter) for a fleet that can't be read.
        """
        world = self._environment.world
        found = WorldLook(
            _states(world) if self._own else {},
            self._keys.look(),
            self._cards.look() if self._own else {},
            not self._own or holder(world.fleet) is not None or not _was_supervised(world),
            self._own,
        )
        return found, self._environment.addresses()

    def asked(self) -> list[Asked] | None:
        """What was logged since the last time; None where there is no log."""
        return self._log.read() if self._own else None


class Aliases:
    """What keys are called on this host. Key files are long: they are read when one has changed."""

    def __init__(self, world: World) -> None:
        self._store = KeyStore(world.keys)
        self._trace: object = None
        self._known: Mapping[bytes, str] = {}

    def look(self) -> Mapping[bytes, str]:
        """By NVRAM file."""
        trace = _trace(self._store.folder)
        if trace != self._trace:
            self._trace, self._known = trace, self._store.known()
        return self._known


class Leases:
    """What is on cards of a world, read when a card has changed or moved."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._trace: object = None
        self._known: Mapping[bytes, tuple[int, int]] = {}

    def look(self) -> Mapping[bytes, tuple[int, int]]:
        """Leases and cards, by NVRAM file."""
        slots = sorted(self._world.machines.glob("*/slots/*"))
        trace = [_trace(each) for each in (self._world.cards, *slots)]
        if trace != self._trace:
            self._trace, self._known = trace, self._read()
        return self._known

    def _read(self) -> Mapping[bytes, tuple[int, int]]:
        if not self._world.cards.is_dir():
            return {}
        with contextlib.suppress(StateError, OSError):
            return {
                nvram_name(key): (sum(card.leases for card in cards), len(cards))
                for key, cards in Rack(self._world).of_keys().items()
            }
        return {}


def _trace(folder: Path) -> object:
    """What differs once a file of a folder was written, came or left."""
    try:
        with os.scandir(folder) as entries:
            return sorted((each.name, each.stat().st_mtime_ns) for each in entries)
    except OSError:
        return None


def _was_supervised(world: World) -> bool:
    """Whether a supervisor started what runs: what people started by hand has none."""
    return any(is_supervised(world, folder.name) for folder in status.machine_folders(world))


def _states(world: World) -> dict[str, MachineLook]:
    """Of machines of the world, by ESN, as `fleet status` tells them."""
    with contextlib.suppress(StateError, StatusError):
        return {
            row["esn"]: MachineLook(
                row["esn"],
                row["state"],
                row["model"],
                row["module"],
                row["address"] or "",
                row.get("why", ""),
            )
            for row in status.rows(world)
        }
    return {}
