"""Every kind of store against a model, through any order of changes, failures and openings."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from kit.faults import Disk
from kit.leases import lease, name, take
from kit.stores import FILE, MEMORY, SQLITE

from seemachine.state.errors import DiskFull, FileExists, LeaseSpent, StateFailed
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.state.records import NvramFile, Reserved

FAILED, REFUSED = "failed", "refused"
KEYS = (1, 2)
HEIGHT = 5

keys = st.sampled_from(KEYS)
# A subtree of a tree of 32 leaves; small ones, so that files are used up often.
ranges = st.integers(0, 2).flatmap(
    lambda height: st.integers(0, (1 << HEIGHT - height) - 1).map(
        lambda n: (n << height, n + 1 << height)
    )
)
# Nothing, or a failure at one of the places where an operation writes, for want of room or not.
failures = st.none() | st.tuples(st.integers(0, 5), st.booleans())


class StoreModel(RuleBasedStateMachine):
    """What the store should know, held as plain sets.

    `files` is what this process knows; what the disk knows may lie behind it.
    """

    kind = MEMORY

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.folder = tempfile.TemporaryDirectory(
            dir="/dev/shm" if Path("/dev/shm").is_dir() else None
        )
        self.disk = Disk(self.kind, Path(self.folder.name), self.patch)
        self.given: set[tuple[int, int]] = set()
        self.files: dict[int, NvramFile] = {}
        self.spent: list[tuple[int, int, int]] = []
        self.unsure: list[tuple[int, int, int]] = []
        self.failed_since_opening = False
        self.stopped = False

    @initialize()
    def open(self) -> None:
        """The first opening."""
        self.store = self.disk.open()
        assert self.store.epoch == (0 if isinstance(self.store, MemoryStore) else 1)

    def teardown(self) -> None:
        self.store.close()
        self.patch.undo()
        self.folder.cleanup()

    def attempt(self, change, failure):
        """Make a change. Returns its result; FAILED when the failure found it.

        REFUSED after a failure that stopped the store, or when what found no room before could not
        be made good, so that nothing began.
        """
        late, before = bool(self.store._late), dict(self.store._files)
        if failure is not None:
            self.disk.fault.arm(failure[0], full=failure[1])
        try:
            result = change()
        except DiskFull:
            assert not self.stopped
            assert self.disk.fault.fired
            self.failed_since_opening = True
        except StateFailed as error:
            if self.stopped:
                assert "restart the machine" in str(error)
                return REFUSED
            assert self.disk.fault.fired
            self.failed_since_opening = self.stopped = True
        else:
            assert not self.stopped
            return result
        finally:
            self.disk.fault.disarm()
        return REFUSED if late and self.store._files == before else FAILED

    @rule(key=keys, leaves=ranges, failure=failures)
    def install(self, key, leaves, failure):
        """A lease comes, if it may."""
        lease_of = lease(key, *leaves)

        def change():
            try:
                self.store.install(lease_of)
            except (FileExists, LeaseSpent) as error:
                return type(error)
            return None

        outcome = self.attempt(change, failure)
        if outcome in (FAILED, REFUSED):
            self.unsure += [(key, *leaves)] if outcome == FAILED else []
        elif key in self.files:
            assert outcome is FileExists
        elif self.overlaps(self.spent, key, leaves):
            assert outcome is LeaseSpent
        elif outcome is LeaseSpent:
            assert self.overlaps(self.unsure, key, leaves)
        else:
            assert outcome is None
            self.files[key] = NvramFile(lease_of, leaves[0])
            self.spent.append((key, *leaves))

    @staticmethod
    def overlaps(known, key, leaves):
        """Whether some of these leaves are in a list of ranges."""
        return any(
            key == past and first < leaves[1] and leaves[0] < end for past, first, end in known
        )

    @rule(batch=st.lists(keys, max_size=9), failure=failures)
    def reserve(self, batch, failure):
        """Leaves are taken; what a failure took is lost."""
        outcome = self.attempt(lambda: take(self.store, [name(key) for key in batch]), failure)
        if outcome == REFUSED:
            return
        expected = [self.next_leaf(key) for key in batch]
        if outcome == FAILED:
            return
        assert outcome == expected
        taken = {
            (key, each.leaf) for key, each in zip(batch, expected, strict=True) if each is not None
        }
        assert not taken & self.given
        assert len(taken) == len([each for each in expected if each is not None])
        self.given |= taken

    def next_leaf(self, key):
        """Take one leaf in the model."""
        file = self.files.pop(key, None)
        if file is None:
            return None
        if file.remaining > 1:
            self.files[key] = NvramFile(file.lease, file.next + 1)
        return Reserved(file.lease, file.next, file.remaining - 1)

    @rule(key=keys, failure=failures)
    def delete(self, key, failure):
        """A file goes."""
        outcome = self.attempt(lambda: self.store.delete(name(key)), failure)
        if outcome != REFUSED:
            self.files.pop(key, None)

    @precondition(lambda self: self.kind.durable)
    @rule()
    def reopen(self):
        """A new process.

        After a failure the disk may hold older leaves of a file, or a file less or more, but none
        that was given.
        """
        self.store.close()
        epoch, self.store = self.store.epoch, self.disk.open()
        assert self.store.epoch == epoch + 1
        found = {key: file for key in KEYS if (file := self.store.get(name(key))) is not None}
        if not self.failed_since_opening:
            assert found == self.files
        for key, file in found.items():
            there = (key, file.lease.first, file.lease.end)
            assert there in self.spent or there in self.unsure
            assert not {(key, leaf) for leaf in range(file.next, file.lease.end)} & self.given
            assert (
                self.files.get(key, file).lease != file.lease
                or self.files.get(key, file).next >= file.next
            )
        self.files, self.stopped, self.failed_since_opening = found, False, False
        self.spent += [(key, file.lease.first, file.lease.end) for key, file in found.items()]

    @invariant()
    def what_is_known_can_be_read(self):
        """Names and files are as the model has them, in every state."""
        if not hasattr(self, "store"):
            return
        assert self.store.names() == sorted(name(key) for key in self.files)
        assert {key: self.store.get(name(key)) for key in self.files} == self.files


@pytest.mark.parametrize("kind", [SQLITE, FILE, MEMORY], ids=lambda kind: kind.name)
def test_every_store_is_the_model(kind):
    """Install, reserve in batches, delete, fail and reopen in any order: the store does what the
    model says and gives no leaf twice.
    """
    machine = type(f"StoreModel_{kind.name}", (StoreModel,), {"kind": kind})
    sizes = settings(
        max_examples=60,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(machine, settings=sizes)
