"""Making ML-DSA keys, as `pipsqueak generate` does unless it is told otherwise (guide 2.7.1); and
taking in those that were made elsewhere.
"""

import time
from collections.abc import Callable

from seeclient import dispatch, tokens
from seeclient.algorithms.mldsa.asking import first_reply
from seeclient.algorithms.mldsa.keyfile import MldsaKeyFile
from seeclient.algorithms.mldsa.recipe import Recipe, check
from seeclient.effects import Peer, Roster, Story
from seeclient.events import KeyMade, Listener
from seeclient.keyfile import Made
from seeclient.results import Generated
from seeclient.tokens import OperatorSet
from seemachine.mldsa.parameters import MldsaError, MldsaParameters, mldsa, of_public_key
from seemachine.wire.messages import GenerateMldsa, ImportMldsa, MldsaMade
from seemachine.wire.requests import Request
from seemachine.wire.status import Status, StatusError

MODULE_ALONE = OperatorSet("", b"")


def generate(roster: Roster, recipe: Recipe, progress: Listener) -> Story[Generated[MldsaKeyFile]]:
    """Make a key and save its key file. Raises StatusError."""
    check(recipe, roster.keys, GenerateMldsa.NAME)
    cards, parameters = _cards(roster, recipe), mldsa(recipe.mldsacode)

    def request(logical_token: bytes | None) -> GenerateMldsa:
        return GenerateMldsa(
            mldsa=parameters.number,
            cardset=cards.hash or None,
            logical_token=logical_token,
            export=recipe.export,
        )

    began = time.perf_counter()
    peer, made = yield from _made(roster, recipe, cards, request)
    seconds = time.perf_counter() - began
    _check_made(peer, parameters, made, GenerateMldsa.NAME)
    key = _saved(roster, peer, recipe, cards, made)
    progress(KeyMade(key.algorithm, recipe.alias, seconds))
    return Generated(key, made.private_key)


def take_in(
    roster: Roster, recipe: Recipe, public_key: bytes, private_key: bytes
) -> Story[MldsaKeyFile]:
    """Take in a key pair that was made elsewhere, and save its key file. Raises StatusError."""
    check(recipe, roster.keys, ImportMldsa.NAME)
    cards, parameters = _cards(roster, recipe), mldsa(recipe.mldsacode)

    def request(logical_token: bytes | None) -> ImportMldsa:
        return ImportMldsa(
            mldsa=parameters.number,
            public_key=public_key,
            private_key=private_key,
            cardset=cards.hash or None,
            logical_token=logical_token,
        )

    peer, made = yield from _made(roster, recipe, cards, request)
    if made.public_key != public_key:
        raise dispatch.impossible(peer, "takes in another key than was given", ImportMldsa.NAME)
    return _saved(roster, peer, recipe, cards, made)


def set_of(public_key: bytes) -> str:
    """The name of the set of a public key. Raises StatusError (InvalidParameter)."""
    try:
        return of_public_key(public_key).name
    except MldsaError as error:
        raise StatusError(Status.InvalidParameter, str(error), ImportMldsa.NAME) from None


def _cards(roster: Roster, recipe: Recipe) -> OperatorSet:
    return tokens.named(roster.keys.folder, recipe.token) if recipe.token else MODULE_ALONE


def _made(
    roster: Roster,
    recipe: Recipe,
    cards: OperatorSet,
    request: Callable[[bytes | None], Request[MldsaMade]],
) -> Story[tuple[Peer, MldsaMade]]:
    peers = [dispatch.machine(roster, recipe.esn)] if recipe.esn else roster.peers
    for peer in peers:
        roster.keys.refuse_kind(f"a key of {peer.esn}", marked=bool(peer.greeting.insecure))
    return (yield from first_reply(roster, peers, request, cards.hash, recipe.passphrases))


def _check_made(peer: Peer, parameters: MldsaParameters, made: MldsaMade, request: str) -> None:
    """Whether a key is of the set that was asked for. Raises StatusError."""
    if len(made.public_key) != parameters.public_bytes:
        what = f"made a key of {len(made.public_key)} bytes, not of {parameters.standard_name}"
        raise dispatch.impossible(peer, what, request)


def _saved(
    roster: Roster, peer: Peer, recipe: Recipe, cards: OperatorSet, made: MldsaMade
) -> MldsaKeyFile:
    """The key file of a key that a machine made. Raises StatusError."""
    key = MldsaKeyFile(
        recipe.alias.lower(),
        made.public_key,
        made.blob,
        cards.name,
        cards.hash.hex(),
        signer=peer.greeting.signer.hex(),
        made=Made(int(time.time() * 1000), roster.keys.author, peer.esn),
        insecure=peer.greeting.insecure,
    )
    if recipe.overwrite:
        # Once more: an LMS key may have come meanwhile, whose leaves nothing would name.
        check(recipe, roster.keys, GenerateMldsa.NAME)
        roster.keys.save(key)
    else:
        roster.keys.save_new(key, GenerateMldsa.NAME)
    return key
