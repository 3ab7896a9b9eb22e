"""The words of a key for generatekey: given on the command line, else asked for; checked, and shown
in the guide's table.
"""

from collections.abc import Callable

from seemachine.hsms.records import Module
from seemachine.nfast import card_dialogue, card_slots, questions, securityworld, select
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.state.cards.dealing import CardSet
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
PARAMETERS = {*TITLES, "cardset", "size", "trusted-certifier", "seeintegname"} - {
    "operation",
    "application",
}
YES_NO = ("yes", "no")
TYPES = ("ecdsa",)


SIZES = {"256": "nistp256", "384": "nistp384", "521": "nistp521"}


class Words(dict[str, str]):
    """The words of a key. With `batch` nothing is asked: what is missing has its default, or is
    refused.
    """

    batch = False


def read(parameters: list[str]) -> Words:
    """Parameters NAME=VALUE as a table. Raises Refusal for an unknown name, or a size that is not
    the curve's.
    """
    words = dict(word.partition("=")[::2] for word in parameters)
    # An empty one is as good as none (guide 2.5.2.3 step 14: trusted-certifier=).
    given = Words({name: value for name, value in words.items() if value})
    for name in given:
        if name not in PARAMETERS:
            raise Refusal(f"unknown parameter {name}; known are {', '.join(sorted(PARAMETERS))}")
    if size := given.pop("size", ""):
        served("type", given.get("type", "ecdsa"), TYPES)
        curve = SIZES[served("size", size, tuple(SIZES))]
        if given.setdefault("curve", curve).lower() != curve:
            raise Refusal(f"size={size} is the curve {curve}, not {given['curve']}")
    return given


def word_of(
    words: Words,
    name: str,
    question: str,
    default: str | None,
    check: Callable[[str], object] = str,
) -> str:
    """A word as given, else asked for.

    Raises Refusal when `check` does, of a word at once (see questions.ask_until), and for a
    question in a batch.
    """
    given = words.get(name, default if words.batch else None)
    if given is None and words.batch:
        raise Refusal(f"{name} is missing, and --batch asks no questions: {name}=...")
    if given is None:
        return questions.ask_until(f"{name}: {question} >", default, check)
    check(given)
    return given


def served(name: str, text: str, values: tuple[str, ...]) -> str:
    """A word as one of its values. Raises Refusal for another one."""
    if text.lower() not in values:
        raise Refusal(f"{name}={text} is not served; {name} takes {', '.join(values)}")
    return text.lower()


def slot_of(words: Words) -> str:
    """The slot to read cards from. Raises Refusal for one that holds no card."""
    return word_of(words, "slot", "Slot to read cards from? (0-5) [0]", "0", _refuse_slot)


def _refuse_slot(text: str) -> None:
    """The question offers slot 1, which never holds a card."""
    if _number(text, "slot") not in card_slots.SHOWN:
        raise Refusal(
            f"no card is read from slot {text}; slots for cards are"
            f" {', '.join(map(str, card_slots.SHOWN))}"
        )


def module_of(world: World, words: Words) -> Module:
    """The one asked for; with just one there is no question."""
    known = select.enrolled(world)
    if not words.get("module") and len(known) > 1:
        question = (
            f"Module to use? ({', '.join(str(module.number) for module in known)})"
            f" [{known[0].number}]"
        )
        words["module"] = word_of(
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


def cardset_of(world: World, words: Words) -> CardSet:
    """The card set that protects the key. Raises Refusal."""
    known = [cardset.name for cardset in securityworld.operator_sets(world)]
    question, default = f"Card set? ({', '.join(known)})", known[0] if known else ""
    name = word_of(
        words, "cardset", question, default, lambda name: securityworld.operator_set(world, name)
    )
    return securityworld.operator_set(world, name)


def read_cards(world: World, module: Module, cardset: CardSet | None, words: Words) -> bytes:
    """The secret of the card set, empty without one. Raises Refusal."""
    if cardset is None:
        return b""
    return card_dialogue.load(
        card_slots.Search(world, module, cardset, slot=_number(words["slot"], "slot"))
    )


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise Refusal(f"{name} takes a number, not {text!r}")
    return int(text)


def show(words: dict[str, str], rows: tuple[str, ...]) -> None:
    """Print the guide's table of some of the words."""
    say("key generation parameters:")
    for name in rows:
        if words.get(name):
            say(f" {name:<16} {TITLES[name]:<25} {words[name]}")
    say()
