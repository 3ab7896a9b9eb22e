"""csadmin: developer identities, container images and SEE machines of the 5c (guide 2.5.2.3 steps 2
to 20, 2.8.1).
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seemachine.cli.argtypes import esn
from seemachine.hsms import records
from seemachine.hsms.records import Module
from seemachine.nfast import cs5_launcher, select, tool, trust
from seemachine.nfast.refusals import Refusal, Silent
from seemachine.nfast.tool import say
from seemachine.printing import say_json
from seemachine.state.errors import StateError
from seemachine.world import World

STARTED = "STARTED"
# Of a SEE machine that nobody loaded.
NO_UUID = "none"
NONE = "No SEE machines currently installed"
OURS = (
    "the texts of refusals; what list prints when SEE machines are installed, and its JSON; the"
    " JSON of refusals; the options of image signextra; that load refuses an entry point that is"
    " not a Python program"
)
Work = Callable[[World, Module], tuple[str, Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> int:
    act: Callable[[argparse.Namespace], int | None] = options.act
    try:
        return act(options) or 0
    except (Refusal, StateError, OSError) as refused:
        if not getattr(options, "json", False):
            raise
        # Whoever asked for JSON reads nothing else, and knows the refusal from it.
        answer = {"succeeded": False, "error": tool.reason(refused)}
        say_json({options.esn: answer} if options.esn else answer)
        raise Silent from None


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

    return _answer(options, work)


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


def _load(options: argparse.Namespace) -> int:
    from seemachine.nfast import containers, images

    image = images.read(options.image)

    def work(world: World, module: Module) -> tuple[str, Any]:
        loaded = containers.load(world, module.esn, image)
        return f"UUID: {loaded.uuid}", {"uuid": loaded.uuid}

    return _answer(options, work)


def _start(options: argparse.Namespace) -> int:
    from seemachine.nfast import containers

    def work(world: World, module: Module) -> tuple[str, Any]:
        entry = containers.start(world, module.esn, options.uuid)
        return f"SUCCESS; IP ADDRESS: {entry.host}", {"ip": entry.host}

    return _answer(options, work)


def _stop(options: argparse.Namespace) -> int:
    from seemachine.nfast import containers

    return _done(options, lambda world, esn: containers.stop(world, esn, options.uuid))


def _destroy(options: argparse.Namespace) -> int:
    from seemachine.nfast import containers

    return _done(options, lambda world, esn: containers.destroy(world, esn, options.uuid))


def _ids_add(options: argparse.Namespace) -> int:

    pem = options.certificate.read_bytes()
    return _done(options, lambda world, esn: trust.register(world, esn, pem))


def _ids_list(options: argparse.Namespace) -> int:
    from seemachine.nfast import certificates

    def work(world: World, module: Module) -> tuple[str, Any]:
        found = [certificates.described(each) for each in trust.trusted(world, module)]
        return "\n".join(
            f"{each['keyid']}  {each['notAfter']}  {each['subject']}" for each in found
        ), {"Certificates": found}

    return _answer(options, work)


def _done(options: argparse.Namespace, act: Callable[[World, str], None]) -> int:
    def work(world: World, module: Module) -> tuple[str, Any]:
        act(world, module.esn)
        return "SUCCESS", {}

    return _answer(options, work)


def _answer(options: argparse.Namespace, work: Work) -> int:
    """Do a work on the chosen 5c, or on all; one line each, or one JSON document (guide 2.5.2.3
    step 13).
    """
    world = tool.world()
    answers = {module.esn: _attempt(world, module, work) for module in _chosen(world, options.esn)}
    if options.json:
        say_json({esn: answer for esn, (_, answer) in answers.items()})
    else:
        for esn, line in (
            (esn, line) for esn, (text, _) in answers.items() for line in text.splitlines()
        ):
            say(f"{esn}      {line}")
    return 0 if all(answer["succeeded"] for _, answer in answers.values()) else 1


def _attempt(world: World, module: Module, work: Work) -> tuple[str, dict[str, Any]]:
    try:
        cs5_launcher.refuse_unreachable(world, module)
        text, data = work(world, module)
    except (Refusal, StateError, OSError) as refused:
        return f"FAILURE: {tool.reason(refused)}", {
            "succeeded": False,
            "error": tool.reason(refused),
        }
    return text, {"succeeded": True, "data": data}


def _chosen(world: World, esn: str | None) -> list[Module]:
    if esn:
        module = select.by_esn(world, esn)
        select.refuse_model(module, "5c", "csadmin")
        return [module]
    found = [
        module
        for module in select.enrolled(world)
        if module.model == "5c" and cs5_launcher.known(world, module)
    ]
    if not found:
        raise Refusal(
            "no nShield 5c is enrolled for CodeSafe 5; see hsmadmin cs5 enroll (guide 2.5.2.3"
            " step 9)"
        )
    return found


def _parser() -> tool.Parser:
    parser = tool.parser("csadmin", "Identities, images and SEE machines of the nShield 5c.", OURS)
    verbs = parser.add_subparsers(metavar="ids|image|load|start|stop|destroy|list", required=True)
    _add_ids(verbs)
    _add_image(verbs)
    load = verbs.add_parser("load", help="put a signed image on HSMs; prints its UUID")
    load.add_argument("image", type=Path, metavar="IMAGE.cs5")
    load.set_defaults(act=_load)
    for name, act in (("start", _start), ("stop", _stop), ("destroy", _destroy)):
        verb = verbs.add_parser(name)
        verb.add_argument("--uuid", type=str.lower, required=True)
        verb.set_defaults(act=act)
    listing = verbs.add_parser("list", help="SEE machines on HSMs")
    listing.set_defaults(act=_list)
    for name in ("load", "start", "stop", "destroy", "list"):
        _add_target(verbs.choices[name], required=name != "list")
    return parser


def _add_target(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--esn",
        type=esn,
        required=required,
        help="the HSM; without it all" if not required else "the HSM",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _add_ids(verbs: Any) -> None:
    from seemachine.nfast.tools import csadmin_ids

    parser = verbs.add_parser("ids", help="developer keys and certificates")
    # As the guide writes it, --esn and --json may stand before or after the verb.
    parser.add_argument("--esn", type=esn)
    parser.add_argument("--json", action="store_true")
    words = parser.add_subparsers(metavar="create|add|list", required=True)
    csadmin_ids.add_create(words)
    add = words.add_parser("add", help="trust a developer certificate")
    add.add_argument("certificate", type=Path, metavar="CERT.pem")
    add.set_defaults(act=_ids_add)
    listing = words.add_parser("list", help="certificates that HSMs trust")
    listing.set_defaults(act=_ids_list)
    for verb in (add, listing):
        verb.add_argument("--esn", type=esn, default=argparse.SUPPRESS)
        verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def _add_image(verbs: Any) -> None:
    from seemachine.nfast.tools import csadmin_ids, csadmin_image

    words = verbs.add_parser("image", help="make and sign images").add_subparsers(
        metavar="generate|sign|signextra", required=True
    )
    csadmin_image.add_generate(words)
    csadmin_ids.add_sign(words)
    csadmin_ids.add_signextra(words)


if __name__ == "__main__":
    sys.exit(main())
