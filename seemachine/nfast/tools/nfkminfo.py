"""nfkminfo: the Security World, its card sets and keys."""

import argparse
import sys
from collections.abc import Sequence

from seemachine.hsms.records import OPERATIONAL
from seemachine.nfast import keystore, questions, securityworld, select, tool
from seemachine.nfast.output import say
from seemachine.nfast.securityworld import SecurityWorld
from seemachine.world import World

NAME = "nfkminfo"
MODULE_STATE = "0x2 Usable"
STATE = "0x37270009 Initialised {usable} Recovery PINRecovery"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    if options.keys is not None:
        _keys(world, options.keys)
    elif options.names is not None:
        _names(world, options.names)
    elif options.cardsets:
        _cardsets(world)
    elif options.softcards:
        # There is no tool here that makes one.
        say("Softcard list - 0 softcards:")
    else:
        _world(world, options)
        while options.repeat and questions.answered():
            _world(world, options)


def _world(world: World, options: argparse.Namespace) -> None:
    found, known = securityworld.read(world), select.enrolled(world)
    chosen = known if options.module is None else [select.by_number(world, options.module)]
    usable = any(module.mode == OPERATIONAL for module in known)
    say("World")
    for name, value in {
        "generation": str(found.generation),
        "state": STATE.format(usable=_usable(usable)),
        "n_modules": str(len(known)),
        "hknso": found.admin.hash,
        "nso quorum": f"{found.admin.quorum} of {found.admin.cards}",
    }.items():
        say(f" {name:<11} {value}")
    if options.pool:
        _block(
            "Pool",
            found,
            MODULE_STATE if usable else _usable(usable),
            ", ".join(module.esn for module in chosen),
        )
        return
    for module in chosen:
        state = MODULE_STATE if module.mode == OPERATIONAL else f"!Usable ({module.mode} mode)"
        _block(f"Module #{module.number}", found, state, module.esn)


def _block(title: str, found: SecurityWorld, state: str, esn: str) -> None:
    say()
    say(title)
    for name, value in {"generation": str(found.generation), "state": state, "esn": esn}.items():
        say(f" {name:<11} {value}")


def _usable(usable: bool) -> str:
    return "Usable" if usable else "!Usable"


def _cardsets(world: World) -> None:
    found = securityworld.operator_sets(world)
    say(f"Cardset list - {len(found)} cardsets:")
    for cardset in found:
        say(f" {cardset.hash}  {cardset.quorum}/{cardset.cards}  {cardset.name}")


def _keys(world: World, words: list[str]) -> None:
    if len(words) > 1:
        _key(world, words[0], words[1])
        return
    found = keystore.listing(world, tuple(words) or keystore.APPLICATIONS)
    say(f"Key list - {len(found)} keys")
    for key in found:
        say(f" AppName {key.app:<12} Ident {key.ident}")


def _names(world: World, apps: list[str]) -> None:
    """By protection: the keys of the module, then those of each card set."""
    found = keystore.listing(world, tuple(apps) or keystore.APPLICATIONS)
    sets = {cardset.hash: cardset.name for cardset in securityworld.operator_sets(world)}
    for protection in ("", *sets, *sorted({key.cardset for key in found} - {"", *sets})):
        keys = [key for key in found if key.cardset == protection]
        if keys:
            say(
                "Keys protected by the module:"
                if not protection
                else f"Keys protected by cardset {sets.get(protection, protection)}:"
            )
        for key in keys:
            say(f" key_{key.app}_{key.ident:<24} {key.name}".rstrip())


def _key(world: World, app: str, ident: str) -> None:
    key = keystore.find(world, app, ident)
    say(f"Key AppName {key.app} Ident {key.ident}")
    protected = "CardSet" if key.cardset else "Module"
    lines = {
        "name": key.name,
        "type": f"{key.type} {key.curve}",
        "hash": key.hash,
        "protection": protected,
        "cardset": key.cardset,
    }
    for name, value in lines.items():
        say(f" {name:<11} {value}".rstrip())


def _parser() -> tool.Parser:
    ours = (
        "that it prints few of the real lines; the layout of -c, -k, -l and --pool; that no client"
        " is ever preloaded (-p)"
    )
    parser = tool.parser(NAME, "The Security World, its card sets and keys.", ours)
    _add_lists(parser.add_mutually_exclusive_group())
    parser.add_argument("-m", "--module", type=int, metavar="MODULE", help="default all")
    parser.add_argument("--pool", action="store_true", help="all modules as one")
    parser.add_argument(
        "-r", "--repeat", action="store_true", help="again with each line of standard input"
    )
    parser.add_argument(
        "-p",
        "--preload-client-id",
        action="store_true",
        help="the preloaded client, of which there is none",
    )
    return parser


def _add_lists(what: argparse._MutuallyExclusiveGroup) -> None:
    what.add_argument("-w", "--world-info", action="store_true", help="the world; the default")
    what.add_argument("-c", "--cardset-list", action="store_true", dest="cardsets")
    what.add_argument("-s", "--softcard-list", action="store_true", dest="softcards")
    what.add_argument(
        "-k",
        "--key-list",
        nargs="*",
        dest="keys",
        metavar=("APP", "IDENT"),
        help="keys, those of an application, or one",
    )
    what.add_argument(
        "-l",
        "--name-list",
        nargs="*",
        dest="names",
        metavar="APP",
        help="keys and names, by protection",
    )


if __name__ == "__main__":
    sys.exit(main())
