"""How csadmin answers: one line for each HSM, or one JSON document (guide 2.5.2.3 step 13)."""

import argparse
from collections.abc import Callable
from typing import Any

from seemachine.cli.argtypes import esn
from seemachine.hsms.records import Module
from seemachine.nfast import cs5_launcher, select, tool
from seemachine.nfast.output import say, say_json
from seemachine.nfast.refusals import Refusal
from seemachine.state.errors import StateError
from seemachine.world import World

Work = Callable[[World, Module], tuple[str, Any]]


def answer(options: argparse.Namespace, work: Work) -> int:
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


def done(options: argparse.Namespace, act: Callable[[World, str], None]) -> int:
    """Answer with SUCCESS once it is done."""

    def work(world: World, module: Module) -> tuple[str, Any]:
        act(world, module.esn)
        return "SUCCESS", {}

    return answer(options, work)


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


def add_target(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """--esn and --json."""
    parser.add_argument(
        "--esn",
        type=esn,
        required=required,
        help="the HSM; without it all" if not required else "the HSM",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
