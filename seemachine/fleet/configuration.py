"""fleet.toml: which machines there are, who feeds cards, and their limits."""

import json
import tomllib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from seemachine.config import OPERATORS, Config, ConfigError, build
from seemachine.hsms import records
from seemachine.hsms.records import Loaded, Module
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.errors import StateCorrupt
from seemachine.wire.names import MODELS, SEE_PORT, is_esn
from seemachine.world import World

FILE_NAME = "fleet.toml"
RUNNING = "running.json"

# The guide's mixed fleet (2.9.3).
GUIDE_FLEET = """\
# The machines of this world. Start them with: seemachine fleet up

[[machines]]
esn = "7852-268D-3BF9"
model = "5c"                # 5c or xc
module = 1                  # number on this host; orders pipsqueak's banner
host = "127.0.0.1"
port = 8888                 # the next free one is taken when this is not free
store = "sqlite"            # or file, memory
# lock_memory = "auto"      # keep memory out of swap where allowed; yes: or do not start; no
# insecure_bind = true      # an address that others reach, without TLS: all who reach it can sign
# witness = "/mnt/witness"  # remembers this NVRAM; default: witness/ of the world; or a database:
# witness = "postgresql://user:password@host/database"
# runtime_witness = "auto"  # a second one, gone with a reboot: a folder, or off; auto: the user's
# retry_seconds = 3600      # how long a used-up lease is kept for requests that come again
# ledger_days = 0           # how long rows of the ledger are kept; 0: for ever
# signer = "<hex>"          # hash of the key that signed the SEE machine; default: the loaded one's

[[machines]]
esn = "5F08-02E0-D947"
model = "xc"
module = 2
port = 8889

[operator]
blank_cards = "manual"      # auto: a blank card is put in whenever a machine asks for one

# [limits]                  # of each machine
# frame_bytes = 1048576     # largest frame, 1 MiB at most
# connections = 256         # at one time
# peer_connections = 192    # of one address, or one IPv6 network of 64 bits
# peer_connections_per_second = 20000  # new ones of one address; more are closed
# peer_requests_per_second = 20000     # of one address; more wait
# greeting_seconds = 5      # from connecting to hello
# idle_seconds = 300        # between two requests of a connection
# request_seconds = 120     # for each of receiving, answering and replying
# drain_seconds = 10        # for requests under way when the machine is stopped
# handshake_seconds = 5     # for TLS

# [tls]                     # of each machine; or tls = {...} of one
# pki = "auto"              # certificates in pki/ of this world, or in the folder named here
"""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Machines in module order, each with the settings of its process.

    `left_out`: ESNs that stay down, with the reason.
    """

    world: World
    machines: tuple[Config, ...]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def fed(self) -> bool:
        """Whether the fleet has an operator that feeds blank cards."""
        return any(machine.operator == "auto" for machine in self.machines)


def find(world: World, file: Path | None) -> Path:
    """The fleet file: the one given, else the world's own, made now if there is none."""
    if file is not None:
        return file
    path = private_folder(world.folder) / FILE_NAME
    if not path.exists():
        replace_file(path, GUIDE_FLEET.encode())
    return path


def read(path: Path, world: World) -> Fleet:
    """Raises ConfigError, naming file and setting."""
    try:
        machines = _machines(tomllib.loads(path.read_text()), world)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return _as_recorded(world, machines)


def _machines(table: dict[str, Any], world: World) -> list[Config]:
    unknown = sorted(table.keys() - {"machines", "operator", "limits", "tls"})
    if unknown:
        raise ConfigError(
            f"unknown section {unknown[0]}; known are machines, operator, limits, tls"
        )
    entries = table.get("machines")
    if (
        not isinstance(entries, list)
        or not entries
        or not all(isinstance(entry, dict) for entry in entries)
    ):
        raise ConfigError("a fleet needs at least one [[machines]]")
    shared = {
        "world": world,
        "operator": _operator(table.get("operator", {})),
        "limits": table.get("limits", {}),
        "search_port": True,
    }
    tls = {"tls": table["tls"]} if "tls" in table else {}
    machines = [
        build({"module": number, "port": SEE_PORT + number - 1, **tls, **entry, **shared})
        for number, entry in enumerate(entries, 1)
    ]
    if not all(machine.publish for machine in machines):
        raise ConfigError(
            "publish = false: a machine of a fleet publishes itself, so that its fleet can find it;"
            " leave the setting out"
        )
    for setting in ("esn", "module"):
        values = [getattr(machine, setting) for machine in machines]
        if len(set(values)) < len(values):
            raise ConfigError(f"two machines have the same {setting}")
    return machines


