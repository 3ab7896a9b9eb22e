"""removepubobj.py: remove a module's published object (guide 2.8.1 step 7).

Not part of the release; Entrust Support gives it out.
"""

import argparse
import sys
from collections.abc import Sequence

from seemachine.nfast import processes, select, tool
from seemachine.nfast.refusals import Refusal

NAME = "removepubobj.py"
ORIGIN = "support"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    module = select.by_number(world, options.module)
    processes.refuse_bad_name(options.name)
    path = world.published.with_name(options.name) / f"{module.esn}.json"
    if not path.exists():
        raise Refusal(f"module {module.number} has no published object {options.name}")
    path.unlink()


def _parser() -> tool.Parser:
    parser = tool.parser(
        NAME,
        "Remove a module's published object.",
        "that it prints nothing; that none there is refused",
    )
    parser.add_argument("-m", "--module", type=int, required=True, metavar="MODULE")
    parser.add_argument(
        "-p", "--name", required=True, help="name of the published object, such as pqsdk"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
