"""generatekey: make a key of an application, or give one to another application (guide 2.5.1 step
3, 2.5.2.3 step 14, 2.9.2 step 2).
"""

import argparse
import sys
from collections.abc import Sequence

from seemachine.nfast import (
    keystore,
    securityworld,
    signing,
    tool,
)
from seemachine.nfast.output import say
from seemachine.nfast.tools import generatekey_retarget, generatekey_words
from seemachine.nfast.tools.generatekey_words import (
    PARAMETERS,
    TYPES,
    YES_NO,
    Words,
    cardset_of,
    module_of,
    read_cards,
    served,
    show,
    slot_of,
    word_of,
)
from seemachine.state.cards.dealing import CardSet
from seemachine.world import World

NAME = "generatekey"
# In the guide's table of a new key the module stands nowhere, for there is but one.
GENERATED = (
    "operation",
    "application",
    "module",
    "protect",
    "slot",
    "recovery",
    "verify",
    "type",
    "ident",
    "plainname",
    "nvram",
    "curve",
)
DEFAULTS = {
    "protect": "token",
    "recovery": "yes",
    "verify": "yes",
    "type": "ecdsa",
    "nvram": "no",
}
OURS = (
    "the questions that the guide does not print; that a key which exists is never replaced; the"
    " format of key files"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    words = generatekey_words.read([*options.parameters, *_named(options)])
    words.batch = options.batch
    securityworld.read(world)
    (generatekey_retarget.retarget if options.retarget else _generate)(
        world, options.application, words
    )


def _named(options: argparse.Namespace) -> list[str]:
    """The words that are options too."""
    names = ("module", "cardset", "slot", "verify")
    found = {name: getattr(options, name) for name in names}
    return [f"{name}={value}" for name, value in found.items() if value is not None]


def _generate(world: World, app: str, words: Words) -> None:
    for name, value in DEFAULTS.items():
        words.setdefault(name, value)
    _refuse_unserved(words)
    module = module_of(world, words)
    cardset = cardset_of(world, words) if words["protect"] == "token" else None
    if cardset:
        words["slot"] = slot_of(words)

    def refuse_taken(ident: str) -> None:
        keystore.refuse_taken(world, app, keystore.checked_ident(ident))

    if "ident" in words:
        refuse_taken(words["ident"])
    # Without an ident, the name is it.
    default, check = ("", str) if "ident" in words else (None, refuse_taken)
    words["plainname"] = word_of(words, "plainname", "Key name? []", default, check)
    ident = keystore.checked_ident(words.get("ident") or words["plainname"])
    show({**words, "operation": "generate", "application": app}, GENERATED)
    secret = read_cards(world, module, cardset, words)
    path = keystore.add(world, _draft(app, ident, cardset, words), secret)
    say("Key successfully generated.")
    say(f"Path to key: {path}")


def _draft(app: str, ident: str, cardset: CardSet | None, words: Words) -> keystore.StoredKey:
    return keystore.StoredKey(
        app=app,
        ident=ident,
        name=words["plainname"],
        type="ECDSA",
        curve=words["curve"],
        hash="",
        cardset=cardset.hash if cardset else "",
        recovery=words["recovery"] == "yes",
        public="",
        hidden="",
    )


def _refuse_unserved(words: Words) -> None:
    values_of = {
        "type": TYPES,
        "verify": YES_NO,
        "protect": ("token", "module"),
        "recovery": YES_NO,
        "nvram": ("no",),
        "curve": tuple(signing.CURVES),
    }
    for name, values in values_of.items():
        if name in words:
            words[name] = served(name, words[name], values)
    question = f"Elliptic curve? ({', '.join(signing.CURVES)}) [nistp521]"
    words["curve"] = word_of(
        words, "curve", question, "nistp521", lambda text: served("curve", text, values_of["curve"])
    ).lower()


def _parser() -> tool.Parser:
    parser = tool.parser(NAME, "Make a key, or retarget one to another application.", OURS)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("-g", "--generate", action="store_true", help="make a key; the default")
    what.add_argument(
        "-r", "--retarget", action="store_true", help="give an existing key to this application"
    )
    parser.add_argument("-b", "--batch", action="store_true", help="ask no questions")
    parser.add_argument("-m", "--module", metavar="MODULE", help="the same as module=")
    parser.add_argument("-c", "--cardset", metavar="NAME", help="the same as cardset=")
    parser.add_argument("-s", "--slot", metavar="SLOT", help="the same as slot=")
    parser.add_argument(
        "--no-verify", action="store_const", const="no", dest="verify", help="as verify=no"
    )
    parser.add_argument("application", choices=keystore.APPLICATIONS)
    parser.add_argument(
        "parameters", nargs="*", metavar="NAME=VALUE", help=", ".join(sorted(PARAMETERS))
    )
    tool.add_help_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
