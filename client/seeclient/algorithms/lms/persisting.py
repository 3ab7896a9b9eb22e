"""Asking a machine again whose reply was lost: it may have been started again meanwhile."""

from seeclient import connecting
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.connecting import RETRY_PAUSES
from seeclient.effects import Pause, Peer, Reply, Story, ask
from seeclient.refusals import Unreachable
from seemachine.wire.messages import CACHE_PART_BYTES, LoadLms
from seemachine.wire.requests import Again, Request
from seemachine.wire.status import Status, StatusError


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
    yield from load(peer, key)
    return (yield from ask(peer, request))


def load(peer: Peer, key: LmsKeyFile) -> Story[None]:
    """Give a machine the node cache of a key. Raises StatusError."""
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
