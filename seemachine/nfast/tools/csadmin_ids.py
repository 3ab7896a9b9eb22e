"""csadmin ids create, add, list: developer keys, and certificates that HSMs trust (guide 2.5.2.3
steps 2, 12, 13).
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seemachine.cli.argtypes import esn
from seemachine.hsms.records import Module
from seemachine.nfast import files, select, tool
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.nfast.tools.csadmin_answer import answer, done
from seemachine.world import World

if TYPE_CHECKING:
    from seemachine.nfast.card_slots import Search
    from seemachine.nfast.keystore import StoredKey
    from seemachine.state.cards.dealing import CardSet

APPLICATION = "simple"


def add_ids(verbs: Any) -> None:
    """`ids` and its verbs."""
    parser = verbs.add_parser("ids", help="developer keys and certificates")
    # As the guide writes it, --esn and --json may stand before or after the verb.
    parser.add_argument("--esn", type=esn)
    parser.add_argument("--json", action="store_true")
    words = parser.add_subparsers(metavar="create|add|list", required=True)
    _add_create(words)
    add = words.add_parser("add", help="trust a developer certificate")
    add.add_argument("certificate", type=Path, metavar="CERT.pem")
    add.set_defaults(act=_add)
    listing = words.add_parser("list", help="certificates that HSMs trust")
    listing.set_defaults(act=_list)
    for verb in (add, listing):
        verb.add_argument("--esn", type=esn, default=argparse.SUPPRESS)
        verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def _add_create(words: Any) -> None:
    verb = words.add_parser("create", help="make a developer key and its CSR")
    verb.add_argument("--keyname", required=True)
    verb.add_argument("-m", "--module", type=int, metavar="M")
    verb.add_argument("--x509cname", required=True, metavar="COMMON_NAME")
    verb.add_argument("--x509org", required=True, metavar="ORGANIZATION_NAME")
    verb.set_defaults(act=_create)


def _create(options: argparse.Namespace) -> None:
    from seemachine.nfast import card_dialogue, certificates, keystore

    if options.json:
        raise Refusal("ids create has a dialogue, so it prints no JSON")
    world = tool.world()
    name = keystore.checked_ident(options.keyname)
    subject = certificates.subject(options.x509cname, options.x509org)
    keystore.refuse_taken(world, APPLICATION, name)
    csr = Path(f"{name}.csr")
    files.refuse_unwritable(csr)
    search = _search(world, options.module)
    say(f"Generate key '{name}' ...")
    say()
    secret = card_dialogue.load(search)
    key = keystore.generated(world, _draft(name, search.cardset), secret)
    say("OK")
    say(f"Generate a CSR in '{csr}' ...")
    say()
    # The guide prints no count of cards the second time.
    secret = card_dialogue.load(search, counted=False)
    request = certificates.request(keystore.opened(world, key, secret), subject)
    # Both or neither, whatever went wrong in the second dialogue: a key without its CSR would only
    # be in the way.
    keystore.save(world, key)
    files.keep(csr, request)
    say("OK")
    say(f"Created CSR file '{csr}'. Please send it to Entrust Support")


def _draft(name: str, cardset: "CardSet") -> "StoredKey":
    from seemachine.nfast.keystore import StoredKey

    return StoredKey(
        app=APPLICATION,
        ident=name,
        name=name,
        type="ECDSA",
        curve="nistp521",
        hash="",
        cardset=cardset.hash,
        recovery=True,
        public="",
        hidden="",
    )


def _search(world: World, number: int | None) -> "Search":
    """For the cards of the set of which one is presented; raises Refusal for the module's mode."""
    from seemachine.nfast.card_slots import Search

    module, cardset = _presented(world, number)
    select.refuse_mode(module)
    return Search(world, module, cardset)


def _presented(world: World, number: int | None) -> "tuple[Module, CardSet]":
    """Where an OCS card is presented, and its card set; the only one of the world when none is, to
    be asked for on the first module.
    """
    from seemachine.nfast import card_slots, securityworld
    from seemachine.state.cards.cardsets import OPERATOR

    for module in select.ready(world, number):
        for _, card in card_slots.presented(world, module).values():
            if card is not None and card.kind == OPERATOR:
                return module, securityworld.set_of_hash(world, card.set_hash)
    known = securityworld.operator_sets(world)
    if len(known) != 1:
        raise Refusal(
            "no OCS card is presented, and there is not just one card set; insert a card with:"
            " seemachine card insert"
        )
    return select.only(world, number), known[0]


def _add(options: argparse.Namespace) -> int:
    from seemachine.nfast import trust

    pem = options.certificate.read_bytes()
    return done(options, lambda world, esn: trust.register(world, esn, pem))


def _list(options: argparse.Namespace) -> int:
    from seemachine.nfast import certificates, trust

    def work(world: World, module: Module) -> tuple[str, Any]:
        found = [certificates.described(each) for each in trust.trusted(world, module)]
        return "\n".join(
            f"{each['keyid']}  {each['notAfter']}  {each['subject']}" for each in found
        ), {"Certificates": found}

    return answer(options, work)
