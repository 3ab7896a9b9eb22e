"""fleet.toml: which machines there are, who feeds cards, and their limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seemachine.config import Config, ConfigError, build, read_toml
from seemachine.config.seed import as_seed
from seemachine.fleet import hsm_records
from seemachine.fleet.faults import NO_INJECTION, Injection, with_faults
from seemachine.fleet.shared import EACH, ONE, FleetSettings
from seemachine.fleet.tables import entries_of, refuse_unknown
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.disk.held import FOLDER, held
from seemachine.wire.entries import expanded
from seemachine.world import World

FILE_NAME = "fleet.toml"


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """Machines in module order, each with the settings of its process.

    `left_out`: ESNs that stay down, with the reason. `process`, `count`, `seed`,
    `sockets`: see FleetSettings. `injection`: faults and latency that the file does not know of.
    """

    world: World
    machines: tuple[Config, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    process: str = EACH
    count: int = 0
    seed: str = ""
    sockets: str = ""
    injection: Injection = NO_INJECTION

    @property
    def groups(self) -> list[tuple[Config, ...]]:
        """The machines of each process. A search takes no port that another is to have: machines
        of one process see to that by themselves.
        """
        if self.process == ONE:
            return [self.machines]
        ports = {machine.fixed_port for machine in self.machines} - {0}
        return [
            (replace(machine, reserved_ports=tuple(sorted(ports - {machine.fixed_port}))),)
            for machine in self.machines
        ]


def find(
    world: World, file: Path | None, count: int = 0, seed: str = "", sockets: str = ""
) -> Path:
    """The fleet file: the one given, else the world's own, made now, with that count, seed and
    folder of sockets, if there is none.
    """
    if file is not None:
        return file
    path = private_folder(world.folder) / FILE_NAME
    if not path.exists():
        from seemachine.fleet.template import guide_fleet

        # Once, also where two commands find none at the same time.
        with held(path.parent, FOLDER):
            if not path.exists():
                replace_file(path, guide_fleet(count, seed, sockets).encode())
    return path


def log_path(world: World) -> Path:
    """Where a fleet in the background writes."""
    return world.fleet / "log"


def read(
    path: Path,
    world: World,
    count: int | None = None,
    seed: str | None = None,
    injection: Injection = NO_INJECTION,
    *,
    sockets: str | None = None,
) -> FleetPlan:
    """What a file says, or with another count, seed or folder of sockets, more faults, or another
    latency.

    Raises ConfigError, naming file and setting.
    """
    given = {"count": count, "seed": seed, "sockets": sockets}
    table = read_toml(path) | {name: value for name, value in given.items() if value is not None}
    try:
        shared = _shared(table)
        machines = _machines(table, shared, world, injection)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    enrolled, out_of_use = hsm_records.heed(world, machines)
    return FleetPlan(
        world,
        enrolled,
        _beyond(shared.count, enrolled) | out_of_use,
        process=shared.process,
        count=shared.count,
        seed=shared.seed,
        sockets=shared.sockets,
        injection=injection,
    )


def _beyond(count: int, machines: Sequence[Config]) -> dict[str, str]:
    """Machines that the file names after as many as it wants, and why they stay down."""
    beyond = machines[count:] if count else ()
    return {machine.esn: f"stays down: count is {count}" for machine in beyond}


def _shared(table: dict[str, Any]) -> FleetSettings:
    operator = table.get("operator", {})
    if not isinstance(operator, dict) or operator.keys() - {"blank_cards"}:
        raise ConfigError('[operator] takes one setting, blank_cards = "manual" or "auto"')
    own = ("process", "count", "sockets", "seed", "fault_injection", "latency")
    named = {name: table[name] for name in own if name in table}
    if "seed" in named:
        named["seed"] = as_seed(named["seed"])
    return FleetSettings(**named, **operator)


def _machines(
    table: dict[str, Any], settings: FleetSettings, world: World, injection: Injection
) -> list[Config]:
    refuse_unknown(table)
    try:
        described = expanded(entries_of(table), settings.count)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    common, shared = _common(table, settings), _said_of_all(table, settings) | {"world": world}
    built = [_machine({**common, **entry, **shared}) for entry in described]
    machines = with_faults(table, list(map(injection.into, built)))
    _check_published(machines)
    _check_distinct(machines)
    return machines


def _common(table: dict[str, Any], settings: FleetSettings) -> dict[str, Any]:
    """What a machine has that says nothing else."""
    return {
        **({"tls": table["tls"]} if "tls" in table else {}),
        **_in_folder(settings.sockets),
        "fault_injection": settings.fault_injection,
        "latency": settings.latency,
    }


def _said_of_all(table: dict[str, Any], settings: FleetSettings) -> dict[str, Any]:
    """What no machine says for itself."""
    return {
        "operator": settings.blank_cards,
        "seed": settings.seed,
        "limits": table.get("limits", {}),
        "reserved_ports": (),
    }


def _check_published(machines: Sequence[Config]) -> None:
    if not all(machine.publish for machine in machines):
        raise ConfigError(
            "publish = false: a machine of a fleet publishes itself, so that its fleet can find it;"
            " leave the setting out"
        )


def _check_distinct(machines: Sequence[Config]) -> None:
    for setting in ("esn", "module"):
        values = [getattr(machine, setting) for machine in machines]
        if len(set(values)) < len(values):
            raise ConfigError(f"two machines have the same {setting}")
    paths = [machine.socket_path for machine in machines if machine.socket]
    if len(set(paths)) < len(paths):
        raise ConfigError(
            "two machines have the same socket; name a folder, in which each has its own, as"
            " sockets at the top"
        )


def _in_folder(sockets: str) -> dict[str, str]:
    return {"socket": f"{sockets.rstrip('/')}/"} if sockets else {}


def _machine(settings: dict[str, Any]) -> Config:
    machine = build(settings)
    # Clients elsewhere, or with certificates, know a machine by the port that it was given.
    by_itself = "search_port" not in settings and machine.is_found_anywhere
    return replace(machine, search_port=True) if by_itself else machine
