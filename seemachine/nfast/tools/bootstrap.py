"""bootstrap.py: publish a started SEE machine of a 5c, so that clients find it (guide 2.5.2.3 step
21).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seemachine.hsms.records import Module
from seemachine.nfast import containers, images, processes, select, tool
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.nfast.tools import csadmin_machines
from seemachine.world import PUBLISHED_NAME, World

NAME = "bootstrap.py"
ORIGIN = "release"
OURS = "-p; the texts of refusals; that it publishes the SEE machine that seemachine fleet up runs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    module = select.by_number(world, options.module)
    select.refuse_model(module, "5c", "bootstrap.py")
    fleets = processes.of_the_fleet(world, module)
    if not (fleets and options.uuid == csadmin_machines.NO_UUID):
        _refuse_other(world, module, options, fleets=fleets)
    processes.publish(world, module, options.name)
    say("Creating SEE Connection succeeded")
    say("Published worldid object status: OK")


def _refuse_other(
    world: World, module: Module, options: argparse.Namespace, *, fleets: bool
) -> None:
    """Raises Refusal unless the image of the file was loaded as that UUID, and is started: by
    csadmin, or in its place by a fleet.
    """
    loaded, sha256 = module.image(options.uuid), images.read(options.cs5file).sha256
    if loaded is None:
        raise Refusal(
            f"there is no SEE machine {options.uuid} on module {module.number}; see: csadmin list"
        )
    if loaded.sha256 != sha256:
        raise Refusal(f"{options.cs5file} is not the image that was loaded as {options.uuid}")
    if not (
        containers.is_started(world, module, options.uuid) or (fleets and loaded is module.chosen)
    ):
        raise Refusal(
            f"the SEE machine is not started; start it with: csadmin start --esn {module.esn}"
            f" --uuid {options.uuid}"
        )


def _parser() -> tool.Parser:
    parser = tool.parser(NAME, "Publish a started SEE machine of a 5c.", OURS)
    parser.add_argument("-m", "--module", type=int, required=True, metavar="MODULE")
    parser.add_argument(
        "--uuid",
        type=str.lower,
        required=True,
        help=f"as csadmin list prints it; {csadmin_machines.NO_UUID} for a fleet's",
    )
    parser.add_argument(
        "--cs5file",
        type=Path,
        required=True,
        help="the image that was loaded; not looked at for a fleet's",
    )
    parser.add_argument(
        "-p",
        "--name",
        default=PUBLISHED_NAME,
        help=f"name of the published object; default {PUBLISHED_NAME}",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
