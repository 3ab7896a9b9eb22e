"""csadmin's verbs that use keys: ids create, image sign, image signextra (guide 2.5.2.3 steps 2,
18).
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seemachine.hsms.records import Module
from seemachine.nfast import files, select, tool
from seemachine.nfast.refusals import Refusal
from seemachine.nfast.tool import say
from seemachine.world import World

if TYPE_CHECKING:
    from seemachine.nfast.securityworld import CardSet

APPLICATION = "simple"


def add_create(words: Any) -> None:
    """`ids create`."""
    verb = words.add_parser("create", help="make a developer key and its CSR")
    verb.add_argument("--keyname", required=True)
    verb.add_argument("-m", "--module", type=int, metavar="M")
    verb.add_argument("--x509cname", required=True, metavar="COMMON_NAME")
    verb.add_argument("--x509org", required=True, metavar="ORGANIZATION_NAME")
    verb.set_defaults(act=_create)


def add_sign(words: Any) -> None:
    """`image sign`."""
    verb = words.add_parser(
        "sign", help="sign an image as developer and with the application signing key"
    )
    verb.add_argument("--devkeyname", required=True)
    verb.add_argument("--devcert", type=Path, required=True, metavar="CERT.pem")
    verb.add_argument("--askeyname", required=True)
    verb.add_argument("--out", type=Path, required=True)
    verb.add_argument("image", type=Path, metavar="IMAGE.cs5")
    verb.set_defaults(act=_sign)


def add_signextra(words: Any) -> None:
    """`image signextra`."""
    verb = words.add_parser(
        "signextra", help="add the signature of an older seeinteg key to a signed image"
    )
    verb.add_argument("--keyname", required=True)
    verb.add_argument("--out", type=Path, required=True)
    verb.add_argument("image", type=Path, metavar="IMAGE.cs5")
    verb.set_defaults(act=_signextra)


def _create(options: argparse.Namespace) -> None:
    from seemachine.nfast import card_dialogue, card_slots, certificates, keystore

    if options.json:
        raise Refusal("ids create has a dialogue, so it prints no JSON")
    world = tool.world()
    name = keystore.checked_ident(options.keyname)
    subject = certificates.subject(options.x509cname, options.x509org)
    keystore.refuse_taken(world, APPLICATION, name)
    csr = Path(f"{name}.csr")
    files.refuse_unwritable(csr)
    module, cardset = _presented(world, options.module)
    select.refuse_mode(module)
    search = card_slots.Search(world, module, cardset)
    say(f"Generate key '{name}' ...")
    say()
    secret = card_dialogue.load(search)
    draft = keystore.StoredKey(
        APPLICATION,
        name,
        name,
        "ECDSA",
        "nistp521",
        "",
        cardset.hash,
        recovery=True,
        public="",
        hidden="",
    )
    key = keystore.generated(world, draft, secret)
    say("OK")
    say(f"Generate a CSR in '{name}.csr' ...")
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


def _presented(world: World, number: int | None) -> "tuple[Module, CardSet]":
    """Where an OCS card is presented, and its card set; the only one of the world when none is, to
    be asked for on the first module.
    """
    from seemachine.nfast import card_slots, securityworld
    from seemachine.state.cards.cardsets import OPERATOR

    for module in select.ready(world, number):
        for _, token in card_slots.presented(world, module).values():
            if token is not None and token.token == OPERATOR:
                return module, securityworld.set_of_hash(world, token.set_hash)
    known = securityworld.operator_sets(world)
    if len(known) != 1:
        raise Refusal(
            "no OCS card is presented, and there is not just one card set; insert a card with:"
            " seemachine card insert"
        )
    return select.only(world, number), known[0]


def _sign(options: argparse.Namespace) -> None:
    from seemachine.nfast import certificates, images, keystore, signing

    world = tool.world()
    files.refuse_unwritable(options.out)
    image, certificate = (
        images.read(options.image),
        certificates.from_pem(options.devcert.read_bytes()),
    )
    developer = keystore.find(world, APPLICATION, options.devkeyname)
    ask = keystore.find(world, APPLICATION, options.askeyname)
    if signing.key_hash(certificates.public_key(certificate)) != developer.hash:
        raise Refusal(f"{options.devcert} is the certificate of another key than {developer.ident}")
    certificates.refuse_out_of_time(certificate)
    if ask.curve != signing.ASK_CURVE:
        raise Refusal(
            f"the key {ask.ident} is on {ask.curve}; an application signing key must be ECDSA on"
            f" {signing.ASK_CURVE}"
        )
    keys = [keystore.unlock(world, None, key) for key in (developer, ask)]
    images.write(options.out, images.signed(image, certificates.to_pem(certificate), *keys))


def _signextra(options: argparse.Namespace) -> None:
    from seemachine.nfast import images, keystore

    world = tool.world()
    files.refuse_unwritable(options.out)
    image = images.read(options.image)
    if not image.signatures:
        raise Refusal(f"{options.image} is not signed; sign it with: csadmin image sign")
    key = keystore.find(world, "seeinteg", options.keyname)
    private = keystore.unlock(world, None, key)
    images.write(options.out, images.with_extra(image, private))
