"""nfkminfo: the Security World, its card sets and keys."""

import argparse
import sys
from collections.abc import Sequence

from seemachine.nfast import keystore, questions, securityworld, select, tool
from seemachine.nfast.output import say
from seemachine.nfast.tools import nfkminfo_world
from seemachine.world import World

NAME = "nfkminfo"
CARDSETS = "Keys protected by cardsets:"


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
    nfkminfo_world.show(found, known)
    if options.pool:
        nfkminfo_world.show_pool(found, known, chosen)
        return
    for module in chosen:
        nfkminfo_world.show_module(world, found, module)
    say()
    say("No Pre-Loaded Objects")


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
        say(f" AppName {key.app:<20} Ident {key.ident}")


def _names(world: World, apps: list[str]) -> None:
    """By protection: the keys of the module, then those of card sets."""
    found = keystore.listing(world, tuple(apps) or keystore.APPLICATIONS)
    for title, on_cards in (("Keys with module protection:", False), (CARDSETS, True)):
        keys = [key for key in found if bool(key.cardset) == on_cards]
        if keys:
            say(title)
        for key in keys:
            say(f" key_{key.app}_{key.ident} `{key.name}'")


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
        "that it prints few of the real lines; the layout of -c, --pool and one key; the numbers of"
        " states other than Usable and Empty; that no client is ever preloaded (-p)"
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
    tool.add_help_options(parser)
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
