"""What a fleet that comes up leaves out of sight: machines that stay down with all they hold, and
NVRAM beside a store that keeps nothing.
"""

from collections.abc import Iterator, Sequence

from seemachine.config import Config
from seemachine.fleet.configuration import FleetPlan
from seemachine.fleet.status import machine_folders
from seemachine.state.disk.lock import holder
from seemachine.state.nvram.stores import STORES, kept_in
from seemachine.wire.names import is_esn

# That are named; the others are counted.
MOST_NAMES = 3


def sentences(fleet: FleetPlan) -> Iterator[str]:
    """What people should know of it."""
    if esns := at_rest(fleet):
        stay, their, them = ("stays", "its", "it") if len(esns) == 1 else ("stay", "their", "them")
        count = f" nor count = {fleet.count}" if fleet.count else ""
        why = f"{'neither' if count else 'no'} [[machines]]{count} has {them}"
        yield f"{_named(esns)} {stay} down, with what is in {their} NVRAM: {why}"
    here = (machine for machine in fleet.machines if machine.esn not in fleet.left_out)
    if hidden := [machine.esn for machine in here if _hides(machine)]:
        beside = "NVRAM of another store, whose keys sign nothing meanwhile"
        have = "has" if len(hidden) == 1 else "have"
        yield f'{_named(hidden)} {have} store = "memory" beside {beside}'


def at_rest(fleet: FleetPlan) -> list[str]:
    """ESNs of this world that have an NVRAM, and that the fleet does not know. What runs without a
    supervisor is not at rest.
    """
    known = {machine.esn for machine in fleet.machines}
    return [
        folder.name
        for folder in machine_folders(fleet.world)
        if is_esn(folder.name) and folder.name not in known
        if kept_in(folder) and holder(folder) is None
    ]


def _hides(machine: Config) -> bool:
    return not STORES[machine.store].durable and bool(kept_in(machine.folder))


def _named(esns: Sequence[str]) -> str:
    more = len(esns) - MOST_NAMES
    if more <= 0:
        return " and ".join(filter(None, (", ".join(esns[:-1]), esns[-1])))
    return f"{', '.join(esns[:MOST_NAMES])} and {more} more"
