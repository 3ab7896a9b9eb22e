"""tct2 --sign-and-pack: sign a SEE machine of the XC, or the user data for one (guide 2.5.1 steps
5, 6).
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from seemachine.nfast import archives, autoload, card_slots, files, keystore, tool
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Misuse, Refusal
from seemachine.world import World

NAME = "tct2"
APPLICATION = "seeinteg"
_HASH = re.compile(r"[0-9a-f]{40}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    files.refuse_unwritable(options.out)
    if options.machine_type not in (None, autoload.MACHINE_TYPE):
        raise Refusal(f"--machine-type takes {autoload.MACHINE_TYPE}")
    payload = _input(options).read_bytes()
    if options.pack:
        archives.write(
            options.out, archives.packed(_kind(options), options.machine_type or "", payload)
        )
    else:
        _sign(options, payload)


def _sign(options: argparse.Namespace, payload: bytes) -> None:
    world = tool.world()
    if options.key is None:
        raise Misuse("say which key signs: -k IDENT")
    key = keystore.signer(world, APPLICATION, options.key)
    machine_key = "" if options.is_machine else _machine_key(world, options)
    if options.is_machine and options.machine_type is None:
        raise Refusal(f"--machine-type takes {autoload.MACHINE_TYPE}")
    module = card_slots.where(world, options.module, key.cardset)
    if options.module is None:
        say(f"No module specified, using {module.number}")
    if options.is_machine:
        say(f"Signing machine as `{options.machine_type}'.")
        say()
    private = keystore.unlock(world, module.number, key, option="-m MODULE")
    made = archives.signed(
        _kind(options), options.machine_type or "", machine_key, payload, private
    )
    archives.write(options.out, made)


def _kind(options: argparse.Namespace) -> str:
    return archives.MACHINE if options.is_machine else archives.USERDATA


def _input(options: argparse.Namespace) -> Path:
    """As the guide names it, or with -i."""
    given: list[Path] = [path for path in (options.input, options.infile) if path is not None]
    if len(given) != 1:
        raise Misuse("one input file is needed, at the end or with -i")
    return given[0]


def _machine_key(world: World, options: argparse.Namespace) -> str:
    """Hash of the key of the SEE machine that user data is for."""
    if options.machine_key_ident:
        return keystore.find(world, APPLICATION, options.machine_key_ident).hash
    if not options.machine_key:
        raise Refusal(
            "user data is signed for a SEE machine; name its key with --machine-key-ident"
        )
    found: str = options.machine_key.lower()
    if not _HASH.fullmatch(found):
        raise Misuse("--machine-key is the hash of a key, 40 hex digits; see: nfkminfo -k")
    return found


def _parser() -> tool.Parser:
    parser = tool.parser(
        NAME,
        "Sign and pack a SEE machine or its user data.",
        "the format of .sar files; that what was packed alone can't be loaded",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--sign-and-pack", action="store_true")
    what.add_argument("--pack", action="store_true", help="pack without a signature")
    parser.add_argument("-m", "--module", type=int, metavar="MODULE")
    parser.add_argument("-k", "--key", metavar="IDENT", help="seeinteg key to sign with")
    parser.add_argument(
        "--is-machine", action="store_true", help="the input is a SEE machine, else user data"
    )
    parser.add_argument("--machine-type", metavar="TYPE")
    _add_machine_keys(parser.add_mutually_exclusive_group())
    parser.add_argument("-i", "--infile", type=Path, metavar="FILE", help="the input")
    parser.add_argument("-o", "--outfile", type=Path, required=True, metavar="FILE.sar", dest="out")
    parser.add_argument("input", type=Path, nargs="?", help="the same as -i")
    tool.add_help_options(parser)
    return parser


def _add_machine_keys(which: argparse._MutuallyExclusiveGroup) -> None:
    of = "of the key of the SEE machine that user data is for"
    which.add_argument("--machine-key-ident", metavar="IDENT", help=f"name {of}, a seeinteg key")
    which.add_argument("--machine-key", metavar="HASH", help=f"hash {of}")


if __name__ == "__main__":
    sys.exit(main())
