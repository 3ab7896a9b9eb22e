"""hsc_loadseemachine: load what is configured, or see that it is loaded (guide 2.5.1 step 9)."""

import argparse
import sys
from collections.abc import Sequence

from seemachine.hsms import records
from seemachine.nfast import autoload, processes, select, tool
from seemachine.nfast.output import say
from seemachine.world import PUBLISHED_NAME

NAME = "hsc_loadseemachine"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    module = select.of_model(world, options.module, "xc", "hsc_loadseemachine")
    if processes.of_the_fleet(world, module) and not module.autoload:
        processes.publish(world, module, PUBLISHED_NAME)
        say(f"Module #{module.number}: the SEE machine of seemachine fleet up is loaded already")
        say(f"Module #{module.number}: world ID published as {PUBLISHED_NAME}")
        return
    loaded = autoload.check(world, module)
    if records.running(world, module.esn):
        autoload.publish(world, module)
        say(f"Module #{module.number}: SEE machine {loaded.name} is loaded already")
    else:
        autoload.load(world, module.esn)
        say(f"Module #{module.number}: SEE machine {loaded.name} loaded")
    name = module.autoload.get("worldid_pubname")
    if name:
        say(f"Module #{module.number}: world ID published as {name}")


def _parser() -> tool.Parser:
    parser = tool.parser(
        NAME,
        "Load the SEE machine that is configured for a module.",
        "all that it prints",
    )
    parser.add_argument("-m", "--module", type=int, metavar="MODULE")
    tool.add_help_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
