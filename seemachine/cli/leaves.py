"""Before a command takes leaves where a person might not expect it: how many, and whether."""

import contextlib
import sys
from collections.abc import Iterator
from copy import copy

from seeclient import operations
from seeclient.algorithms.lms.inspecting import LmsInfo
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.lms.missing import PROVISION, no_leaves
from seeclient.blocking import Fleet, Key
from seeclient.keyfile import KeyFile
from seeclient.refusals import Unavailable

from seemachine.chance.mark import insecure
from seemachine.cli import asking
from seemachine.cli.answer import Answer, Refused
from seemachine.document import status_of
from seemachine.printing import say
from seemachine.state.errors import counted
from seemachine.wire.status import Status, StatusError

WHERE = "sign"


def ask(key: Key, count: int, what: str, *, yes: bool) -> None:
    """Say what takes how many leaves of a key, and return if a person wants that; with `yes` nobody
    is asked, and nothing is said, as of a key without leaves, such as one of ML-DSA.

    Raises Refused, Misused; StatusError where no leaf is to be had.
    """
    info = key.info()
    if not isinstance(info, LmsInfo):
        return
    _refuse_fewer(key, info, count)
    if yes:
        return
    say(
        f"{what} takes {count} of the {counted(info.remaining, 'signature')} that {key.alias} has"
        " left here",
        file=sys.stderr,
    )
    _confirm(key)


def tell_of_seeds(fleet: Fleet, answer: Answer) -> None:
    """Machines of a seeded world sign with keys that anybody can make."""
    for seed in sorted({peer.greeting.insecure for peer in fleet.peers} - {""}):
        answer.note(insecure(seed))


@contextlib.contextmanager
def interrupted(key: Key, answer: Answer) -> Iterator[None]:
    """Around what signs with a key and writes what is made: whoever breaks it off is told what that
    may have cost.
    """
    try:
        yield
    except KeyboardInterrupt:
        if key.file.algorithm == "LMS":
            answer.note(
                f"a leaf of {key.alias} may be gone; if nothing was written, give the same command"
                " again, which takes another"
            )
        raise


def refuse_below_threshold(fleet: Fleet, key: KeyFile, count: int) -> None:
    """Before the first leaf: what is signed without a reason is not signed in part.

    Raises StatusError (UseLimitExceeded).
    """
    left = fleet.run(operations.leaves(fleet.roster, key))
    if left is not None and left.free < count <= left.held:
        need, are = "needs" if left.free == 1 else "need", "is" if count == 1 else "are"
        here = f"{key.alias} has {counted(left.free, 'signature')} left here that {need}"
        detail = f"{here} no acknowledgement, and {count} {are} needed"
        raise StatusError(Status.UseLimitExceeded, detail, WHERE)


def refused(error: StatusError) -> Refused:
    """No signature, why, and what to do."""
    return Refused(advised(error).detail, more=status_of(error))


def advised(error: StatusError) -> StatusError:
    """Without the name of a request, and with what to do: where few signatures are left, or none
    can be made now.
    """
    told = copy(error)
    told.detail = error.sentence
    if error.status is Status.UseLimitExceeded:
        told.detail += "; to sign anyway, say why with --acknowledge REASON"
    elif isinstance(error, Unavailable) and error.advice:
        told.detail += f": {error.advice}"
    return told


def _refuse_fewer(key: Key, info: LmsInfo, count: int) -> None:
    if not info.remaining:
        raise info.withheld[0] if info.withheld else no_leaves(key.fleet.roster, info.key)
    if info.remaining < count:
        left = f"{key.alias} has {counted(info.remaining, 'signature')} left here"
        raise Refused(f"{left}, and {count} are needed; {_more_leaves(info.key)}")


def _more_leaves(key: LmsKeyFile) -> str:
    if key.sectors.sectorized:
        return f"provision a lease first: {PROVISION}"
    return "sign fewer files, or make another key"


def _confirm(key: Key) -> None:
    nothing = f"nothing was signed with the key {key.alias}"
    asking.need_person(f"before {key.alias} signs")
    if asking.typed("Go on? [y/N]", nothing).lower() not in ("y", "yes"):
        raise Refused(nothing)
