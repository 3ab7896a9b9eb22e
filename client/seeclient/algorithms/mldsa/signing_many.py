"""Signing many messages with an ML-DSA key, spread over the machines that can."""

from collections.abc import Sequence
from functools import partial

from seeclient import dispatch
from seeclient.algorithms.mldsa.checking import representative
from seeclient.algorithms.mldsa.keyfile import MldsaKeyFile
from seeclient.algorithms.mldsa.signing import (
    in_order,
    refuse_acknowledgement,
    sign_representative,
)
from seeclient.effects import Peer, Roster, Story, work
from seeclient.signing_options import SigningOptions
from seeclient.together import together
from seeclient.wanted import Wanted, Watch, left
from seemachine.wire.status import StatusError


def sign_many(
    roster: Roster,
    key: MldsaKeyFile,
    wanted: Sequence[Wanted],
    options: SigningOptions,
    watch: Watch,
) -> Story[None]:
    """Give each an outcome. Notes change nothing: no signature is dear, and one more is as good.

    Raises StatusError for options that ML-DSA does not have.
    """
    refuse_acknowledgement(options)
    peers = in_order(roster, key)
    own = [each for each in peers if dispatch.is_of(each, key.signer)] or peers
    lanes = [
        _lane(roster, key, wanted[place :: len(own)], options, watch, _first(peer, peers))
        for place, peer in enumerate(own)
    ]
    yield from together(lanes or [_lane(roster, key, wanted, options, watch, [])])


def _first(peer: Peer, peers: Sequence[Peer]) -> list[Peer]:
    """All of them, this one first."""
    return sorted(peers, key=lambda each: each is not peer)


def _lane(
    roster: Roster,
    key: MldsaKeyFile,
    wanted: Sequence[Wanted],
    options: SigningOptions,
    watch: Watch,
    peers: Sequence[Peer],
) -> Story[None]:
    for each in wanted:
        try:
            hashing = partial(representative, key.public_key, each.message, options.context)
            mu = yield from work(hashing)
        except StatusError as unreadable:
            each.outcome = unreadable
            continue
        try:
            signed = yield from sign_representative(roster, key, mu, options, peers)
        except StatusError as refused:
            # By all machines, so of the rest too.
            for other in left(wanted):
                other.outcome = refused
            return
        each.outcome = signed
        watch.progress(each.place, signed)
