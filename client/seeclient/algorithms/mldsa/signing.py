"""Signing with ML-DSA keys: any machine of the world can, as often as it is asked."""

from functools import partial

from seeclient import connecting, dispatch
from seeclient.algorithms.mldsa.keyfile import MldsaKeyFile
from seeclient.effects import Pause, Peer, Roster, Story, ask, work
from seeclient.message import Message
from seeclient.results import Signed
from seeclient.signing_options import PLAIN, SigningOptions
from seemachine.mldsa.hashing import finish_message, start_message
from seemachine.mldsa.parameters import MldsaError
from seemachine.wire.messages import SignMldsa
from seemachine.wire.status import Status, StatusError

# Seconds before all machines are asked again, where one did not answer: long enough in all for it
# to be started again.
PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0)


def sign(
    roster: Roster, key: MldsaKeyFile, message: Message, options: SigningOptions = PLAIN
) -> Story[Signed]:
    """Sign with the machine that did last, else with the first in module order that can.

    A caller's token changes nothing: no signature is dear, and one more is as good.

    Raises StatusError.
    """
    if options.acknowledge is not None:
        detail = "an ML-DSA key has no thresholds, so there is nothing to acknowledge"
        raise StatusError(Status.InvalidParameter, detail, SignMldsa.NAME)
    mu = yield from work(partial(representative, key.public_key, message, options.context))
    request = SignMldsa(blob=key.blob, mu=mu, deterministic=options.deterministic)
    for pause in (*PAUSES, None):
        reasons: list[StatusError] = []
        for peer in _in_order(roster, key):
            options.asking(peer.esn)
            try:
                return (yield from _sign_on(roster, peer, key, request))
            except StatusError as refused:
                reasons.append(refused)
        if pause is None or not any(each.where == connecting.CONNECT for each in reasons):
            break
        yield Pause(pause)
    raise (reasons or [dispatch.nobody(roster)])[0]


def representative(public_key: bytes, message: Message, context: bytes) -> bytes:
    """What is signed of a message (FIPS 204 algorithm 7, line 6). Raises StatusError."""
    try:
        running = start_message(public_key, context)
    except MldsaError as error:
        raise StatusError(Status.InvalidParameter, str(error), SignMldsa.NAME) from None
    for piece in message.pieces():
        running.update(piece)
    return finish_message(running)


def _in_order(roster: Roster, key: MldsaKeyFile) -> list[Peer]:
    """The machine that signed last with this key, then those of its signer (guide 2.9.6)."""
    last = roster.signers.get(key.public_key)
    return sorted(
        roster.peers, key=lambda each: (each is not last, not dispatch.is_of(each, key.signer))
    )


def _sign_on(roster: Roster, peer: Peer, key: MldsaKeyFile, request: SignMldsa) -> Story[Signed]:
    made = yield from ask(peer, request)
    if len(made.signature) != key.parameters.signature_bytes:
        what = f"gives a signature of {len(made.signature)} bytes"
        raise dispatch.impossible(peer, what, SignMldsa.NAME)
    roster.signers[key.public_key] = peer
    return Signed(made.signature, peer.esn)
