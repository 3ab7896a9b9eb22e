"""Between the two worlds: a lease as state remembers it, and as the mathematics uses it."""

from seemachine.chance.mark import is_marked_key, other_kind
from seemachine.lms.keys import PublicKey
from seemachine.lms.lease import Lease
from seemachine.lms.parameters import ParameterError
from seemachine.machine import Machine
from seemachine.state.records import StoredLease
from seemachine.wire.names import printed_name
from seemachine.wire.status import Status, StatusError


def to_store(lease: Lease, signer: bytes = b"", warnat: int = 0) -> StoredLease:
    """For NVRAM or a card, bound to the signer of the SEE machine that made the key.

    `warnat` is the key's threshold.
    """
    secret = lease.seed, lease.path
    return StoredLease(lease.key.encode(), lease.first, lease.end, *secret, signer, warnat)


def from_store(lease: StoredLease) -> Lease:
    """For signing. Raises ParameterError when the stored public key is not one."""
    return Lease(PublicKey.decode(lease.public_key), lease.first, lease.end, lease.seed, lease.path)


def lease_of(machine: Machine, stored: StoredLease) -> Lease:
    """`from_store`, done once for each lease that a machine has."""
    lease = machine.decoded.get(stored)
    if lease is None:
        lease = from_store(stored)
        machine.decoded.keep(stored, lease)
    return lease


def is_foreign(machine: Machine, signer: bytes) -> bool:
    """Whether a key of a signer is of another than those of this SEE machine (guide 2.9.2)."""
    return bool(signer) and signer != machine.signer and signer not in machine.extra_signers


def refuse_foreign(machine: Machine, lease: StoredLease) -> None:
    """See refuse_signer and refuse_other_kind."""
    marked = is_marked_key(lease.public_key)
    refuse_other_kind(machine, printed_name(lease.name), marked=marked)
    if is_foreign(machine, lease.signer):
        refuse_signer(machine, lease.signer, printed_name(lease.name))


def refuse_signer(machine: Machine, signer: bytes, name: str) -> None:
    """Keys of a signed SEE machine are used by none that another key signed (guide 2.9.2).

    Raises StatusError (AccessDenied).
    """
    if is_foreign(machine, signer):
        ours = f"by {machine.signer.hex()}" if machine.signer else "by nobody"
        what = (
            f"{name} belongs to SEE machines signed by {signer.hex()}, and that of {machine.esn} is"
            f" signed {ours}"
        )
        raise StatusError(Status.AccessDenied, f"{what}; see: seemachine fleet check")


def refuse_undelegated(machine: Machine) -> None:
    """No NVRAM file is made by a SEE machine to which the ACS delegated none (guide 2.5.1 step 4).

    Raises StatusError (AccessDenied).
    """
    if not machine.delegated:
        what = (
            f"the SEE machine of {machine.esn} has no NVRAM delegation, so it makes no keys and"
            " takes no leases"
        )
        advice = (
            "make userdata.raw with userdatatool.py and put it into the image or the user data"
            " (guide 2.5.1 step 4, 2.5.2.3 step 15)"
        )
        raise StatusError(Status.AccessDenied, f"{what}; {advice}")


def refuse_other_kind(machine: Machine, name: str, *, marked: bool) -> None:
    """A key that anybody can make again is used in the world of its seed alone, and no other there.

    Raises StatusError (AccessDenied).
    """
    if marked != bool(machine.seed):
        where = f"that of {machine.esn}"
        raise StatusError(Status.AccessDenied, other_kind(name, where, marked=marked))


def problem_of(lease: StoredLease) -> str:
    """Why a stored lease can't be one of its key; empty when it can. Does no hashing."""
    try:
        made = from_store(lease)
    except ParameterError as error:
        return str(error)
    fits = len(made.path) == made.depth * made.key.tree.m and made.end <= 1 << made.key.tree.h
    return (
        ""
        if fits and len(made.seed) == made.key.ots.n
        else "the lease does not fit its key; it is damaged"
    )
