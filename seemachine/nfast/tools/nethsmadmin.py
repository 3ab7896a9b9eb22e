"""nethsmadmin -a: feed a licence file to an HSM; it becomes effective when the module is cleared
(guide 2.5 step 4).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seemachine.hsms import records
from seemachine.nfast import files, licences, select, tool
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal

NAME = "nethsmadmin"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    if not options.apply.is_file():
        raise Refusal(f"there is no licence file {options.apply}")
    esn, features = licences.read(world, files.text_of(options.apply))
    module = (
        select.by_esn(world, esn)
        if options.module is None
        else select.by_number(world, options.module)
    )
    if esn != module.esn:
        raise Refusal(f"this licence is for {esn}, not for {module.esn}")
    with records.changing(world, module.esn) as changed:
        changed.licences = sorted({*changed.licences, *features})
    say(f"licence accepted; it becomes effective with: nopclearfail -c -m {module.number}")


def _parser() -> tool.Parser:
    parser = tool.parser(
        NAME, "Feed a licence file to an HSM.", "what it prints; that only -a is served"
    )
    parser.add_argument(
        "-m", "--module", type=int, metavar="MODULE", help="default the one that the licence is for"
    )
    parser.add_argument(
        "-s",
        "--rfs",
        required=True,
        metavar="RFS_IP_ADDRESS",
        help="taken as given: the RFS is the world folder",
    )
    parser.add_argument("-a", "--apply", type=Path, required=True, metavar="LICENSE_FILE.txt")
    tool.add_help_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
