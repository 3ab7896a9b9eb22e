"""Signing: the story of `pipsqueak alias=... message=...` (guide 2.7.1, 2.7.2.1)."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from seeclient import connecting, dispatch
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.lms.missing import no_leaves
from seeclient.algorithms.lms.options import refuse_foreign
from seeclient.effects import Pause, Peer, Reply, Roster, Story, ask, work
from seeclient.message import Message
from seeclient.refusals import Unreachable
from seeclient.results import Signed
from seeclient.sightings import Leases
from seeclient.signing_options import PLAIN, SigningOptions
from seeclient.thresholds import reason
from seemachine.lms.hashing import finish_message, start_message
from seemachine.wire.framing import MAX_FRAME
from seemachine.wire.messages import (
    CACHE_PART_BYTES,
    ENVELOPE_BYTES,
    LoadLms,
    NvmemfileReserve,
    NvmemfileReserved,
    NvmemfileSign,
    NvmemfileSignDigest,
    NvmemfileSigned,
)
from seemachine.wire.requests import Again, Request
from seemachine.wire.status import Status, StatusError

SIGN = "nvmemfile_sign"
# A signature begins with the number of its leaf (RFC 8554 5.4).
LEAF_BYTES = 4
# In a note, of a machine that counts none.
NO_OPENING = "-"
# Seconds before a request is sent again whose reply was lost: long enough in all for a machine to
# be started again.
RETRY_PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Wish:
    """A signature that is wanted. `why` acknowledges that few are left; empty where nobody did.

    `token` is the caller's; empty: each request gets a new one.
    """

    key: LmsKeyFile
    message: Message
    why: str
    token: bytes
    asking: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Noted:
    """Which machine was asked, in which opening of its NVRAM, and which leaves of it were known
    before.

    Whoever asks again compares with these: the leaf of this very signature may be known by then.
    That holds for the same opening: in a later one the NVRAM may have been put back, and what is
    known by then counts.
    """

    esn: str
    opening: str
    leases: Leases

    def is_of(self, peer: Peer) -> bool:
        """Whether a machine has been up since."""
        return self.opening == peer.greeting.opening.hex()


def sign(
    roster: Roster, key: LmsKeyFile, message: Message, options: SigningOptions = PLAIN
) -> Story[Signed]:
    """Sign with whichever machine holds leaves of the key, in module order.

    Raises StatusError: Unavailable when none does, of the class that says why; UseLimitExceeded
    when all that do are at their thresholds, and `options.acknowledge` does not say why
    to go on.
    """
    refuse_foreign(
        context=options.context,
        deterministic=options.deterministic,
        passphrases=bool(options.passphrases),
    )
    wish = Wish(key, message, reason(options.acknowledge), options.token, options.asking)
    reasons: list[StatusError] = []
    noted = _read_note(options.asked)
    first = dispatch.machine(roster, noted.esn) if noted else roster.signers.get(key.name)
    if first is not None:
        signed = yield from _try(roster, first, wish, reasons, noted=noted)
        if signed is not None:
            return signed
        if options.asked:
            _refuse_unsettled(reasons)
    held = yield from dispatch.holders(roster, key.name)
    for peer, info in dispatch.of_signer(held, key.signer):
        if info.quarantined:
            reasons.append(dispatch.in_quarantine(peer, info))
            continue
        signed = yield from _try(roster, peer, wish, reasons, load=not info.loaded)
        if signed is not None:
            return signed
    raise (reasons or [no_leaves(roster, key)])[0]


def _note(peer: Peer, before: Leases) -> str:
    """What `asking` is told: see Noted."""
    known = (f"{lease}:{leaf}" for lease, leaf in before.items())
    return " ".join([peer.esn, peer.greeting.opening.hex() or NO_OPENING, *known])


def _read_note(text: str) -> Noted | None:
    """None without one. Raises StatusError."""
    if not text:
        return None
    try:
        esn, opening, *words = text.split()
        pairs = (word.split(":") for word in words)
        return Noted(esn, opening, {int(lease): int(leaf) for lease, leaf in pairs})
    except ValueError:
        what = f"not a note that `asking` was told: {text[:100]!r}"
        raise StatusError(Status.InvalidParameter, what, SIGN) from None


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
    noted: Noted | None = None,
) -> Story[Signed | None]:
    """A signature of one machine; None when it has no leaf for us, which is added to `reasons`.

    `noted`: it was asked for this signature before.
    """
    key = wish.key
    try:
        known = roster.sightings.recall(peer.esn, key)
        if noted and noted.is_of(peer):
            known = noted.leases
        signed = yield from _checked(roster, peer, wish, known, load=load, again=bool(noted))
    except StatusError as refused:
        roster.signers.pop(key.name, None)
        if refused.where == connecting.CONNECT:
            # Perhaps with a leaf taken, and the caller's token stands for one.
            if wish.token and isinstance(refused, Unreachable) and refused.was_asked:
                raise
            reasons.append(refused)
        elif refused.status is Status.AccessDenied and not dispatch.is_of(peer, key.signer):
            reasons.append(dispatch.foreign(peer, key.signer))
        elif refused.status is Status.UseLimitExceeded:
            # At its threshold. The next machine may have more left; if none has, this is what a
            # person can do something about.
            reasons.insert(0, refused)
        # Somebody else took its last leaf since it was asked: the next machine may have some.
        elif refused.status is not Status.NotAvailable:
            raise
        return None
    roster.signers[key.name] = peer
    return Signed(signed.signature, peer.esn, signed.leaf, signed.remaining)


def _checked(
    roster: Roster, peer: Peer, wish: Wish, before: Leases, *, load: bool, again: bool
) -> Story[NvmemfileSigned]:
    key = wish.key
    wish.asking(_note(peer, before))
    if load:
        yield from _load(peer, key)
    signed = yield from _sign_on(peer, wish, again=again)
    if int.from_bytes(signed.signature[:LEAF_BYTES], "big") != signed.leaf:
        # What is remembered, and compared, is the leaf of the signature, whatever the machine calls
        # it.
        raise dispatch.impossible(
            peer, f"reports leaf {signed.leaf} for a signature with another", SIGN
        )
    # Before anybody sees the signature: a leaf that was seen already may have signed something
    # else.
    roster.sightings.check(peer.esn, key, before, signed.leaf)
    return signed


def _sign_on(peer: Peer, wish: Wish, *, again: bool = False) -> Story[NvmemfileSigned]:
    # A machine may take more in one message than fits what this client sends.
    whole = wish.message.at_most(min(peer.greeting.limits.message, MAX_FRAME - ENVELOPE_BYTES))
    if whole is not None:
        return (yield from persist(peer, wish.key, _sign_request(wish, whole), again=again))
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
    reserved = yield from persist(peer, key, request, again=again)
    digest = yield from work(partial(_hash, key, reserved, wish.message))
    bound = NvmemfileSignDigest(file=key.name, token=token, digest=digest)
    return (yield from persist(peer, key, bound, again=again))


def persist(
    peer: Peer, key: LmsKeyFile, request: Request[Reply], *, again: bool = False
) -> Story[Reply]:
    """Ask again when the reply was lost on the way, if the request is one for that.

    A machine knows a signature that it made by the request's token, and takes no other leaf.
    `again`: somebody asked it before.
    """
    pauses = iter(RETRY_PAUSES if request.AGAIN is not Again.NEVER else ())
    was_asked = False
    while True:
        try:
            return (yield from _ask(peer, key, request, again=again))
        except StatusError as failure:
            if isinstance(failure, Unreachable):
                # A machine that is gone by now may have done what it was asked before.
                was_asked = failure.was_asked = was_asked or failure.was_asked
            pause = next(pauses, None)
            if failure.where != connecting.CONNECT or pause is None:
                raise
        yield Pause(pause)
        again = True


def _ask(peer: Peer, key: LmsKeyFile, request: Request[Reply], *, again: bool) -> Story[Reply]:
    """A machine that was started again may want the node cache before it answers; under another
    token the signature would cost a leaf.
    """
    try:
        return (yield from ask(peer, request))
    except StatusError as refused:
        if not again or refused.status is not Status.NotAvailable or not key.cache:
            raise
    yield from _load(peer, key)
    return (yield from ask(peer, request))


def new_token() -> bytes:
    """A name for one request: a UUID of version 7 (RFC 9562), so that a machine's index of them
    grows at one end.
    """
    milliseconds = time.time_ns() // 1_000_000
    number = int.from_bytes(milliseconds.to_bytes(6, "big") + os.urandom(10), "big")
    return (number & ~(0xF000 << 64) & ~(3 << 62) | 7 << 76 | 2 << 62).to_bytes(16, "big")


def _load(peer: Peer, key: LmsKeyFile) -> Story[None]:
    for offset in range(0, len(key.cache), CACHE_PART_BYTES):
        part = key.cache[offset : offset + CACHE_PART_BYTES]
        try:
            request = LoadLms(file=key.name, expcache=key.expcache, offset=offset, nodes=part)
            yield from ask(peer, request)
        except StatusError as refused:
            # Another thread or task is loading over this connection too: one of the two will get
            # through.
            if refused.status is not Status.InvalidParameter or not offset:
                raise
            return


def _hash(key: LmsKeyFile, reserved: NvmemfileReserved, message: Message) -> bytes:
    ots = key.key.ots
    running = start_message(ots, reserved.identifier, reserved.leaf, reserved.randomizer)
    for piece in message.pieces():
        running.update(piece)
    return finish_message(ots, running)
