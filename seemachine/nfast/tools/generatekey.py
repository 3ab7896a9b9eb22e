"""generatekey: make a key of an application, or give one to another application (guide 2.5.1 step
3, 2.5.2.3 step 14, 2.9.2 step 2).
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from seemachine.hsms.records import Module
from seemachine.nfast import (
    card_dialogue,
    card_slots,
    keystore,
    questions,
    securityworld,
    select,
    signing,
    tool,
)
from seemachine.nfast.refusals import Refusal
from seemachine.nfast.securityworld import CardSet
from seemachine.nfast.tool import say
from seemachine.world import World

TITLES = {
    "operation": "Operation to perform",
    "application": "Application",
    "module": "Module to use",
    "protect": "Protected by",
    "slot": "Slot to read cards from",
    "recovery": "Key recovery",
    "verify": "Verify security of key",
    "type": "Key type",
    "from-application": "Source application",
    "from-ident": "Source key identifier",
    "ident": "Key identifier",
    "plainname": "Key name",
    "nvram": "Blob in NVRAM (needs ACS)",
    "curve": "Elliptic curve",
}
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
RETARGETED = (
    "operation",
    "application",
    "module",
    "slot",
    "verify",
    "from-application",
    "from-ident",
    "ident",
    "plainname",
)
PARAMETERS = {*TITLES, "cardset", "trusted-certifier", "seeintegname"} - {
    "operation",
    "application",
}
YES_NO = ("yes", "no")
OURS = (
    "the questions that the guide does not print; that a key which exists is never replaced; the"
    " format of key files"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    words = _words(options.parameters)
    securityworld.read(world)
    (_retarget if options.retarget else _generate)(world, options.application, words)


def _generate(world: World, app: str, given: dict[str, str]) -> None:
    words = {
        "protect": "token",
        "recovery": "yes",
        "verify": "yes",
        "type": "ecdsa",
        "nvram": "no",
        **given,
    }
    _refuse_unserved(words)
    module = _module(world, words)
    cardset = _cardset(world, words) if words["protect"] == "token" else None
    if cardset:
        words["slot"] = _slot(words)

    def refuse_taken(ident: str) -> None:
        keystore.refuse_taken(world, app, keystore.checked_ident(ident))

    if "ident" in words:
        refuse_taken(words["ident"])
    # Without an ident, the name is it.
    words["plainname"] = _word(
        words, "plainname", "Key name? []", None, str if "ident" in words else refuse_taken
    )
    ident = keystore.checked_ident(words.get("ident") or words["plainname"])
    _show({**words, "operation": "generate", "application": app}, GENERATED)
    secret = _read_cards(world, module, cardset, words)
    path = keystore.add(world, _draft(app, ident, cardset, words), secret)
    say("Key successfully generated.")
    say(f"Path to key: {path}")


def _draft(
    app: str, ident: str, cardset: CardSet | None, words: dict[str, str]
) -> keystore.StoredKey:
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


def _retarget(world: World, app: str, words: dict[str, str]) -> None:
    words["verify"] = _served("verify", words.get("verify") or "yes", YES_NO)
    module = _module(world, words)
    if _on_cards(world, words):
        words["slot"] = _slot(words)
    source = _source(world, words)

    def refuse_taken(ident: str) -> None:
        keystore.refuse_taken(
            world, app, keystore.checked_ident(ident), advice=_no_room(source, app)
        )

    ident = keystore.checked_ident(_word(words, "ident", "Key identifier? []", None, refuse_taken))
    name = _word(words, "plainname", "Key name? []", None)
    named = {
        "from-application": source.app,
        "from-ident": source.ident,
        "ident": ident,
        "plainname": name,
    }
    _show({**words, "operation": "retarget", "application": app, **named}, RETARGETED)
    _read_cards(
        world,
        module,
        securityworld.set_of_hash(world, source.cardset) if source.cardset else None,
        words,
    )
    path = keystore.retarget(world, source, app, ident, name)
    say("Key successfully retargetted.")
    say(f"Path to key: {path}")


def _source(world: World, words: dict[str, str]) -> keystore.StoredKey:
    """The key to retarget, asked for where the words leave it open."""
    known = [each for each in keystore.APPLICATIONS if keystore.listing(world, (each,))]
    if not known:
        raise Refusal("there is no key to retarget; make one with: generatekey seeinteg")

    def refuse_empty(app: str) -> None:
        if app not in known:
            raise Refusal(
                f"there is no key of application {app}; applications are"
                f" {', '.join(keystore.APPLICATIONS)}"
            )

    question = f"Source application? ({', '.join(keystore.APPLICATIONS)}) [{known[0]}]"
    app = _word(words, "from-application", question, known[0], refuse_empty)
    idents = [key.ident for key in keystore.listing(world, (app,))]
    question = f"Source key identifier? ({', '.join(idents)}) [{idents[0]}]"
    return keystore.find(
        world,
        app,
        _word(
            words, "from-ident", question, idents[0], lambda ident: keystore.find(world, app, ident)
        ),
    )


def _on_cards(world: World, words: dict[str, str]) -> bool:
    """Whether a card may have to be read: the key, or one of those that the words leave open, is
    protected by a card set.
    """
    app = words.get("from-application")
    keys = keystore.listing(
        world, (app,) if app in keystore.APPLICATIONS else keystore.APPLICATIONS
    )
    return any(
        key.cardset for key in keys if words.get("from-ident", key.ident).lower() == key.ident
    )


def _no_room(source: keystore.StoredKey, app: str) -> str:
    """Guide 2.9.2 retargets to the name that 2.5.2.3 gave another key."""
    room = (
        f"move it out of that folder first, or retarget {source.app} {source.ident} to another"
        " ident"
    )
    return f"{room}, and sign the image with that: --askeyname IDENT" if app == "simple" else room


def _word(
    words: dict[str, str],
    name: str,
    question: str,
    default: str | None,
    check: Callable[[str], object] = str,
) -> str:
    """A word as given, else asked for.

    Raises Refusal when `check` does, of a word at once; see questions.ask_until.
    """
    given = words.get(name)
    if not given:
        return questions.ask_until(f"{name}: {question} >", default, check)
    check(given)
    return given


def _slot(words: dict[str, str]) -> str:
    return _word(words, "slot", "Slot to read cards from? (0-5) [0]", "0", _refuse_slot)


def _refuse_slot(text: str) -> None:
    """The question offers slot 1, which never holds a card."""
    if _number(text, "slot") not in card_slots.SHOWN:
        raise Refusal(
            f"no card is read from slot {text}; slots for cards are"
            f" {', '.join(map(str, card_slots.SHOWN))}"
        )


def _words(parameters: list[str]) -> dict[str, str]:
    words = dict(word.partition("=")[::2] for word in parameters)
    for name in words:
        if name not in PARAMETERS:
            raise Refusal(f"unknown parameter {name}; known are {', '.join(sorted(PARAMETERS))}")
    # An empty one is as good as none (guide 2.5.2.3 step 14: trusted-certifier=).
    return {name: value for name, value in words.items() if value}


def _refuse_unserved(words: dict[str, str]) -> None:
    served = {
        "type": ("ecdsa",),
        "verify": YES_NO,
        "protect": ("token", "module"),
        "recovery": YES_NO,
        "nvram": ("no",),
        "curve": tuple(signing.CURVES),
    }
    for name, values in served.items():
        if name in words:
            words[name] = _served(name, words[name], values)
    question = f"Elliptic curve? ({', '.join(signing.CURVES)}) [nistp521]"
    words["curve"] = _word(
        words, "curve", question, "nistp521", lambda text: _served("curve", text, served["curve"])
    ).lower()


def _served(name: str, text: str, values: tuple[str, ...]) -> str:
    if text.lower() not in values:
        raise Refusal(f"{name}={text} is not served; {name} takes {', '.join(values)}")
    return text.lower()


def _module(world: World, words: dict[str, str]) -> Module:
    """The one asked for; with just one there is no question."""
    known = select.enrolled(world)
    if not words.get("module") and len(known) > 1:
        question = (
            f"Module to use? ({', '.join(str(module.number) for module in known)})"
            f" [{known[0].number}]"
        )
        words["module"] = _word(
            words, "module", question, str(known[0].number), lambda text: _numbered(world, text)
        )
    return (
        _numbered(world, words["module"])
        if words.get("module")
        else _ready(select.only(world, None))
    )


def _numbered(world: World, text: str) -> Module:
    return _ready(select.by_number(world, _number(text, "module")))


def _ready(module: Module) -> Module:
    select.refuse_mode(module)
    return module


def _cardset(world: World, words: dict[str, str]) -> CardSet:
    known = [cardset.name for cardset in securityworld.operator_sets(world)]
    question, default = f"Card set? ({', '.join(known)})", known[0] if known else ""
    name = _word(
        words, "cardset", question, default, lambda name: securityworld.operator_set(world, name)
    )
    return securityworld.operator_set(world, name)


def _read_cards(
    world: World, module: Module, cardset: CardSet | None, words: dict[str, str]
) -> bytes:
    if cardset is None:
        return b""
    return card_dialogue.load(
        card_slots.Search(world, module, cardset, slot=_number(words["slot"], "slot"))
    )


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise Refusal(f"{name} takes a number, not {text!r}")
    return int(text)


def _show(words: dict[str, str], rows: tuple[str, ...]) -> None:
    say("key generation parameters:")
    for name in rows:
        if words.get(name):
            say(f" {name:<16} {TITLES[name]:<25} {words[name]}")
    say()


def _parser() -> tool.Parser:
    parser = tool.parser("generatekey", "Make a key, or retarget one to another application.", OURS)
    parser.add_argument(
        "-r", "--retarget", action="store_true", help="give an existing key to this application"
    )
    parser.add_argument("application", choices=keystore.APPLICATIONS)
    parser.add_argument(
        "parameters", nargs="*", metavar="NAME=VALUE", help=", ".join(sorted(PARAMETERS))
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
