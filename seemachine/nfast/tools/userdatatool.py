"""userdatatool.py: the NVRAM delegation certificate of a signing key, allowed by the ACS (guide
2.5.1 step 4, 2.5.2.3 step 15).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seemachine.nfast import (
    card_dialogue,
    card_slots,
    delegation,
    files,
    keystore,
    securityworld,
    tool,
)

NAME = "userdatatool.py"
ORIGIN = "release"
TITLE = "Loading ACS KNV for NVMem delegation:"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    files.refuse_unwritable(options.file)
    key = keystore.find(world, options.appname, options.ident)
    found = securityworld.read(world)
    module = card_slots.where(world, options.module, found.admin.hash)
    secret = card_dialogue.load(
        card_slots.Search(world, module, found.admin, option="-m MODULE"),
        title=TITLE,
        counted=False,
    )
    files.keep(options.file, delegation.signed(key.hash, securityworld.unlock_nso(found, secret)))


def _parser() -> tool.Parser:
    parser = tool.parser(
        NAME,
        "Make the NVRAM delegation certificate of a signing key.",
        "the format of the file; -m",
    )
    parser.add_argument("-A", "--appname", required=True, choices=keystore.APPLICATIONS)
    parser.add_argument("-I", "--ident", required=True)
    parser.add_argument("-f", "--file", type=Path, required=True, metavar="userdata.raw")
    where = (
        "where the ACS is presented; default the first module that has a card of it, else the first"
    )
    parser.add_argument("-m", "--module", type=int, metavar="MODULE", help=where)
    return parser


if __name__ == "__main__":
    sys.exit(main())
