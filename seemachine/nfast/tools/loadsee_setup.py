"""loadsee-setup: which SEE machine an XC loads by itself (guide 2.5.1 step 8, 2.8.2 step 2)."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seemachine.hsms import records
from seemachine.hsms.records import Module
from seemachine.nfast import autoload, processes, questions, select, tool
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.world import World

NAME = "loadsee-setup"
OURS = (
    "the questions asked when -M, -U or -p is missing; -d; that files which are not signed archives"
    " are refused at once"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    module = select.of_model(world, options.module, "xc", "loadsee-setup")
    {"setup": _setup, "remove": _remove, "display": _display}[options.action](
        world, module, options
    )


def _setup(world: World, module: Module, options: argparse.Namespace) -> None:
    settings = {**autoload.defaults(), **_answers(options)}
    with records.changing(world, module.esn) as changed:
        changed.autoload = settings
        autoload.check(world, changed)
    say(f"Module #{module.number} new SEE configuration saved, new configuration follows:")
    _finish(world, module.esn)


def _answers(options: argparse.Namespace) -> dict[str, str]:
    machine = options.machine or questions.ask("Machine file:")
    if not machine:
        raise Refusal("a SEE machine is needed: -M FILE.sar")
    userdata = (
        options.userdata
        if options.userdata is not None
        else questions.ask("Userdata file:")
        if options.machine is None
        else ""
    )
    name = (
        options.publish
        if options.publish is not None
        else questions.ask("WorldID published object: [pqsdk]", "pqsdk")
    )
    files = {"machine_file": machine, "userdata": userdata}
    return {
        **{key: str(Path(value).absolute()) if value else "" for key, value in files.items()},
        "worldid_pubname": name,
    }


def _remove(world: World, module: Module, _options: argparse.Namespace) -> None:
    if not module.autoload:
        raise Refusal(f"there is no SEE configuration for module {module.number}")
    autoload.show(module)
    if not questions.confirm("Erase this configuration?"):
        return
    with records.changing(world, module.esn) as changed:
        changed.autoload = {}
    say(f"Module #{module.number} SEE auto-loading configuration removed.")
    _reload(world, module.esn)


def _display(_world: World, module: Module, _options: argparse.Namespace) -> None:
    if not module.autoload:
        raise Refusal(f"there is no SEE configuration for module {module.number}")
    autoload.show(module)


def _finish(world: World, esn: str) -> None:
    module = records.read(world, esn)
    assert module is not None
    autoload.show(module)
    _reload(world, esn)


def _reload(world: World, esn: str) -> None:
    if not questions.confirm("Reload new configuration now?"):
        return
    if not questions.confirm("Clear modules before reloading new configuration?"):
        say("The new configuration is loaded when the module is cleared next.")
        return
    processes.refuse_supervised(world)
    autoload.clear(world, esn)
    say("Modules cleared for new configuration.")
    say("Check the hardserver log to ensure the SEE machine was loaded correctly after clearing.")


def _parser() -> tool.Parser:
    parser = tool.parser(
        NAME, "Set up, show or remove which SEE machine a module loads by itself.", OURS
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-s", "--setup", action="store_const", const="setup", dest="action")
    what.add_argument("-r", "--remove", action="store_const", const="remove", dest="action")
    what.add_argument("-d", "--display", action="store_const", const="display", dest="action")
    parser.add_argument("-m", "--module", type=int, metavar="MODULE")
    parser.add_argument("-M", "--machine", metavar="MACHINE.sar")
    parser.add_argument("-U", "--userdata", metavar="USERDATA.sar")
    parser.add_argument("-p", "--publish", metavar="NAME", help="published object of the world ID")
    tool.add_help_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
