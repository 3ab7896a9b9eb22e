"""Why no machine that answers holds leaves of a key.

The guide has one line for all of it (2.7.2.1). Machines delete an NVRAM file with its last leaf, so
that leaves are used up, and were not merely elsewhere, is what this host remembers.
"""

from collections.abc import Sequence
from copy import copy

from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.connecting import CONNECT
from seeclient.dispatch import CHECK, NVMEMFILE, nobody, timed_out
from seeclient.effects import Roster
from seeclient.refusals import NotProvisioned, Unavailable, Unreachable, UsedUp
from seemachine.wire.names import printed_name
from seemachine.wire.status import Status, StatusError

# What a machine says that lacks the file, where only that it has it no more is of interest.
NO_FILE = "no NVRAM file"
PROVISION = "move one there from a card with: pipsqueak provesn=ESN slot=N"


def no_signature(roster: Roster, key: LmsKeyFile, reasons: Sequence[StatusError]) -> StatusError:
    """The refusal to sign after machines gave `reasons`: the first that is not NotAvailable, with
    which a machine is passed over; where there is none, the guide's line with what they said.
    """
    first = next((each for each in reasons if not _passes(each)), None)
    if first is not None:
        return _by_alias(first, key)
    said = [each.sentence for each in reasons if not each.detail.startswith(NO_FILE)]
    return no_leaves(roster, key, said[0] if said else "")


def _by_alias(refused: StatusError, key: LmsKeyFile) -> StatusError:
    """With the alias in place of the NVRAM file, which a machine names by itself."""
    file = f"{printed_name(key.name)} has "
    if not refused.detail.startswith(file):
        return refused
    told = copy(refused)
    told.detail = f"{key.alias} has {refused.detail.removeprefix(file)}"
    return told


def _passes(reason: StatusError) -> bool:
    return reason.status is Status.NotAvailable and reason.where != CONNECT


def no_leaves(roster: Roster, key: LmsKeyFile, said: str = "") -> Unavailable:
    """The refusal to sign, or to look for leaves, with such a key. `said`: why a machine that has
    the file does not sign.
    """
    if not roster.peers:
        return nobody(roster)
    kind, advice = (NotProvisioned, said) if said else _why(roster, key)
    if roster.failures and kind is not Unreachable:
        advice = f"{advice}; {len(roster.failures)} do not answer, which may hold some"
    line = f"no HSMs with NVRAM {printed_name(key.name)} file"
    return kind(Status.NotAvailable, line, NVMEMFILE, advice)


def _why(roster: Roster, key: LmsKeyFile) -> tuple[type[Unavailable], str]:
    used = roster.sightings.used_up(key)
    if len(used) == key.sectors.leases:
        return UsedUp, f"all signatures of {key.alias} are used up; make another key"
    if used:
        return UsedUp, f"the leases of {key.alias} that HSMs held are used up; {PROVISION}"
    if key.sectors.sectorized:
        return NotProvisioned, f"no HSM that answers holds a lease of {key.alias}; {PROVISION}"
    if roster.failures:
        advice = CHECK if any(map(timed_out, roster.failures)) else "start it"
        return Unreachable, f"the HSM that holds {key.alias} does not answer; {advice}"
    what = f"no HSM that answers holds {key.alias}: it was made on another one, or is used up"
    return NotProvisioned, what
