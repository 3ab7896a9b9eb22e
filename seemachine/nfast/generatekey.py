"""generatekey: make a key of an application, or give one to another application (guide 2.5.1 step 3, 2.5.2.3 step 14, 2.9.2 step 2)."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seemachine.fleet.modules import Module
from seemachine.nfast import hosts, keystore, reading, securityworld, signing, tool
from seemachine.nfast.securityworld import CardSet
from seemachine.nfast.tool import Refusal, say

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
GENERATED = ("operation", "application", "module", "protect", "slot", "recovery", "verify", "type", "ident", "plainname", "nvram", "curve")
RETARGETED = ("operation", "application", "module", "slot", "verify", "from-application", "from-ident", "ident", "plainname")
PARAMETERS = {*TITLES, "cardset", "trusted-certifier", "seeintegname"} - {"operation", "application"}
OURS = "the questions that the guide does not print; that a key which exists is never replaced; the format of key files"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    words = _words(options.parameters)
    securityworld.read(world)
    (_retarget if options.retarget else _generate)(world, options.application, words)


def _generate(world: Path, app: str, given: dict[str, str]) -> None:
    words = {"protect": "token", "recovery": "yes", "verify": "yes", "type": "ecdsa", "nvram": "no", **given}
    _refuse_unserved(words)
    module = _module(world, words)
    cardset = _cardset(world, words) if words["protect"] == "token" else None
    if cardset and not words.get("slot"):
        words["slot"] = _asked_slot()
    words["plainname"] = words.get("plainname") or tool.ask("plainname: Key name? [] >")
    ident = keystore.checked_ident(words.get("ident") or words["plainname"])
    keystore.refuse_taken(world, app, ident)
    _show({**words, "operation": "generate", "application": app}, GENERATED)
    secret = _read_cards(world, module, cardset, words)
    path = keystore.add(world, _draft(app, ident, cardset, words), secret)
    say("Key successfully generated.")
    say(f"Path to key: {path}")


def _draft(app: str, ident: str, cardset: CardSet | None, words: dict[str, str]) -> keystore.StoredKey:
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


def _retarget(world: Path, app: str, words: dict[str, str]) -> None:
    module = _module(world, words)
    words["slot"] = words.get("slot") or _asked_slot()
    source = _source(world, words)
    ident = keystore.checked_ident(words.get("ident") or tool.ask("ident: Key identifier? [] >"))
    name = words.get("plainname") or tool.ask("plainname: Key name? [] >")
    keystore.refuse_taken(world, app, ident)
    named = {"from-application": source.app, "from-ident": source.ident, "ident": ident, "plainname": name}
    _show({**words, "operation": "retarget", "application": app, "verify": "yes", **named}, RETARGETED)
    _read_cards(world, module, securityworld.set_of_hash(world, source.cardset) if source.cardset else None, words)
    path = keystore.retarget(world, source, app, ident, name)
    say("Key successfully retargetted.")
    say(f"Path to key: {path}")


def _source(world: Path, words: dict[str, str]) -> keystore.StoredKey:
    """The key to retarget, asked for where the words leave it open."""
    known = [each for each in keystore.APPLICATIONS if keystore.listing(world, (each,))]
    if not known:
        raise Refusal("there is no key to retarget; make one with: generatekey seeinteg")
    question = f"from-application: Source application? ({', '.join(keystore.APPLICATIONS)}) [{known[0]}] >"
    app = words.get("from-application") or tool.ask(question, known[0])
    idents = [key.ident for key in keystore.listing(world, (app,))]
    if not idents:
        raise Refusal(f"there is no key of application {app}")
    question = f"from-ident: Source key identifier? ({', '.join(idents)}) [{idents[0]}] >"
    return keystore.find(world, app, words.get("from-ident") or tool.ask(question, idents[0]))


def _asked_slot() -> str:
    return tool.ask("slot: Slot to read cards from? (0-5) [0] >", "0")


def _words(parameters: list[str]) -> dict[str, str]:
    words = dict(word.partition("=")[::2] for word in parameters)
    for name in words:
        if name not in PARAMETERS:
            raise Refusal(f"unknown parameter {name}; known are {', '.join(sorted(PARAMETERS))}")
    return words


def _refuse_unserved(words: dict[str, str]) -> None:
    served = {
        "type": ("ecdsa",),
        "protect": ("token", "module"),
        "recovery": ("yes", "no"),
        "nvram": ("no",),
        "curve": tuple(signing.CURVES),
    }
    words["curve"] = words.get("curve") or tool.ask(f"curve: Elliptic curve? ({', '.join(signing.CURVES)}) [nistp521] >", "nistp521")
    for name, values in served.items():
        if words[name].lower() not in values:
            raise Refusal(f"{name}={words[name]} is not served; {name} takes {', '.join(values)}")
        words[name] = words[name].lower()


def _module(world: Path, words: dict[str, str]) -> Module:
    """The one asked for; with just one there is no question."""
    known = hosts.enrolled(world)
    if not words.get("module") and len(known) > 1:
        numbers = ", ".join(str(module.number) for module in known)
        words["module"] = tool.ask(f"module: Module to use? ({numbers}) [{known[0].number}] >", str(known[0].number))
    module = hosts.only(world, _number(words["module"], "module") if words.get("module") else None)
    hosts.refuse_mode(module)
    return module


def _cardset(world: Path, words: dict[str, str]) -> CardSet:
    if words.get("cardset"):
        return securityworld.operator_set(world, words["cardset"])
    known = [cardset.name for cardset in securityworld.operator_sets(world)]
    return securityworld.operator_set(world, tool.ask(f"cardset: Card set? ({', '.join(known)}) >", known[0] if known else ""))


def _read_cards(world: Path, module: Module, cardset: CardSet | None, words: dict[str, str]) -> bytes:
    if cardset is None:
        return b""
    return reading.load(reading.Dialogue(world, module, cardset, slot=_number(words["slot"], "slot")))


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
    parser.add_argument("-r", "--retarget", action="store_true", help="give an existing key to this application")
    parser.add_argument("application", choices=keystore.APPLICATIONS)
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help=", ".join(sorted(PARAMETERS)))
    return parser


if __name__ == "__main__":
    sys.exit(main())
