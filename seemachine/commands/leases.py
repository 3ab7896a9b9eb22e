"""Between the two worlds: a lease as state remembers it, and as the mathematics uses it."""

from seemachine.lms.keys import PublicKey
from seemachine.lms.lease import Lease
from seemachine.state.records import StoredLease


def to_store(lease: Lease) -> StoredLease:
    """For NVRAM or a card."""
    return StoredLease(lease.key.encode(), lease.first, lease.end, lease.seed, lease.path)


def from_store(lease: StoredLease) -> Lease:
    """For signing. Raises ParameterError when the stored public key is not one."""
    return Lease(PublicKey.decode(lease.public_key), lease.first, lease.end, lease.seed, lease.path)
