"""SEE machines of an XC: loaded from signed archives as configured, at each clear or on request
(guide 2.5.1 steps 8, 9, 2.8.2).
"""

import hashlib
import time
from pathlib import Path

from seemachine.hsms import records
from seemachine.hsms.records import Loaded, Module
from seemachine.nfast import (
    archives,
    delegation,
    paths,
    processes,
    securityworld,
    select,
    signing,
    tool,
)
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.errors import StateError
from seemachine.world import PUBLISHED_NAME, World

# The settings of [load_seemachine] in the guide's order, with what loadsee-setup calls them.
SETTINGS = {
    "machine_file": "Machine file:",
    "encryption_key": "Encryption key:",
    "signing_hash": "Signing key hash:",
    "userdata": "Userdata file:",
    "worldid_pubname": "WorldID published object:",
    "postload_prog": "Postload helper:",
    "postload_args": "Postload args:",
}
COLUMN = 29
MACHINE_TYPE = "PowerPCELF"
PROGRAM = "image/seemachine"


def show(module: Module) -> None:
    """The block of a configuration."""
    say()
    say(f"Module #{module.number}:")
    for setting, title in SETTINGS.items():
        say(f"{title:<{COLUMN}}{module.autoload.get(setting, '')}".rstrip())
    say()


def check(world: World, module: Module) -> Loaded:
    """What the configuration would load.

    Raises Refusal: a file is not there, not signed, of another key or world.
    """
    return _prepared(world, module)[0]


def _prepared(world: World, module: Module) -> tuple[Loaded, bytes]:
    """What would be loaded, and its program, both of one reading of the file."""
    settings = module.autoload
    if not settings:
        raise Refusal(
            f"no SEE machine is configured for module {module.number}; do it with: loadsee-setup"
            f" --setup -m {module.number}"
        )
    machine = _machine(world, settings)
    if settings.get("worldid_pubname"):
        processes.refuse_bad_name(settings["worldid_pubname"])
    loaded = Loaded(
        uuid="",
        name=Path(settings["machine_file"]).name,
        version="",
        sha256=hashlib.sha256(machine.payload).hexdigest(),
        signer=machine.signer,
        program=PROGRAM,
        delegated=_delegated(world, settings, machine.signer),
    )
    return loaded, machine.payload


def _machine(world: World, settings: dict[str, str]) -> archives.Archive:
    """The SEE machine. Raises Refusal: not by the configured signer, or one that can't run here."""
    machine = archives.read(_file(world, settings, "machine_file"), archives.MACHINE)
    if settings.get("signing_hash") not in ("", None, machine.signer):
        raise Refusal(
            f"the SEE machine is signed by {machine.signer}, not by {settings['signing_hash']} as"
            " configured"
        )
    if machine.machine_type != MACHINE_TYPE:
        raise Refusal(
            f"the SEE machine is of type {machine.machine_type}; an XC runs {MACHINE_TYPE}"
        )
    processes.refuse_unrunnable(machine.payload, Path(settings["machine_file"]).name)
    return machine


def load(world: World, esn: str) -> None:
    """Load and start what is configured, and publish it. Raises Refusal."""
    with records.changing(world, esn) as module:
        select.refuse_unready(module)
        loaded, payload = _prepared(world, module)
        processes.refuse_running(world, module)
        program = world.hsm(esn) / PROGRAM
        replace_file(private_folder(program.parent) / program.name, payload)
        processes.start(world, module, program, loaded)
        module.loaded = [loaded]
    publish(world, module)


def publish(world: World, module: Module) -> None:
    """Publish the running SEE machine of an XC under the configured name, if there is one."""
    name = module.autoload.get("worldid_pubname", "")
    if name and module.number:
        processes.publish(world, module, name)


def clear(world: World, esn: str, mode: str = records.OPERATIONAL) -> None:
    """ClearUnit into a mode: what runs is gone, licences that were fed become effective, and an XC
    loads what is configured.

    How that went is in the hardserver log, as the guide says. Raises Refusal only when the SEE
    machine can't be stopped; the mode is as it was then.
    """
    with records.changing(world, esn) as module:
        processes.stop(world, esn)
        module.started = ""
        module.mode = mode
        if module.model == "xc":
            module.loaded = []
        module.features = sorted({*module.features, *module.licences})
        module.licences = []
    if module.model == "xc" and module.autoload:
        _load_logged(world, module)


def _load_logged(world: World, module: Module) -> None:
    try:
        load(world, module.esn)
        log(world, f"module {module.number}: SEE machine {module.autoload['machine_file']} loaded")
    except (Refusal, StateError, OSError) as error:
        log(world, f"module {module.number}: SEE machine not loaded: {tool.reason(error)}")


def log(world: World, text: str) -> None:
    """One line of the hardserver log."""
    with paths.hardserver_log(world).open("a") as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} hardserver: {text}\n")


def configuration(text: str) -> list[dict[str, str]]:
    """The records of [load_seemachine] in a configuration file, which lines of hyphens separate.

    A comment has a line of its own, so a value may have a #. Raises Refusal.
    """
    found: list[dict[str, str]] = [{}]
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line
        elif section == "[load_seemachine]" and line and not line.startswith("#"):
            if set(line) == {"-"}:
                found.append({})
            else:
                name, value = _setting(line)
                found[-1][name] = value
    return [record for record in found if record]


def _setting(line: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in line.partition("="))
    if not equals or name not in (*SETTINGS, "module", "pull_rfs"):
        raise Refusal(
            f"[load_seemachine]: {line!r} is not a setting of it; settings are module,"
            f" {', '.join(SETTINGS)}, pull_rfs"
        )
    return name, value


def defaults() -> dict[str, str]:
    """What is set when nothing is said."""
    return {**dict.fromkeys(SETTINGS, ""), "worldid_pubname": PUBLISHED_NAME}


def _file(world: World, settings: dict[str, str], name: str) -> Path:
    # pull_rfs: the HSM fetches files that are named without a folder from the RFS (guide 2.5.1 step
    # 8).
    given = Path(settings.get(name, ""))
    return given if given.is_absolute() else paths.custom_seemachines(world) / given


def _delegated(world: World, settings: dict[str, str], signer: str) -> bool:
    if not settings.get("userdata"):
        return False
    userdata = archives.read(_file(world, settings, "userdata"), archives.USERDATA)
    if userdata.machine_key != signer:
        raise Refusal(
            f"the user data is for a SEE machine signed by {userdata.machine_key}; this one is"
            f" signed by {signer}"
        )
    nso = signing.public_from(securityworld.read(world).nso)
    return delegation.refuse_other_key(userdata.payload, nso, signer)
