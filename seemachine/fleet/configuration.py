"""fleet.toml: which machines there are, who feeds cards, and their limits."""

import fcntl
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seemachine.config import Config, ConfigError, build, read_toml
from seemachine.config.seed import as_seed
from seemachine.fleet.faults import NO_INJECTION, Injection, with_faults
from seemachine.fleet.shared import EACH, ONE, FleetSettings
from seemachine.fleet.tables import entries_of, refuse_unknown
from seemachine.formats import Format, OtherVersion
from seemachine.hsms import records
from seemachine.hsms.records import Loaded, Module
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.errors import StateCorrupt, StateOtherVersion
from seemachine.wire.entries import expanded
from seemachine.wire.names import MODELS, MOST_MODULES, is_esn
from seemachine.world import World

FILE_NAME = "fleet.toml"
RUNNING = "running.json"
LATEST = float(1 << 36)
FORMAT = Format("list of running machines")


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

        _write_new(path, guide_fleet(count, seed, sockets).encode())
    return path


def _write_new(path: Path, data: bytes) -> None:
    """Once, also where two commands find none at the same time."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not path.exists():
            replace_file(path, data)
    finally:
        os.close(folder)


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
        shared, machines = _shared(table), _machines(table, world, injection)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    plan = replace(_as_recorded(world, machines), process=shared.process, count=shared.count)
    return _counted(replace(plan, seed=shared.seed, injection=injection, sockets=shared.sockets))


def _counted(plan: FleetPlan) -> FleetPlan:
    """With the reason why machines stay down that the file names after as many as it wants."""
    why = f"stays down: count is {plan.count}"
    beyond = {machine.esn: why for machine in plan.machines[plan.count :]} if plan.count else {}
    return replace(plan, left_out={**beyond, **plan.left_out})


def _shared(table: dict[str, Any]) -> FleetSettings:
    operator = table.get("operator", {})
    if not isinstance(operator, dict) or operator.keys() - {"blank_cards"}:
        raise ConfigError('[operator] takes one setting, blank_cards = "manual" or "auto"')
    own = ("process", "count", "sockets", "seed", "fault_injection", "latency")
    named = {name: table[name] for name in own if name in table}
    if "seed" in named:
        named["seed"] = as_seed(named["seed"])
    return FleetSettings(**named, **operator)


def _machines(table: dict[str, Any], world: World, injection: Injection) -> list[Config]:
    refuse_unknown(table)
    settings = _shared(table)
    shared = {
        "world": world,
        "operator": settings.blank_cards,
        "seed": settings.seed,
        "limits": table.get("limits", {}),
        "reserved_ports": (),
    }
    entries = entries_of(table)
    tls = {"tls": table["tls"]} if "tls" in table else {}
    try:
        described = expanded(entries, settings.count)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    common = {
        **tls,
        **_in_folder(settings.sockets),
        "fault_injection": settings.fault_injection,
        "latency": settings.latency,
    }
    built = [_machine({**common, **entry, **shared}) for entry in described]
    machines = with_faults(table, list(map(injection.into, built)))
    if not all(machine.publish for machine in machines):
        raise ConfigError(
            "publish = false: a machine of a fleet publishes itself, so that its fleet can find it;"
            " leave the setting out"
        )
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
    return machines


def _in_folder(sockets: str) -> dict[str, str]:
    return {"socket": f"{sockets.rstrip('/')}/"} if sockets else {}


def _machine(settings: dict[str, Any]) -> Config:
    machine = build(settings)
    # Clients elsewhere, or with certificates, know a machine by the port that it was given.
    by_itself = "search_port" not in settings and machine.is_found_anywhere
    return replace(machine, search_port=True) if by_itself else machine


def _as_recorded(world: World, machines: list[Config]) -> FleetPlan:
    """What the tools did to an HSM counts more than the file: its module number, and its SEE
    machine.

    Raises ConfigError.
    """
    try:
        found = {machine.esn: records.read(world, machine.esn) for machine in machines}
    except StateCorrupt as error:
        raise ConfigError(str(error)) from error
    taken = {record.number for record in records.listing(world)}
    numbered = []
    for machine in sorted(machines, key=lambda machine: machine.module):
        record = found[machine.esn]
        numbered.append(
            _recorded(machine, record) if record is not None else _beside(machine, taken)
        )
        taken.add(numbered[-1].module)
    left_out = {
        esn: why
        for esn, record in found.items()
        if record is not None and (why := _out_of_use(record))
    }
    return FleetPlan(world, tuple(sorted(numbered, key=lambda machine: machine.module)), left_out)


def _out_of_use(record: Module) -> str:
    """Why no SEE machine can run on an HSM; empty when one can."""
    if not record.number:
        return "is not enrolled, and is left out; see: seemachine nfast enroll --help"
    if record.mode != records.OPERATIONAL:
        return f"is in {record.mode} mode, and is left out; {record.way_back}"
    return ""


def _recorded(machine: Config, record: Module) -> Config:
    # One that is not enrolled has no number; that of the file is as good as any.
    numbered = replace(machine, module=record.number or machine.module)
    return as_loaded(numbered, record.chosen) if record.chosen and not machine.signer else numbered


def _beside(machine: Config, taken: set[int]) -> Config:
    """A machine that is in the file alone, with the first number that none of the HSMs has when its
    own is taken.
    """
    return (
        replace(machine, module=min(set(range(1, MOST_MODULES + 1)) - taken))
        if machine.module in taken
        else machine
    )


def as_loaded(machine: Config, loaded: Loaded) -> Config:
    """The settings of a machine that runs this image: whose keys it takes, and whether it may make
    any.
    """
    extra = tuple(loaded.extra_signers)
    return replace(
        machine, signer=loaded.signer, extra_signers=extra, nvram_delegation=loaded.delegated
    )


def running_bytes(machines: list[dict[str, Any]], until: float | None = None) -> bytes:
    """What `remembered` and `ends_at` read."""
    ends = {} if until is None else {"until": until}
    return json.dumps({"version": FORMAT.version, "machines": machines, **ends}).encode()


def ends_at(world: World) -> float | None:
    """When the fleet that runs stops by itself, in seconds since 1970; None where no time was
    said.
    """
    try:
        until = json.loads((world.fleet / RUNNING).read_text())["until"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    # What is no time of this age is none that a fleet wrote.
    return until if type(until) is float and 0 < until < LATEST else None


def remembered(world: World) -> list[dict[str, Any]] | None:
    """ESN, model, module and port of the machines of the fleet that runs, or ran last; None when
    none did. The port is 0 where it is any, or not known.

    Raises StateOtherVersion.
    """
    try:
        found = json.loads((world.fleet / RUNNING).read_text())
        # Before it had a version it was the list alone.
        if isinstance(found, dict):
            FORMAT.check_at(found, str(world.fleet / RUNNING))
            found = found["machines"]
        known = [_identity(each) for each in found]
    except OtherVersion as other:
        raise StateOtherVersion(str(other)) from None
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    # They become names of folders, and of features.
    return (
        known
        if all(is_esn(str(each["esn"])) and each["model"] in MODELS for each in known)
        else None
    )


def _identity(each: dict[str, Any]) -> dict[str, Any]:
    named = {"esn": str(each["esn"]), "model": str(each["model"])}
    return {**named, "module": int(each["module"]), "port": int(each.get("port", 0))}
