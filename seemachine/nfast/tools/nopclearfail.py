"""nopclearfail: clear modules and change their mode (guide 2.5 step 4, 2.8.1 step 6)."""

import argparse
import sys
from collections.abc import Sequence

from seemachine.hsms import records
from seemachine.hsms.records import Module
from seemachine.nfast import autoload, select, tool
from seemachine.nfast.output import say
from seemachine.world import World

NAME = "nopclearfail"
MODES = {"M": "maintenance", "O": records.OPERATIONAL, "I": "initialization"}
OURS = (
    "the lines of -n, -M, -O and -I; that -c brings a module back to operational, as -O does; that"
    " a clear stops a 5c's SEE machine, which csadmin start starts again; that a clear of a module"
    " that failed by an injected fault ends that fault alone"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    found = select.chosen(world, options.module)
    for module in found:
        _one(world, module, options.command)


def _one(world: World, module: Module, command: str) -> None:
    if command == "NoOp":
        say(f"Module {module.number}, command NoOp: OK")
        return
    mode = MODES.get(command, records.OPERATIONAL)
    if mode != records.OPERATIONAL or not _failed_on_demand(world, module):
        autoload.clear(world, module.esn, mode)
    say(f"Module {module.number}, command {'ClearUnitEx' if command in MODES else 'ClearUnit'}: OK")


def _failed_on_demand(world: World, module: Module) -> bool:
    """Whether an injected fault had let it fail, which is over now."""
    if not records.running(world, module.esn):
        return False
    # It takes a while to load.
    from seemachine.nfast import injected

    return injected.cleared(world, module.esn)


def _parser() -> tool.Parser:
    parser = tool.parser(NAME, "Clear modules, or change their mode.", OURS)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "-c",
        "--clear",
        action="store_const",
        const="ClearUnit",
        dest="command",
        help="clear: keys and SEE machines leave the module",
    )
    what.add_argument("-n", action="store_const", const="NoOp", dest="command", help="do nothing")
    for letter, mode in MODES.items():
        what.add_argument(
            f"-{letter}",
            f"--{mode}",
            action="store_const",
            const=letter,
            dest="command",
            help=f"clear into {mode} mode",
        )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("-m", "--module", type=int, metavar="MODULE", help="default all")
    which.add_argument("-a", "--all", action="store_true", help="all, as without -m")
    wait = "wait until it is done, as this one always does"
    parser.add_argument("-w", "--wait", action="store_true", help=wait)
    tool.add_help_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
