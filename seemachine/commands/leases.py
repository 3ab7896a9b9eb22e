"""Between the two worlds: a lease as state remembers it, and as the mathematics uses it."""

from seemachine.lms.keys import PublicKey
from seemachine.lms.lease import Lease
from seemachine.lms.parameters import ParameterError
from seemachine.state.records import StoredLease


def to_store(lease: Lease) -> StoredLease:
    """For NVRAM or a card."""
    return StoredLease(lease.key.encode(), lease.first, lease.end, lease.seed, lease.path)


def from_store(lease: StoredLease) -> Lease:
    """For signing. Raises ParameterError when the stored public key is not one."""
    return Lease(PublicKey.decode(lease.public_key), lease.first, lease.end, lease.seed, lease.path)


def problem_of(lease: StoredLease) -> str:
    """Why a stored lease can't be one of its key; empty when it can. Does no hashing."""
    try:
        made = from_store(lease)
    except ParameterError as error:
        return str(error)
    fits = len(made.path) == made.depth * made.key.tree.m and made.end <= 1 << made.key.tree.h
    return "" if fits and len(made.seed) == made.key.ots.n else "the lease does not fit its key; it is damaged"