def _as_recorded(world: World, machines: list[Config]) -> Fleet:
    """What the tools did to an HSM counts more than the file: its module number, and its SEE
    machine.

    Raises ConfigError.
    """
    try:
        found = {machine.esn: records.read(world, machine.esn) for machine in machines}
    except StateCorrupt as error:
        raise ConfigError(str(error)) from error
    taken = {record.number for record in records.listing(world)}
    settled = []
    for machine in sorted(machines, key=lambda machine: machine.module):
        record = found[machine.esn]
        settled.append(
            _recorded(machine, record) if record is not None else _beside(machine, taken)
        )
        taken.add(settled[-1].module)
    left_out = {
        esn: why
        for esn, record in found.items()
        if record is not None and (why := _out_of_use(record))
    }
    return Fleet(world, tuple(sorted(settled, key=lambda machine: machine.module)), left_out)


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
        replace(machine, module=min(set(range(1, records.MOST_MODULES + 1)) - taken))
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


def _operator(table: Any) -> str:
    if not isinstance(table, dict) or table.keys() - {"blank_cards"}:
        raise ConfigError('[operator] takes one setting, blank_cards = "manual" or "auto"')
    chosen = table.get("blank_cards", "manual")
    if type(chosen) is not str or chosen not in OPERATORS:
        raise ConfigError(f'[operator] blank_cards takes "manual" or "auto", not {chosen!r}')
    return chosen


def started(world: World) -> list[str]:
    """The machines of the fleet that runs, or ran last."""
    return [each["esn"] for each in remembered(world) or ()]


def remembered(world: World) -> list[dict[str, Any]] | None:
    """ESN, model and module of the machines of the fleet that runs, or ran last; None when none
    did.
    """
    try:
        found = json.loads((world.fleet / RUNNING).read_text())
        known = [
            {"esn": str(each["esn"]), "model": str(each["model"]), "module": int(each["module"])}
            for each in found
        ]
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    # They become names of folders, and of features.
    return (
        known
        if all(is_esn(str(each["esn"])) and each["model"] in MODELS for each in known)
        else None
    )


def command_line(machine: Config) -> list[str]:
    """The arguments of `seemachine serve` for a machine of a fleet, but for what goes through a
    file.
    """
    given = [
        *("--esn", machine.esn),
        *("--model", machine.model),
        *("--module", str(machine.module)),
        *("--host", machine.host),
        *("--port", str(machine.port)),
        *("--store", machine.store),
        *("--operator", machine.operator),
        *("--lock-memory", machine.lock_memory),
        *("--home", str(machine.world)),
        "--search-port",
    ]
    if machine.tls is not None:
        tls = machine.tls
        given += [
            "--tls-cert",
            str(tls.certificate),
            "--tls-key",
            str(tls.key),
            "--tls-ca",
            str(tls.ca),
        ]
    if machine.signer:
        given += ["--signer", machine.signer]
    return [*given, "--insecure-bind"] if machine.insecure_bind else given


def limits_file(machine: Config) -> str:
    """The TOML of what a machine's command line does not say."""
    limits = machine.limits
    kept = (
        f"retry_seconds = {machine.retry_seconds}\nledger_days = {machine.ledger_days}\nwitness ="
        f" {json.dumps(machine.witness)}\n"
    )
    kept += f"runtime_witness = {json.dumps(machine.runtime_witness)}\n"
    kept += (
        f"extra_signers = {json.dumps(list(machine.extra_signers))}\nnvram_delegation ="
        f" {json.dumps(machine.nvram_delegation)}\n"
    )
    return (
        kept
        + "[limits]\n"
        + "".join(f"{name} = {value}\n" for name, value in asdict(limits).items())
    )
