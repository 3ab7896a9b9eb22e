"""What holds for every connection, blocking or trio: how many are opened at one time, who must
answer, what it may be asked, and what a failure is called.
"""

import contextlib
import errno
import os
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

from seeclient.effects import Address, Peer
from seeclient.refusals import Unreachable
from seemachine.wire.messages import Greeting
from seemachine.wire.names import PROTOCOL, other_protocol
from seemachine.wire.record import Record
from seemachine.wire.requests import Effect, Request
from seemachine.wire.status import BadValue, Status, StatusError

CONNECT = "dispatch_socket_connect"
TIMED_OUT = "timed out"
# Seconds before a machine is asked again that did not answer: long enough in all for it to be
# started again.
RETRY_PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0)
# Connections that are opened at one time: each has some seconds, and one that hangs must not take
# them from all others.
AT_ONCE = 16
# So many are opened one after the other: that is done before a thread has started.
FEW = 4
# Descriptors of a program beside those of its connections.
OTHER_DESCRIPTORS = 256
# What takes no leaf and makes none, so that a machine may be asked that this host's memory doubts.
HARMLESS = (Effect.LOOKS, Effect.COMPUTES, Effect.CHANGES)

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def at_once(work: Callable[[Item], Outcome], items: Sequence[Item]) -> list[Outcome]:
    """What work gives for each, in their order, several at one time."""
    if len(items) <= FEW:
        return list(map(work, items))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, items))


def make_room(connections: int) -> None:
    """Have the system let this process open so many, as far as it lets us ask: many allow 1,024
    descriptors at first, and a fleet may have more machines.
    """
    if connections <= FEW:
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def check_machine(address: Address, greeting: Greeting) -> None:
    """Whether the machine that answers is the one that is meant. Raises StatusError.

    The port of a published object may belong to another machine by now, and ESNs are the same in
    many worlds: a key must not be made in another one. Such a machine is as good as none, so its
    line begins as that of a machine that is gone (2.8.1).
    """
    where, found = f"connecting to {address.place}", greeting.esn
    if greeting.protocol != PROTOCOL:
        detail = other_protocol(found, greeting.protocol, "this client", PROTOCOL)
        raise StatusError(Status.InvalidParameter, f"{where}: {detail}", CONNECT)
    if address.esn not in ("", found):
        raise Unreachable(
            Status.OSErrorErrno, f"{where}: {found} answers, not {address.esn}", CONNECT
        )
    if address.nvram not in ("", greeting.nvram.hex()):
        reason = (
            f"{os.strerror(errno.ECONNREFUSED)}; another {found} answers there, with another NVRAM"
        )
        raise Unreachable(Status.OSErrorErrno, f"{where}: {reason}", CONNECT)


def connect_failure(address: Address, error: OSError | UnicodeError) -> Unreachable:
    """The guide's line for a machine that does not answer (2.8.1)."""
    if isinstance(error, UnicodeError):
        return Unreachable(
            Status.OSErrorErrno,
            f"connecting to {address.place}: not a host name",
            CONNECT,
        )
    # Libraries put their own words into strerror; the system's are those of the guide. Name
    # look-ups have numbers of their own.
    system = error.errno in errno.errorcode and not isinstance(error, socket.gaierror)
    reason = (
        os.strerror(error.errno or 0)
        if system
        else error.strerror or str(error) or type(error).__name__
    )
    detail = f"connecting to {address.place}: {reason}{_any_port(address)}"
    failure = Unreachable(Status.OSErrorErrno, detail, CONNECT)
    failure.timed_out = isinstance(error, TimeoutError)
    return failure


def _any_port(address: Address) -> str:
    """A fleet file may say that a machine takes any port; once it is up it says which."""
    how = f"{address.esn} takes any port, and is not published; start it with: seemachine fleet up"
    return "" if address.port or address.socket else f"; {how}"


def lost(address: Address, reason: object) -> Unreachable:
    """A connection that broke in the middle."""
    failure = Unreachable(
        Status.OSErrorErrno,
        f"connection to {address.place}: {reason}",
        CONNECT,
    )
    failure.was_asked, failure.timed_out = True, reason == TIMED_OUT
    return failure


def are_last_words(refusal: StatusError) -> bool:
    """Whether a machine hangs up after a refusal."""
    return refusal.where == "link" or refusal.status is Status.TimeLimitExceeded


def bad_value(request: Request[Record], error: BadValue) -> StatusError:
    """A value that no machine would take."""
    return StatusError(Status.InvalidParameter, str(error), request.NAME)


def refuse_doubted(peer: Peer, request: Request[Record]) -> None:
    """Raise a machine's doubt again for what could take a leaf of it."""
    if peer.doubt is not None and request.EFFECT not in HARMLESS:
        raise peer.doubt
