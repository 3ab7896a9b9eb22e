"""preload: loads card sets, and runs a command that may use the keys that they protect."""

import argparse
import shutil
import sys
from collections.abc import Sequence

from seemachine.nfast import card_slots, preloading, securityworld, tool
from seemachine.nfast.card_slots import Search
from seemachine.nfast.refusals import Misuse, Refusal
from seemachine.state.cards.dealing import CardSet
from seemachine.world import World

NAME = "preload"
# The other two commands of the real tool: they keep what is loaded for other sessions.
SESSIONS = ("pause", "exit")
OURS = (
    "-m, which may be given several times; that the dialogue is on standard error; that the SEE"
    " machine must run, which holds the card set; the variable SEEMACHINE_PRELOADED, in which the"
    " command finds it. A set stays loaded when its cards are pulled, and until the command ends"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code, which is that of the command."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> int:
    command = options.command[options.command[:1] == ["--"] :]
    _check(options, command)
    world = tool.world()
    searches = [
        _search(world, number, cardset)
        for cardset in _cardsets(world, options)
        for number in options.module or [None]
    ]
    with preloading.machines(world, [search.module for search in searches]) as fleet:
        for search in searches:
            preloading.load(fleet, search)
        return preloading.run(fleet, command)


def _check(options: argparse.Namespace, command: list[str]) -> None:
    """Before any card is asked for. Raises Refusal."""
    if not options.cardset and not options.cardset_name:
        raise Misuse("say which card set: -c IDENT")
    if not command:
        raise Misuse("say which command to run, after the options")
    if command[0] in SESSIONS:
        raise Misuse(
            f"preload {command[0]} is not served here: a card set stays loaded for one command; run"
            " a shell under preload for several"
        )
    if shutil.which(command[0]) is None:
        raise Refusal(f"there is no command {command[0]}")


def _cardsets(world: World, options: argparse.Namespace) -> list[CardSet]:
    """Those that are named, by hash or name, each once. Raises Refusal."""
    hashes = {known.hash: known for known in securityworld.operator_sets(world)}
    named = [
        hashes.get(ident.lower()) or securityworld.operator_set(world, ident)
        for ident in options.cardset or []
    ]
    named += [securityworld.operator_set(world, name) for name in options.cardset_name or []]
    return list(dict.fromkeys(named))


def _search(world: World, number: int | None, cardset: CardSet) -> Search:
    module = card_slots.where(world, number, cardset.hash)
    return Search(world, module, cardset, option="-m MODULE")


def _parser() -> tool.Parser:
    parser = tool.parser(NAME, "Load card sets, and run a command that uses them.", OURS)
    parser.add_argument(
        "-c",
        "--cardset",
        action="append",
        metavar="IDENT",
        help="the card set of this hash or name",
    )
    parser.add_argument(
        "--cardset-name", action="append", metavar="NAME", help="the card set of this name"
    )
    parser.add_argument(
        "-m",
        "--module",
        action="append",
        type=int,
        metavar="MODULE",
        help="where to load it; default the first module that has one of its cards",
    )
    tool.add_help_options(parser)
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="COMMAND ...", help="what to run"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
