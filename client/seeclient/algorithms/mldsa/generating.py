"""Making ML-DSA keys, as `pipsqueak generate` does unless it is told otherwise (guide 2.7.1)."""

import time

from seeclient import dispatch
from seeclient.algorithms.mldsa.keyfile import MldsaKeyFile
from seeclient.algorithms.mldsa.recipe import Recipe, check
from seeclient.effects import Peer, Roster, Story, ask
from seeclient.events import KeyMade, Listener
from seeclient.keyfile import Made
from seeclient.results import Generated
from seemachine.mldsa.parameters import MldsaParameters, mldsa
from seemachine.wire.messages import GenerateMldsa, MldsaMade


def generate(roster: Roster, recipe: Recipe, progress: Listener) -> Story[Generated[MldsaKeyFile]]:
    """Make a key and save its key file. Raises StatusError."""
    name = GenerateMldsa.NAME
    check(recipe.alias, recipe.mldsacode, roster.keys, name, overwrite=recipe.overwrite)
    peer, _ = yield from dispatch.for_generation(roster, recipe.esn, cards=False, slot=None)
    parameters, began = mldsa(recipe.mldsacode), time.perf_counter()
    made = yield from ask(peer, GenerateMldsa(mldsa=parameters.number, export=recipe.export))
    seconds = time.perf_counter() - began
    check_made(peer, parameters, made, name)
    key = saved(roster, peer, recipe.alias, made)
    progress(KeyMade(key.algorithm, recipe.alias, seconds))
    return Generated(key, made.private_key)


def check_made(peer: Peer, parameters: MldsaParameters, made: MldsaMade, request: str) -> None:
    """Whether a key is of the set that was asked for. Raises StatusError."""
    if len(made.public_key) != parameters.public_bytes:
        what = f"made a key of {len(made.public_key)} bytes, not of {parameters.standard_name}"
        raise dispatch.impossible(peer, what, request)


def saved(roster: Roster, peer: Peer, alias: str, made: MldsaMade) -> MldsaKeyFile:
    """The key file of a key that a machine made. Raises StatusError."""
    key = MldsaKeyFile(
        alias.lower(),
        made.public_key,
        made.blob,
        signer=peer.greeting.signer.hex(),
        made=Made(int(time.time() * 1000), roster.keys.author, peer.esn),
    )
    roster.keys.save(key)
    return key
