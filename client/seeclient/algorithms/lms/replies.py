"""What a machine's replies say of the signatures that were asked for."""

from collections.abc import Sequence

from seeclient import dispatch
from seeclient.effects import Peer
from seeclient.results import Signed
from seemachine.wire.messages import NvmemfileSignedMany, NvmemfileSignMany, SigningRefused
from seemachine.wire.status import Status, StatusError

# A signature begins with the number of its leaf (RFC 8554 5.4).
LEAF_BYTES = 4


def outcomes(peer: Peer, reply: NvmemfileSignedMany, count: int) -> list[Signed | StatusError]:
    """Each signature, or why there is none, in the order of the messages.

    Raises StatusError (Malformed) for a reply that no machine in order gives.
    """
    if not len(reply.signatures) == len(reply.leaves) == count:
        raise _impossible(peer, f"gives {len(reply.signatures)} signatures for {count} messages")
    refusals = {each.index: each for each in reply.refusals}
    return [
        _refusal(refusals[place])
        if place in refusals
        else _signed(peer, reply.signatures[place], reply.leaves[place], reply.remaining)
        for place in range(count)
    ]


def leaves(outcomes: Sequence[Signed | StatusError]) -> list[int]:
    """Those of the signatures."""
    signed = (each for each in outcomes if isinstance(each, Signed))
    return [each.leaf for each in signed if each.leaf is not None]


def refuse_doubles(peer: Peer, leaves: Sequence[int], before: set[int]) -> None:
    """Note leaves among those `before`. Raises StatusError where two signatures have one."""
    for leaf in leaves:
        if leaf in before:
            raise _impossible(peer, f"signed two messages with leaf {leaf}")
        before.add(leaf)


def _signed(peer: Peer, signature: bytes, leaf: int, remaining: int) -> Signed:
    refuse_other_leaf(peer, signature, leaf, NvmemfileSignMany.NAME)
    return Signed(signature, peer.esn, leaf, remaining)


def refuse_other_leaf(peer: Peer, signature: bytes, leaf: int, request: str) -> None:
    """What is remembered, and compared, is the leaf of the signature, whatever a machine calls it.

    Raises StatusError (Malformed) where it is another.
    """
    if int.from_bytes(signature[:LEAF_BYTES], "big") != leaf or len(signature) <= LEAF_BYTES:
        what = f"reports leaf {leaf} for a signature with another"
        raise dispatch.impossible(peer, what, request)


def _refusal(refused: SigningRefused) -> StatusError:
    known = refused.status in Status.__members__.values()
    status = Status(refused.status) if known else Status.Failed
    return StatusError(status, refused.detail, NvmemfileSignMany.NAME)


def _impossible(peer: Peer, what: str) -> StatusError:
    return dispatch.impossible(peer, what, NvmemfileSignMany.NAME)
