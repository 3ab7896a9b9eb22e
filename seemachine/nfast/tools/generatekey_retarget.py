"""generatekey -r: give a key to another application (guide 2.9.2 step 2)."""

from seemachine.nfast import keystore, securityworld
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.nfast.tools.generatekey_words import (
    YES_NO,
    Words,
    module_of,
    read_cards,
    served,
    show,
    slot_of,
    word_of,
)
from seemachine.world import World

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


def retarget(world: World, app: str, words: Words) -> None:
    """Give the key that the words name, or answers do, to the application. Raises Refusal."""
    words["verify"] = served("verify", words.get("verify") or "yes", YES_NO)
    module = module_of(world, words)
    if _on_cards(world, words):
        words["slot"] = slot_of(words)
    source = _source(world, words)

    def refuse_taken(ident: str) -> None:
        keystore.refuse_taken(
            world, app, keystore.checked_ident(ident), advice=_no_room(source, app)
        )

    ident = keystore.checked_ident(
        word_of(words, "ident", "Key identifier? []", None, refuse_taken)
    )
    name = word_of(words, "plainname", "Key name? []", None)
    _show(app, source, {**words, "ident": ident, "plainname": name})
    protecting = securityworld.set_of_hash(world, source.cardset) if source.cardset else None
    read_cards(world, module, protecting, words)
    path = keystore.retarget(world, source, app, ident, name)
    say("Key successfully retargetted.")
    say(f"Path to key: {path}")


def _show(app: str, source: keystore.StoredKey, words: dict[str, str]) -> None:
    head = {"operation": "retarget", "application": app}
    found = {"from-application": source.app, "from-ident": source.ident}
    show({**words, **head, **found}, RETARGETED)


def _source(world: World, words: Words) -> keystore.StoredKey:
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
    app = word_of(words, "from-application", question, known[0], refuse_empty)
    idents = [key.ident for key in keystore.listing(world, (app,))]
    question = f"Source key identifier? ({', '.join(idents)}) [{idents[0]}]"
    return keystore.find(
        world,
        app,
        word_of(
            words, "from-ident", question, idents[0], lambda ident: keystore.find(world, app, ident)
        ),
    )


def _on_cards(world: World, words: Words) -> bool:
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
