"""nfkminfo: the Security World, its card sets and keys."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seemachine.fleet.modules import OPERATIONAL
from seemachine.nfast import hosts, keystore, securityworld, tool
from seemachine.nfast.tool import say

STATE = "0x37270009 Initialised {usable} Recovery PINRecovery"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    if options.keys is not None:
        _keys(world, options.keys)
    elif options.cardsets:
        _cardsets(world)
    else:
        _world(world)


def _world(world: Path) -> None:
    found, known = securityworld.read(world), hosts.enrolled(world)
    say("World")
    for name, value in {
        "generation": str(found.generation),
        "state": STATE.format(usable=_usable(any(module.mode == OPERATIONAL for module in known))),
        "n_modules": str(len(known)),
        "hknso": found.admin.hash,
        "nso quorum": f"{found.admin.quorum} of {found.admin.cards}",
    }.items():
        say(f" {name:<11} {value}")
    for module in known:
        say()
        say(f"Module #{module.number}")
        say(f" {'generation':<11} {found.generation}")
        say(f" {'state':<11} {'0x2 Usable' if module.mode == OPERATIONAL else f'!Usable ({module.mode} mode)'}")
        say(f" {'esn':<11} {module.esn}")


def _usable(usable: bool) -> str:
    return "Usable" if usable else "!Usable"


def _cardsets(world: Path) -> None:
    found = securityworld.operator_sets(world)
    say(f"Cardset list - {len(found)} cardsets:")
    for cardset in found:
        say(f" {cardset.hash}  {cardset.quorum}/{cardset.cards}  {cardset.name}")


def _keys(world: Path, words: list[str]) -> None:
    if len(words) > 1:
        _key(world, words[0], words[1])
        return
    found = keystore.listing(world, tuple(words) or keystore.APPLICATIONS)
    say(f"Key list - {len(found)} keys")
    for key in found:
        say(f" AppName {key.app:<12} Ident {key.ident}")


def _key(world: Path, app: str, ident: str) -> None:
    key = keystore.find(world, app, ident)
    say(f"Key AppName {key.app} Ident {key.ident}")
    protected = "CardSet" if key.cardset else "Module"
    lines = {"name": key.name, "type": f"{key.type} {key.curve}", "hash": key.hash, "protection": protected, "cardset": key.cardset}
    for name, value in lines.items():
        say(f" {name:<11} {value}".rstrip())


def _parser() -> tool.Parser:
    parser = tool.parser(
        "nfkminfo", "The Security World, its card sets and keys.", "that it prints few of the real lines; the layout of -c and -k"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("-w", "--world-info", action="store_true", help="the world; the default")
    what.add_argument("-c", "--cardset-list", action="store_true", dest="cardsets")
    what.add_argument("-k", "--key-list", nargs="*", dest="keys", metavar=("APP", "IDENT"), help="keys, those of an application, or one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
