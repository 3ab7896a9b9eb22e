"""csadmin load, start, stop, destroy, list: SEE machines on HSMs (guide 2.5.2.3 steps 19, 20,
2.8.1).
"""

import argparse
from pathlib import Path
from typing import Any

from seemachine.hsms import records
from seemachine.hsms.records import Module
from seemachine.nfast.tools.csadmin_answer import add_target, answer, done
from seemachine.world import World

STARTED = "STARTED"
# Of a SEE machine that nobody loaded.
NO_UUID = "none"
NONE = "No SEE machines currently installed"


def add_machines(verbs: Any) -> None:
    """The verbs, in the guide's order."""
    load = verbs.add_parser("load", help="put a signed image on HSMs; prints its UUID")
    load.add_argument("image", type=Path, metavar="IMAGE.cs5")
    load.set_defaults(act=_load)
    for name, act, what in (
        ("start", _start, "run a loaded image; prints its address"),
        ("stop", _stop, "end the SEE machine; the image stays loaded"),
        ("destroy", _destroy, "take an image off the HSM; NVRAM stays"),
    ):
        verb = verbs.add_parser(name, help=what)
        verb.add_argument("--uuid", type=str.lower, required=True)
        verb.set_defaults(act=act)
    listing = verbs.add_parser("list", help="SEE machines on HSMs")
    listing.set_defaults(act=_list)
    for name in ("load", "start", "stop", "destroy", "list"):
        add_target(verbs.choices[name], required=name != "list")


def _load(options: argparse.Namespace) -> int:
    from seemachine.nfast import containers, images

    image = images.read(options.image)

    def work(world: World, module: Module) -> tuple[str, Any]:
        loaded = containers.load(world, module.esn, image)
        return f"UUID: {loaded.uuid}", {"uuid": loaded.uuid}

    return answer(options, work)


def _start(options: argparse.Namespace) -> int:
    from seemachine.nfast import containers

    def work(world: World, module: Module) -> tuple[str, Any]:
        entry = containers.start(world, module.esn, options.uuid)
        return f"SUCCESS; IP ADDRESS: {entry.host}", {"ip": entry.host}

    return answer(options, work)


def _stop(options: argparse.Namespace) -> int:
    from seemachine.nfast import containers

    return done(options, lambda world, esn: containers.stop(world, esn, options.uuid))


def _destroy(options: argparse.Namespace) -> int:
    from seemachine.nfast import containers

    return done(options, lambda world, esn: containers.destroy(world, esn, options.uuid))


def _list(options: argparse.Namespace) -> int:
    def work(world: World, module: Module) -> tuple[str, Any]:
        found = [_described(world, module, loaded) for loaded in module.loaded]
        if all(each["state"] != STARTED for each in found):
            found += _of_the_fleet(world, module)
        lines = [
            f"UUID: {each['uuid']}  {each['name']} {each['version']}  {each['state']}"
            for each in found
        ]
        return "\n".join(lines) or NONE, {"SEE machines": found}

    return answer(options, work)


def _described(world: World, module: Module, loaded: records.Loaded) -> dict[str, str]:
    state = STARTED if records.started(world, module) == loaded.uuid else "STOPPED"
    return {
        "uuid": loaded.uuid,
        "name": loaded.name,
        "version": loaded.version,
        "state": state,
        "signer": loaded.signer,
    }


def _of_the_fleet(world: World, module: Module) -> list[dict[str, str]]:
    """`seemachine fleet up` runs a SEE machine that nobody loaded."""
    if not records.running(world, module.esn):
        return []
    return [
        {
            "uuid": NO_UUID,
            "name": "seemachine fleet up",
            "version": "",
            "state": STARTED,
            "signer": module.signer,
        }
    ]
