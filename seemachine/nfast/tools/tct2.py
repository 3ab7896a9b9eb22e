"""tct2 --sign-and-pack: sign a SEE machine of the XC, or the user data for one (guide 2.5.1 steps
5, 6).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seemachine.nfast import archives, autoload, files, keystore, tool
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal

NAME = "tct2"
APPLICATION = "seeinteg"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    files.refuse_unwritable(options.out)
    key = keystore.signer(world, APPLICATION, options.key)
    payload = options.input.read_bytes()
    if options.is_machine:
        if options.machine_type != autoload.MACHINE_TYPE:
            raise Refusal(f"--machine-type takes {autoload.MACHINE_TYPE}")
        say(f"Signing machine as `{options.machine_type}'.")
        say()
        machine_key = ""
    else:
        if not options.machine_key_ident:
            raise Refusal(
                "user data is signed for a SEE machine; name its key with --machine-key-ident"
            )
        machine_key = keystore.find(world, APPLICATION, options.machine_key_ident).hash
    private = keystore.unlock(world, options.module, key, option="-m MODULE")
    kind = archives.MACHINE if options.is_machine else archives.USERDATA
    archives.write(
        options.out,
        archives.signed(kind, options.machine_type or "", machine_key, payload, private),
    )


def _parser() -> tool.Parser:
    parser = tool.parser(
        NAME, "Sign and pack a SEE machine or its user data.", "the format of .sar files"
    )
    parser.add_argument("--sign-and-pack", action="store_true", required=True)
    parser.add_argument("-m", "--module", type=int, metavar="MODULE")
    parser.add_argument(
        "-k", "--key", required=True, metavar="IDENT", help="seeinteg key to sign with"
    )
    parser.add_argument(
        "--is-machine", action="store_true", help="the input is a SEE machine, else user data"
    )
    parser.add_argument("--machine-type", metavar="TYPE")
    parser.add_argument(
        "--machine-key-ident",
        metavar="IDENT",
        help="seeinteg key of the SEE machine that user data is for",
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE.sar")
    parser.add_argument("input", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
