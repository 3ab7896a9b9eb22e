"""Why no machine that answers holds leaves of a key.

The guide has one line for all of it (2.7.2.1). Machines delete an NVRAM file with its last leaf, so
that leaves are used up, and were not merely elsewhere, is what this host remembers.
"""

from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.dispatch import NVMEMFILE, nobody
from seeclient.effects import Roster
from seeclient.refusals import NotProvisioned, Unavailable, Unreachable, UsedUp
from seemachine.wire.names import printed_name
from seemachine.wire.status import Status

PROVISION = "move one there from a card with: pipsqueak provesn=ESN slot=N"


def no_leaves(roster: Roster, key: LmsKeyFile) -> Unavailable:
    """The refusal to sign, or to look for leaves, with such a key."""
    if not roster.peers:
        return nobody(roster)
    kind, advice = _why(roster, key)
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
        return Unreachable, f"the HSM that holds {key.alias} does not answer; start it"
    what = f"no HSM that answers holds {key.alias}: it was made on another one, or is used up"
    return NotProvisioned, what
