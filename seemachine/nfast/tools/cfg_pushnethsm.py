"""cfg-pushnethsm: give an HSM a new configuration file; of it [load_seemachine] is used (guide
2.5.1 step 8, by configuration file).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seemachine.hsms import records
from seemachine.hsms.records import Module
from seemachine.nfast import autoload, files, paths, processes, select, tool
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.world import World

NAME = "cfg-pushnethsm"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world, text = tool.world(), files.text_of(options.file)
    module = _at(world, options.address)
    select.refuse_model(module, "xc", "the section [load_seemachine]")
    settings = _only(autoload.configuration(text))
    # A Connect has one module, whatever number it has on this host.
    if settings.pop("module", "1") != "1":
        raise Refusal("[load_seemachine] of a network HSM is for its own module, which is number 1")
    if settings.pop("pull_rfs", "no") != "yes" and settings:
        raise Refusal("the files lie on the RFS, so [load_seemachine] needs pull_rfs=yes")
    processes.refuse_supervised(world)
    with records.changing(world, module.esn) as changed:
        changed.autoload = {**autoload.defaults(), **settings} if settings else {}
        if settings:
            autoload.check(world, changed)
    replace_file(private_folder(paths.rfs(world, module.esn) / "config") / "config", text.encode())
    autoload.clear(world, module.esn)
    say(f"configuration pushed to {module.esn}; see {paths.hardserver_log(world)}")


def _only(found: list[dict[str, str]]) -> dict[str, str]:
    """The record of the HSM's own module; empty without one."""
    if len(found) > 1:
        raise Refusal(
            "[load_seemachine] of a network HSM is for its own module, and has one record;"
            f" here are {len(found)}"
        )
    return found[0] if found else {}


def _at(world: World, address: str) -> Module:
    found = [module for module in select.enrolled(world) if address in (module.address, module.esn)]
    if not found:
        raise Refusal(f"no HSM answers at {address}")
    if len(found) > 1:
        raise Refusal(
            f"several HSMs of this world share {address}; name one by its ESN:"
            f" {', '.join(each.esn for each in found)}"
        )
    return found[0]


def _parser() -> tool.Parser:
    ours = (
        "what it prints; that it clears the module; that -a also takes an ESN, for all HSMs of a"
        " world may share one address"
    )
    parser = tool.parser(NAME, "Give an HSM a new configuration.", ours)
    parser.add_argument("-a", "--address", required=True, metavar="HSM_IP_ADDRESS")
    parser.add_argument("file", type=Path)
    tool.add_help_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
