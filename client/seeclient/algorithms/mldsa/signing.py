"""Signing with ML-DSA keys: any machine of the world can, as often as it is asked."""

from collections.abc import Callable, Sequence
from functools import partial

from seeclient import dispatch
from seeclient.algorithms.mldsa.asking import first_reply
from seeclient.algorithms.mldsa.checking import is_good, representative
from seeclient.algorithms.mldsa.keyfile import MldsaKeyFile
from seeclient.effects import Peer, Roster, Story, work
from seeclient.message import Message
from seeclient.results import Signed
from seeclient.signing_options import PLAIN, SigningOptions
from seemachine.mldsa.parameters import MldsaError, of_public_key
from seemachine.wire.messages import InfoMldsa, MldsaSigned, SignMldsa
from seemachine.wire.status import Status, StatusError

# What machines call it.
BLOB = "the key blob:"


def sign(
    roster: Roster, key: MldsaKeyFile, message: Message, options: SigningOptions = PLAIN
) -> Story[Signed]:
    """Sign with the machine that did last, else with the first in module order that can.

    A caller's token changes nothing: no signature is dear, and one more is as good. Raises
    StatusError.
    """
    refuse_acknowledgement(options)
    mu = yield from work(partial(representative, key.public_key, message, options.context))
    return (yield from sign_representative(roster, key, mu, options, in_order(roster, key)))


def sign_representative(
    roster: Roster, key: MldsaKeyFile, mu: bytes, options: SigningOptions, peers: Sequence[Peer]
) -> Story[Signed]:
    """The first of these machines that can. Raises StatusError."""

    def request(logical_token: bytes | None) -> SignMldsa:
        return SignMldsa(
            blob=key.blob,
            mu=mu,
            deterministic=options.deterministic,
            logical_token=logical_token,
        )

    peer, made = yield from _first_reply(roster, key, request, options, peers)
    yield from _check(peer, key, mu, made.signature)
    roster.signers[key.public_key] = peer
    return Signed(made.signature, peer.esn)


def refuse_acknowledgement(options: SigningOptions) -> None:
    """Raises StatusError (InvalidParameter) for one."""
    if options.acknowledge is not None:
        detail = "an ML-DSA key has no thresholds, so there is nothing to acknowledge"
        raise StatusError(Status.InvalidParameter, detail, SignMldsa.NAME)


def _first_reply(
    roster: Roster,
    key: MldsaKeyFile,
    request: Callable[[bytes | None], SignMldsa],
    options: SigningOptions,
    peers: Sequence[Peer],
) -> Story[tuple[Peer, MldsaSigned]]:
    def asking(peer: Peer) -> None:
        if options.asking is not None:
            options.asking(peer.esn)

    try:
        return (
            yield from first_reply(
                roster,
                peers,
                request,
                bytes.fromhex(key.cardset),
                options.passphrases,
                asking=asking,
            )
        )
    except StatusError as refused:
        raise _named(refused, key) from None


def _check(peer: Peer, key: MldsaKeyFile, mu: bytes, signature: bytes) -> Story[None]:
    # A key file may name another public key than its blob, and a machine may lie.
    if not (yield from work(partial(is_good, key.public_key, mu, signature))):
        what = f"gives a signature that the public key of {key.alias or 'the blob'} does not verify"
        raise dispatch.impossible(peer, what, SignMldsa.NAME)


def sign_immediate(
    roster: Roster, blob: bytes, message: Message, options: SigningOptions
) -> Story[Signed]:
    """Sign with the key of a blob, of which this host has nothing else. Raises StatusError."""
    peer, info = yield from first_reply(roster, roster.peers, lambda _: InfoMldsa(blob=blob))
    try:
        of_public_key(info.public_key)
    except MldsaError as error:
        raise dispatch.impossible(peer, f"tells of no key ({error})", InfoMldsa.NAME) from None
    cardset = (info.cardset or b"").hex()
    key = MldsaKeyFile("", info.public_key, blob, cardset, cardset, signer=info.signer.hex())
    return (yield from sign(roster, key, message, options))


def _named(refused: StatusError, key: MldsaKeyFile) -> StatusError:
    """With the alias, which machines do not know: what they are given is a blob."""
    if not key.alias or not refused.detail.startswith(BLOB):
        return refused
    detail = refused.detail.replace(BLOB, f"the key {key.alias}:", 1)
    return StatusError(refused.status, detail, refused.where)


def in_order(roster: Roster, key: MldsaKeyFile) -> list[Peer]:
    """The machine that signed last with this key, then those of its signer (guide 2.9.6)."""
    last = roster.signers.get(key.public_key)
    return sorted(
        roster.peers, key=lambda each: (each is not last, not dispatch.is_of(each, key.signer))
    )
