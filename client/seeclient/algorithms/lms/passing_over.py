"""Which refusals of a machine let another one be asked."""

from seeclient import connecting, dispatch
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.effects import Peer
from seeclient.refusals import Unreachable
from seemachine.wire.status import Status, StatusError


def pass_over(
    peer: Peer,
    key: LmsKeyFile,
    refused: StatusError,
    reasons: list[StatusError],
    *,
    unsettled_ends: bool,
) -> None:
    """Why a machine has no leaf for us goes to `reasons`; it is raised where no other is to be
    asked, which with `unsettled_ends` is so while nobody knows whether it took a leaf.
    """
    if refused.where == connecting.CONNECT:
        # Perhaps with a leaf taken, and the caller's token stands for one.
        if unsettled_ends and isinstance(refused, Unreachable) and refused.was_asked:
            raise refused
        reasons.append(refused)
    elif refused.status is Status.AccessDenied and not dispatch.is_of(peer, key.signer):
        reasons.append(dispatch.foreign(peer, key.signer))
    elif refused.status is Status.UseLimitExceeded:
        # At its threshold. The next machine may have more left; if none has, this is what a
        # person can do something about.
        reasons.insert(0, refused)
    elif refused.status is Status.NotAvailable:
        # It does not serve, or somebody else took its last leaf since it was asked: the next
        # machine may have some. What it said counts least, see missing.no_signature.
        reasons.append(refused)
    else:
        raise refused
