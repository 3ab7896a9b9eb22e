"""Signing: the story of `pipsqueak alias=... message=...` (guide 2.7.1, 2.7.2.1)."""

import os
import time
from collections.abc import Callable
from functools import partial

from seeclient import connecting, dispatch
from seeclient.algorithms.lms import notes, persisting, replies
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.lms.missing import no_signature
from seeclient.algorithms.lms.options import check_options
from seeclient.algorithms.lms.passing_over import pass_over
from seeclient.effects import Peer, Roster, Story, work
from seeclient.message import Message
from seeclient.results import Signed
from seeclient.sightings import Leases
from seeclient.signing_options import PLAIN, SigningOptions
from seeclient.thresholds import reason
from seemachine.lms.hashing import finish_message, start_message
from seemachine.wire.framing import MAX_FRAME
from seemachine.wire.messages import (
    ENVELOPE_BYTES,
    NvmemfileReserve,
    NvmemfileReserved,
    NvmemfileSign,
    NvmemfileSignDigest,
    NvmemfileSigned,
)
from seemachine.wire.status import Status, StatusError

SIGN = "nvmemfile_sign"


class Wish:
    """A signature that is wanted. `why` acknowledges that few are left; empty where nobody did.

    `token` is the caller's; empty: each request gets a new one.
    """

    __slots__ = ("asking", "key", "message", "token", "why")

    def __init__(
        self,
        key: LmsKeyFile,
        message: Message,
        why: str,
        token: bytes,
        asking: Callable[[str], None] | None,
    ) -> None:
        self.key = key
        self.message = message
        self.why = why
        self.token = token
        self.asking = asking


def sign(
    roster: Roster, key: LmsKeyFile, message: Message, options: SigningOptions = PLAIN
) -> Story[Signed]:
    """Sign with whichever machine holds leaves of the key, in module order.

    Raises StatusError: Unavailable when none does, of the class that says why; UseLimitExceeded
    when all that do are at their thresholds, and `options.acknowledge` does not say why to go on.
    """
    check_options(options)
    wish = Wish(key, message, reason(options.acknowledge), options.token, options.asking)
    reasons: list[StatusError] = []
    noted = notes.read(options.asked)
    first = dispatch.machine(roster, noted.esn) if noted else roster.signers.get(key.name)
    if first is not None:
        signed = yield from _try(roster, first, wish, reasons, noted=noted)
        if signed is not None:
            return signed
        if options.asked:
            _refuse_unsettled(reasons)
    return (yield from _sign_with_a_holder(roster, wish, reasons))


def _sign_with_a_holder(roster: Roster, wish: Wish, reasons: list[StatusError]) -> Story[Signed]:
    """`reasons`: why no machine that was asked before has a leaf for us."""
    key = wish.key
    held = yield from dispatch.holders(roster, key.name)
    for peer, info in dispatch.of_signer(held, key.signer):
        if info.quarantined:
            reasons.append(dispatch.in_quarantine(peer, info))
            continue
        signed = yield from _try(roster, peer, wish, reasons, load=not info.loaded)
        if signed is not None:
            return signed
    raise no_signature(roster, key, reasons)


def _refuse_unsettled(reasons: list[StatusError]) -> None:
    """While nobody knows whether the machine that was asked took a leaf, no other takes one."""
    if reasons and reasons[-1].where == connecting.CONNECT:
        raise reasons[-1]


def _try(
    roster: Roster,
    peer: Peer,
    wish: Wish,
    reasons: list[StatusError],
    *,
    load: bool = False,
    noted: notes.Noted | None = None,
) -> Story[Signed | None]:
    """A signature of one machine; None when it has no leaf for us, which is added to `reasons`.

    `noted`: it was asked for this signature before.
    """
    key = wish.key
    try:
        known = roster.sightings.recall(peer.esn, key)
        if noted and noted.is_of(peer):
            known = noted.leases
        signed = yield from checked(roster, peer, wish, known, load=load, again=bool(noted))
    except StatusError as refused:
        roster.signers.pop(key.name, None)
        pass_over(peer, key, refused, reasons, unsettled_ends=bool(wish.token))
        return None
    roster.signers[key.name] = peer
    return Signed(signed.signature, peer.esn, signed.leaf, signed.remaining)


def checked(
    roster: Roster, peer: Peer, wish: Wish, before: Leases, *, load: bool, again: bool
) -> Story[NvmemfileSigned]:
    """A signature of one machine, compared with what was known `before`, and remembered. `load`:
    it wants the node cache first; `again`: it was asked for this signature before.

    Raises StatusError.
    """
    key = wish.key
    if wish.asking is not None:
        wish.asking(notes.written(peer, before))
    if load:
        yield from persisting.load(peer, key)
    signed = yield from _sign_on(peer, wish, again=again)
    replies.refuse_other_leaf(peer, signed.signature, signed.leaf, SIGN)
    # Before anybody sees the signature: a leaf that was seen already may have signed something
    # else.
    roster.sightings.check(peer.esn, key, before, signed.leaf)
    return signed


def _sign_on(peer: Peer, wish: Wish, *, again: bool = False) -> Story[NvmemfileSigned]:
    # A machine may take more in one message than fits what this client sends.
    whole = wish.message.at_most(min(peer.greeting.limits.message, MAX_FRAME - ENVELOPE_BYTES))
    if whole is not None:
        return (
            yield from persisting.persist(peer, wish.key, _sign_request(wish, whole), again=again)
        )
    try:
        return (yield from _sign_hashed(peer, wish, again=again))
    except StatusError as refused:
        # Under the caller's token there is one leaf, which is gone.
        if refused.status is not Status.ObjectInUse or wish.token:
            raise
    # The machine was started anew between the two halves, and has given the leaf up.
    return (yield from _sign_hashed(peer, wish))


def _sign_request(wish: Wish, message: bytes) -> NvmemfileSign:
    name, token = wish.key.name, wish.token or new_token()
    return NvmemfileSign(file=name, token=token, message=message, acknowledge=wish.why)


def _sign_hashed(peer: Peer, wish: Wish, *, again: bool = False) -> Story[NvmemfileSigned]:
    key, token = wish.key, wish.token or new_token()
    request = NvmemfileReserve(file=key.name, token=token, acknowledge=wish.why)
    reserved = yield from persisting.persist(peer, key, request, again=again)
    digest = yield from work(partial(_hash, key, reserved, wish.message))
    bound = NvmemfileSignDigest(file=key.name, token=token, digest=digest)
    return (yield from persisting.persist(peer, key, bound, again=again))


def new_token() -> bytes:
    """A name for one request: a UUID of version 7 (RFC 9562), so that a machine's index of them
    grows at one end.
    """
    milliseconds = time.time_ns() // 1_000_000
    number = int.from_bytes(milliseconds.to_bytes(6, "big") + os.urandom(10), "big")
    return (number & ~(0xF000 << 64) & ~(3 << 62) | 7 << 76 | 2 << 62).to_bytes(16, "big")


def _hash(key: LmsKeyFile, reserved: NvmemfileReserved, message: Message) -> bytes:
    ots = key.key.ots
    running = start_message(ots, reserved.identifier, reserved.leaf, reserved.randomizer)
    for piece in message.pieces():
        running.update(piece)
    return finish_message(ots, running)
