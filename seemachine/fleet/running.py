"""fleet/running.json: the machines of the fleet that runs, or ran last, and when it is to end."""

import json
from collections.abc import Iterable
from typing import Any

from seemachine.config import Config
from seemachine.formats import Format, OtherVersion
from seemachine.state.disk.durable import replace_file
from seemachine.state.errors import StateOtherVersion
from seemachine.wire.names import MODELS, is_esn
from seemachine.world import World

FILE_NAME = "running.json"
FORMAT = Format("list of running machines")
LATEST = float(1 << 36)


def write(world: World, machines: Iterable[Config], until: float | None = None) -> None:
    """Before a fleet starts. `until`: in seconds since 1970, where it stops by itself. Raises
    OSError.
    """
    ends = {} if until is None else {"until": until}
    document = {"version": FORMAT.version, "machines": [*map(described, machines)], **ends}
    replace_file(world.fleet / FILE_NAME, json.dumps(document).encode())


def ends_at(world: World) -> float | None:
    """When the fleet stops by itself, in seconds since 1970; None where no time was said."""
    try:
        until = json.loads((world.fleet / FILE_NAME).read_text())["until"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    # What is no time of this age is none that a fleet wrote.
    return until if type(until) is float and 0 < until < LATEST else None


def described(machine: Config) -> dict[str, Any]:
    """What the file says of a machine."""
    return {
        "esn": machine.esn,
        "model": machine.model,
        "module": machine.module,
        "port": machine.fixed_port,
    }


def machines(world: World) -> list[dict[str, Any]] | None:
    """ESN, model, module and port of each; None where no fleet ran yet. The port is 0 where it is
    any, or not known.

    Raises StateOtherVersion.
    """
    path = world.fleet / FILE_NAME
    try:
        found = json.loads(path.read_text())
        # Before it had a version it was the list alone.
        if isinstance(found, dict):
            FORMAT.check_at(found, str(path))
            found = found["machines"]
        known = list(map(_known, found))
    except OtherVersion as other:
        raise StateOtherVersion(str(other)) from None
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    # They become names of folders, and of features.
    usable = all(is_esn(str(each["esn"])) and each["model"] in MODELS for each in known)
    return known if usable else None


def _known(each: dict[str, Any]) -> dict[str, Any]:
    named = {"esn": str(each["esn"]), "model": str(each["model"])}
    return {**named, "module": int(each["module"]), "port": int(each.get("port", 0))}
