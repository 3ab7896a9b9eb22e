"""A lease whose last leaf found no room on the disk."""

from kit.faults import Disk, at_every_place
from kit.leases import lease, name, take


class TestDiskFull:
    """At each place of the write in turn."""

    @at_every_place
    def test_its_lease_is_kept_once(self, disk: Disk) -> None:
        """For orders that come again: with the write that is made up for, and not before."""
        store = disk.open()
        store.install(lease(end=1))
        disk.fail(lambda: take(store, [name()]), full=True)
        assert store._spent == []
        assert take(store, [name()]) == [None]
        assert [spent.lease for spent in store._spent] == [lease(end=1)]
        store.close()
