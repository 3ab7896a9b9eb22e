"""The end of a key on the machines."""

from seeclient import dispatch
from seeclient.effects import Peer, Roster, Story, ask_all
from seeclient.results import Destroyed
from seemachine.wire.messages import DestroyLms, GetNvmemfileInfo, LmsDestroyed, NvmemfileInfo
from seemachine.wire.names import nvram_name
from seemachine.wire.status import StatusError


def destroy(roster: Roster, public_key: bytes) -> Story[Destroyed]:
    """Have every machine destroy what it has of a key, and look whether it did."""
    peers = roster.peers
    said = yield from ask_all(peers, DestroyLms(public_key=public_key))
    left = yield from ask_all(peers, GetNvmemfileInfo(file=nvram_name(public_key)))
    lost, half_made, refused = {}, [], {}
    for peer, reply, info in zip(peers, said, left, strict=True):
        failure = _failure(peer, reply, info, public_key)
        if failure is not None:
            refused[peer.esn] = failure
        elif isinstance(reply, LmsDestroyed):
            lost[peer.esn] = reply.lost
            half_made += [peer.esn] if reply.half_made else []
    return Destroyed(lost, half_made, refused)


def _failure(
    peer: Peer,
    reply: LmsDestroyed | StatusError,
    info: NvmemfileInfo | StatusError,
    public_key: bytes,
) -> StatusError | None:
    if isinstance(reply, StatusError):
        return reply
    if isinstance(info, NvmemfileInfo) and info.public_key == public_key:
        what = "says that it destroyed a key, and has leaves of it"
        return dispatch.impossible(peer, what, DestroyLms.NAME)
    return None
