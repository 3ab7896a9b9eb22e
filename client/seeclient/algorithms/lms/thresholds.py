"""Thresholds: each of the last so many signatures of a lease needs an acknowledgement.

The machine judges (docs/reference/protocol.md, Thresholds); the key file has the number for leases
on cards that were written before it was set.
"""

from seeclient import dispatch
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.effects import Peer, Roster, Story, ask, ask_all
from seeclient.thresholds import WHERE
from seemachine.frozen import replace
from seemachine.wire.messages import (
    MAX_WARNAT,
    LmsProvisioned,
    WarnNvmemfile,
)
from seemachine.wire.status import Status, StatusError


def warn_at(roster: Roster, key: LmsKeyFile, count: int) -> Story[LmsKeyFile]:
    """Set the threshold of a key: on all machines that hold leaves of it, then in its file.

    Returns what is in the file now. Raises StatusError: of a machine that refuses, and the file
    stays as it was; InvalidParameter for an invalid count.
    """
    if not 0 <= count <= MAX_WARNAT:
        what = f"warnat takes a number from 0 to {MAX_WARNAT}, not {count}"
        raise StatusError(Status.InvalidParameter, what, WHERE)
    held = yield from dispatch.holders(roster, key.name)
    request = WarnNvmemfile(file=key.name, warnat=count)
    replies = yield from ask_all([peer for peer, _ in held], request)
    for reply in replies:
        # Its last leaf was taken meanwhile.
        if isinstance(reply, StatusError) and reply.status is not Status.NotAvailable:
            raise reply
    changed = replace(key, warnat=count)
    roster.keys.save(changed)
    return changed


def raise_to_key(
    roster: Roster, peer: Peer, moved: LmsProvisioned
) -> Story[tuple[int, StatusError | None]]:
    """Bring a lease that came from a card up to its key's threshold, never down.

    Returns the one in force, and why it is not the key's.
    """
    alias = roster.keys.known().get(moved.file)
    key = roster.keys.load(alias) if alias is not None else None
    wanted = key.warnat if isinstance(key, LmsKeyFile) else 0
    if wanted <= moved.warnat:
        return moved.warnat, None
    try:
        described = yield from ask(peer, WarnNvmemfile(file=moved.file, warnat=wanted))
    except StatusError as refused:
        return moved.warnat, refused
    return described.warnat, None
