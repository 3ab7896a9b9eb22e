"""SEE machines as processes: `seemachine serve`, or the entry point of an image, started and
stopped as hands at a rack would.
"""

import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from seemachine.config import Config, ConfigError
from seemachine.fleet import configuration, hsm_records
from seemachine.fleet.ending import end
from seemachine.fleet.settings_file import write_settings
from seemachine.hsms import published, records, supervised
from seemachine.hsms.published import Published
from seemachine.hsms.records import Loaded, Module
from seemachine.nfast.refusals import Refusal
from seemachine.process.identity import child
from seemachine.state.disk.lock import holder
from seemachine.wire.names import SEE_PORT
from seemachine.world import World

START_SECONDS = 60.0
LOOK_SECONDS = 0.02
LOG = "see.log"
_PYTHON = re.compile(rb"#!\s*\S*?python3?[\d.]*(?:\s+(-\w+))?\s*$|#!\s*/usr/bin/env python3?\s*$")


def flags_of(program: bytes) -> list[str] | None:
    """The flags of the Python that a program's first line asks for; None when it is not a Python
    program, which only real hardware can run.
    """
    found = _PYTHON.match(program.partition(b"\n")[0])
    if found is None:
        return None
    return [found[1].decode()] if found[1] else []


def refuse_unrunnable(program: bytes | None, name: str) -> list[str]:
    """The flags of a program's Python. Raises Refusal for one that can't run here."""
    flags = flags_of(program or b"")
    if flags is None:
        raise Refusal(
            f"{name} is not a Python program; only a real HSM could run it. See: seemachine nfast"
            " release"
        )
    return flags


def start(world: World, module: Module, program: Path, loaded: Loaded) -> Published:
    """Run a SEE machine and wait until it listens.

    Raises Refusal with what it said when it does not come up.
    """
    folder = world.hsm(module.esn)
    flags = refuse_unrunnable(program.read_bytes(), program.name)
    command = [sys.executable, *(flags or ["-P"]), str(program), *_options(world, module, loaded)]
    with (folder / LOG).open("ab") as log:
        began = log.tell()
        # Detached: it lives on the HSM, not in the shell of who started it.
        process = subprocess.Popen(
            command,
            env=_environment(world, module),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    entry = _listening(world, module, process)
    if entry is not None:
        return entry
    process.kill()
    said = (folder / LOG).read_bytes()[began:].decode(errors="replace").strip().splitlines()
    raise Refusal(
        f"the SEE machine did not start: {said[-1] if said else 'it said nothing'} ({folder / LOG})"
    )


def _listening(world: World, module: Module, process: subprocess.Popen[bytes]) -> Published | None:
    """Where this process listens; None when it ends, or takes too long."""
    ours, deadline = child(process.pid), time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        entry = published.listening(world, module.esn)
        if entry is not None and entry.process.is_same(ours):
            return entry
        time.sleep(LOOK_SECONDS)
    return None


def stop(world: World, esn: str) -> bool:
    """End the SEE machine of an HSM, in order. False when none runs.

    Raises Refusal when a fleet keeps it running, StateLocked when it does not end.
    """
    folder = world.hsm(esn)
    if holder(folder) is None:
        return False
    refuse_supervised(world)
    end([folder], folder / LOG)
    return True


def refuse_supervised(world: World) -> None:
    """Raises Refusal while `seemachine fleet up` keeps this world's machines running."""
    supervisor = holder(world.fleet)
    if supervisor is not None:
        kept = "the SEE machines of this world are kept running by seemachine fleet up"
        raise Refusal(f"{kept} ({supervisor}); first: seemachine fleet down")


def of_the_fleet(world: World, module: Module) -> bool:
    """Whether `seemachine fleet up` runs the SEE machine of a module, whatever a tool started
    before.
    """
    return supervised.is_supervised(world, module.esn)


def refuse_running(world: World, module: Module) -> None:
    """Raises Refusal when the HSM runs a SEE machine."""
    if records.running(world, module.esn):
        raise Refusal(f"a SEE machine is started on {module.esn} already")


def refuse_bad_name(name: str) -> None:
    """Raises Refusal for what can't be the name of a published object: it is a folder's."""
    if not (name.isascii() and name.isidentifier()):
        raise Refusal(
            f"the name of a published object has letters, digits and underscores, not {name!r}"
        )


def publish(world: World, module: Module, name: str) -> Published:
    """Publish where the running SEE machine of a module listens, under a name.

    Raises Refusal when none runs.
    """
    refuse_bad_name(name)
    entry = published.listening(world, module.esn)
    if entry is None or not records.running(world, module.esn):
        raise Refusal(f"no SEE machine is started on {module.esn}")
    seen = replace(entry, module=module.number)
    published.publish(world, seen, name)
    return seen


def _environment(world: World, module: Module) -> dict[str, str]:
    return {**os.environ, "SEEMACHINE_HOME": str(world), "SEEMACHINE_ESN": module.esn}


def _options(world: World, module: Module, loaded: Loaded) -> list[str]:
    """As the fleet file describes this HSM, but unpublished: that is the host's to do."""
    machine = hsm_records.as_loaded(
        replace(_described(world, module), module=module.number), loaded
    )
    return ["--config", str(write_settings(replace(machine, publish=False)))]


def _described(world: World, module: Module) -> Config:
    path = world.fleet_file
    try:
        machines = configuration.read(path, world).machines if path.exists() else ()
        found = next((machine for machine in machines if machine.esn == module.esn), None)
        return found or Config(
            esn=module.esn, model=module.model, world=world, port=SEE_PORT, search_port=True
        )
    except ConfigError as error:
        raise Refusal(str(error)) from None
