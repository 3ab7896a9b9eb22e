"""Pages of leaves that signatures need: hashed before a leaf is reserved, or too large for that."""

from seemachine.commands.leases import lease_of
from seemachine.commands.nvmem import file_of
from seemachine.lms.lease import Lease
from seemachine.lms.parameters import ParameterError
from seemachine.lms.tree import Page
from seemachine.machine import Machine
from seemachine.wire.names import MAX_PAGE_EXPONENT, printed_name
from seemachine.wire.status import Status, StatusError


def ready(machine: Machine, name: bytes, count: int = 1) -> bool:
    """Whether the next `count` signatures of a file need no preparation. Does no hashing."""
    file = machine.store.get(name)
    if file is None or file.quarantine:
        return True
    leaves = range(file.next, min(file.next + count, file.lease.end))
    return machine.keys.missing(lease_of(machine, file.lease), leaves) is None


def prepare(machine: Machine, name: bytes, count: int = 1) -> None:
    """Hash the pages of the next `count` leaves, before any of them is reserved.

    Raises StatusError when that is too much without the node cache.
    """
    file = file_of(machine, name)
    lease = lease_of(machine, file.lease)
    leaves = range(file.next, min(file.next + count, file.lease.end))
    if too_large(machine, lease, file.next):
        raise not_loaded(name)
    try:
        while (leaf := machine.keys.missing(lease, leaves)) is not None:
            machine.keys.page(lease, leaf)
            leaves = range(leaf + 1, leaves.stop)
    except ParameterError as error:
        raise damaged(error) from None


class Neighbours:
    """The page of one leaf after another: those of a lease that lie beside each other share it."""

    def __init__(self, machine: Machine) -> None:
        self._keys = machine.keys
        self._last: tuple[Lease, Page] | None = None

    def page(self, lease: Lease, leaf: int) -> Page:
        """See KeyRing."""
        if self._last is None or self._last[0] is not lease or leaf not in self._last[1]:
            self._last = lease, self._keys.page(lease, leaf)
        return self._last[1]


def too_large(machine: Machine, lease: Lease, leaf: int) -> bool:
    """Whether the page of a leaf is more than is hashed on the way to a signature."""
    return len(machine.keys.page_leaves(lease, leaf)) > 1 << MAX_PAGE_EXPONENT


def not_loaded(name: bytes) -> StatusError:
    """The refusal of a leaf whose page is too large."""
    return StatusError(
        Status.NotAvailable,
        f"the tree of {printed_name(name)} is not loaded; send the key file's cache with loadLMS",
    )


def damaged(error: ParameterError) -> StatusError:
    """The refusal of a lease whose leaves do not lead to the root of its key."""
    return StatusError(Status.Malformed, f"the NVRAM file is damaged: {error}")
