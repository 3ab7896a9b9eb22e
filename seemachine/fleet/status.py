"""What runs where: the rows of `seemachine fleet status`, from locks and files alone."""

from pathlib import Path
from typing import Any

from seemachine.config import Config, ConfigError
from seemachine.fleet import configuration, running
from seemachine.fleet.configuration import FleetPlan
from seemachine.frozen import frozen
from seemachine.hsms import published, records, supervised
from seemachine.hsms.published import Published
from seemachine.hsms.records import Module
from seemachine.process.identity import Process
from seemachine.state.disk.lock import holder
from seemachine.state.errors import StateError
from seemachine.world import World


@frozen
class Look:
    """At the folder of one machine: who holds it, and where it listens, or listened last."""

    holds: Process | None
    entry: Published | None

    @property
    def state(self) -> str:
        """Up, starting or down."""
        if self.holds is None:
            return "down"
        own = self.entry is not None and self.entry.process.is_same(self.holds)
        return "up" if own else "starting"


def look(world: World, esn: str) -> Look:
    """At one machine, now."""
    return Look(holder(world.hsm(esn)), published.listening(world, esn))


def state(world: World, esn: str) -> str:
    """Of one machine: up, starting or down."""
    return look(world, esn).state


def failure(world: World, esn: str, seen: Look | None = None) -> str:
    """Why the process that a supervisor has for a machine runs without it; empty when that is not
    so.
    """
    if (seen or look(world, esn)).state == "up":
        return ""
    found = published.failure(world, esn)
    if found is None or not found.process.is_same(supervised.process_for(world, esn)):
        return ""
    return found.why


def rows(world: World) -> list[dict[str, Any]]:
    """All HSMs in the order of their modules, those that are not enrolled last.

    Raises StateCorrupt.
    """
    known = {each["esn"]: each for each in _known_machines(world)}
    recorded = {module.esn: module for module in records.listing(world)}
    esns = {*known, *recorded, *(folder.name for folder in machine_folders(world))}
    found = [_row(world, known.get(esn, {}), esn, recorded.get(esn)) for esn in esns]
    return sorted(
        filter(None, found), key=lambda row: (row["module"] == 0, row["module"], row["esn"])
    )


def for_tests(world: World) -> dict[str, str]:
    """What may go wrong, or slowly, on purpose on machines that are up, by ESN. Raises
    StateCorrupt.
    """
    return {row["esn"]: row["injection"] for row in rows(world) if "injection" in row}


def moved_from(world: World, esn: str, port: int, seen: Look | None = None) -> int:
    """The port that a machine of a fleet was to have, where it is up on another one; else 0.

    What tools or people started has its port from them.
    """
    seen = seen or look(world, esn)
    if seen.entry is None or seen.holds is None or seen.entry.port == port or seen.state != "up":
        return 0
    return port if supervised.process_for(world, esn).is_same(seen.holds) else 0


def _row(
    world: World, known: dict[str, Any], esn: str, record: Module | None
) -> dict[str, Any] | None:
    """Of an HSM that a fleet or a record knows, or that runs without either."""
    seen = look(world, esn)
    named = _named(known, seen, esn, record)
    if not named:
        return None
    up = seen.entry if seen.state == "up" else None
    address = up.address if up else None
    pid = None if seen.holds is None else seen.holds.pid_here
    port = known.get("port", 0)
    more = {
        "socket": up.socket if up else "",
        "injection": up.injection if up else "",
        "why": failure(world, esn, seen),
        "moved_from": moved_from(world, esn, port, seen),
        "stopped": seen.holds is not None and seen.holds.is_stopped,
    }
    told = {name: value for name, value in more.items() if value}
    return {**named, "address": address, "pid": pid, "state": seen.state, **told}


def _named(
    known: dict[str, Any], seen: Look, esn: str, record: Module | None
) -> dict[str, Any] | None:
    """What an HSM is called: by its record, else by what runs, else by the fleet."""
    if record is not None:
        return {"esn": esn, "model": record.model, "module": record.number}
    if seen.holds is not None and seen.entry is not None:
        return {"esn": esn, "model": seen.entry.model, "module": seen.entry.module}
    return {name: value for name, value in known.items() if name != "port"} or None


def numbers(world: World) -> dict[str, int]:
    """Module numbers by ESN, as far as they are known: a fleet goes down whatever is damaged."""
    try:
        return {row["esn"]: row["module"] for row in rows(world)}
    except StateError:
        return {}


def _known_machines(world: World) -> list[dict[str, Any]]:
    """Those of the fleet that runs, or ran last; else those of the world's fleet file."""
    of_a_fleet = running.machines(world)
    return list(map(running.described, _configured(world))) if of_a_fleet is None else of_a_fleet


def _configured(world: World) -> tuple[Config, ...]:
    path = world.fleet_file
    try:
        return configuration.read(path, world).machines if path.exists() else ()
    except ConfigError:
        return ()


def unreadable(world: World) -> str:
    """Why nobody knows which machines there should be; empty while a fleet is remembered."""
    if running.machines(world) is None and world.fleet_file.exists():
        try:
            configuration.read(world.fleet_file, world)
        except ConfigError as error:
            return str(error)
    return ""


def machine_folders(world: World) -> list[Path]:
    """Of all HSMs that were ever here."""
    return sorted(path for path in (world.machines).glob("*") if path.is_dir())


def in_the_way(fleet: FleetPlan) -> str:
    """What runs already, and how all of it is stopped."""
    world = fleet.world
    supervisor = holder(world.fleet)
    if supervisor is not None:
        return already_up(world, supervisor)
    up = [folder.name for folder in machine_folders(world) if holder(folder) is not None]
    ours = [machine.esn for machine in fleet.machines if machine.esn in up]
    if not ours:
        return ""
    runs = "still runs" if len(ours) == 1 else "still run"
    others = ", ".join(esn for esn in up if esn not in ours)
    also = f", and {others} as well," if others else ""
    what = f"{', '.join(ours)} {runs} without a supervisor"
    return f"{what}; stop what runs{also} with: seemachine fleet down"


def already_up(world: World, supervisor: Process | None) -> str:
    """Why another fleet can't be."""
    who = supervisor or Process()
    return f"the fleet of {world} is already up ({who}); stop it with: seemachine fleet down"


def lines(found: list[dict[str, Any]]) -> list[str]:
    """A line for each."""
    return list(map(_line, found))


def _line(row: dict[str, Any]) -> str:
    process = row["pid"] or "of another PID namespace"
    up = f"{row['address']}  process {process}{_stopped(row)}{_moved(row)}{_injection(row)}"
    where = up if row["state"] == "up" else row.get("why", "")
    machine = f"module {row['module'] or '-'}  {row['esn']}  {row['model']:<3}"
    return f"{machine} {row['state']:<9} {where}".rstrip()


def _moved(row: dict[str, Any]) -> str:
    return f"  (port {row['moved_from']} was taken)" if "moved_from" in row else ""


def _stopped(row: dict[str, Any]) -> str:
    return f"  (stopped; continue it with: kill -CONT {row['pid']})" if "stopped" in row else ""


def _injection(row: dict[str, Any]) -> str:
    return f"  (for tests: {row['injection']})" if "injection" in row else ""
