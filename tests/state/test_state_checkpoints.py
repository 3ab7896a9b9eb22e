"""checkpoints.py: half-made keys on disk, whole rows of the right key or none."""

import os
import shutil
import stat
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from state.kit import ESN, OTHER_ESN, Fault, FaultyOs, flipped, quick_folder

from seemachine.state import checkpoints, durable
from seemachine.state.checkpoints import CHECK_BYTES, FolderCheckpoints, NoCheckpoints, is_label
from seemachine.state.errors import StateCopied, StateCorrupt, StateForeign
from seemachine.state.sealed import seal
from seemachine.state.worldkey import world_key

few = settings(max_examples=60, deadline=None)
ROW = 48
HEAD = {"types": b"types", "seeds": [b"a", b"b"]}


def row(index, key=b"k"):
    """The row of a chunk of a key."""
    return (key + b"%d" % index).ljust(ROW, b".")


def opened(world, esn=ESN):
    """The checkpoints of a machine of a world."""
    return FolderCheckpoints(world / "hsm" / esn)


def keep(source, target):
    """What a process that died leaves behind is no copy. Heads are replaced as a whole, so a link keeps them as they are."""
    (os.link if str(source).endswith(".key") else shutil.copy2)(source, target)


@pytest.fixture
def kept(tmp_path):
    """Checkpoints in a new folder."""
    return opened(tmp_path)


class TestKeeping:
    """What is kept is there, also for the next process."""

    def test_nothing_is_there_at_first(self, kept):
        """A new machine is making no key."""
        assert kept.labels() == []
        assert kept.head("one") is None

    def test_a_key_is_kept_by_its_label(self, kept, tmp_path):
        """Heads and rows of several keys are read back as written, in order, by another process too."""
        for label in ("two", "one"):
            kept.create(label, HEAD | {"label": label})
            for index in range(3):
                kept.append(label, index, row(index, label.encode()))
        again = opened(tmp_path)

        assert again.labels() == ["one", "two"]
        for label in again.labels():
            assert again.head(label) == HEAD | {"label": label}
            assert again.load(label, ROW) == [row(index, label.encode()) for index in range(3)]

    def test_a_head_is_replaced(self, kept):
        """A rewritten head is the only one; the rows stay. A seed that it does not hold is in no file of the key any more."""
        kept.create("one", HEAD | {"seeds": [b"spent seed", b"other seed"]})
        kept.append("one", 0, row(0))
        kept.rewrite("one", HEAD | {"seeds": [b"", b"other seed"]})

        assert kept.head("one")["seeds"] == [b"", b"other seed"]
        assert kept.load("one", ROW) == [row(0)]
        assert {path.name for path in kept._folder.iterdir()} == {"one.key", "one.rows"}

    def test_a_forgotten_key_is_gone(self, kept):
        """After discard nothing of a key is left, and other keys are; to discard what is not there is nothing."""
        for label in ("one", "two"):
            kept.create(label, HEAD)
            kept.append(label, 0, row(0))
        kept.discard("one")
        kept.discard("one")

        assert kept.labels() == ["two"]
        assert kept.head("one") is None
        assert {path.stem for path in kept._folder.iterdir()} == {"two"}

    def test_a_new_key_has_no_old_rows(self, kept):
        """A key that begins under a label that was used before has a new head and no rows."""
        kept.create("one", HEAD)
        kept.append("one", 0, row(0))
        kept.create("one", {"other": 1})

        assert kept.head("one") == {"other": 1}
        assert kept.load("one", ROW) == []

    def test_files_are_private(self, kept):
        """Nobody but the owner may read them."""
        kept.create("one", HEAD)
        kept.append("one", 0, row(0))

        assert {stat.S_IMODE(path.stat().st_mode) for path in kept._folder.iterdir()} == {0o600}
        assert stat.S_IMODE(kept._folder.stat().st_mode) == 0o700


class TestLabels:
    """Names of keys in the making."""

    @pytest.mark.parametrize("label", ["a", "a-b-9", "0", "-", "x" * 64])
    def test_good_labels(self, kept, label):
        """Lower-case letters, digits and hyphens make a label."""
        assert is_label(label)
        kept.create(label, HEAD)
        assert kept.labels() == [label]

    @pytest.mark.parametrize("label", ["", "A", "a b", "a.b", "..", "../a", "a/b", "a\n", "é", "x" * 65, "*"])
    def test_bad_labels(self, kept, label):
        """Anything else is refused by every operation, and no file appears anywhere."""
        assert not is_label(label)
        for act in (
            lambda: kept.create(label, HEAD),
            lambda: kept.rewrite(label, HEAD),
            lambda: kept.append(label, 0, b""),
            lambda: kept.load(label, ROW),
            lambda: kept.head(label),
            lambda: kept.discard(label),
        ):
            with pytest.raises(StateCorrupt, match="is no label"):
                act()
        assert list(kept._folder.iterdir()) == []


class TestDamage:
    """Rows and heads that are not as written."""

    @few
    @given(st.integers(min_value=0))
    def test_no_bit_of_a_row_changes_unnoticed(self, bit):
        """One flipped bit ends the rows before the one that has it; those before it are as written."""
        with quick_folder() as folder:
            kept = opened(folder)
            kept.create("one", HEAD)
            for index in range(4):
                kept.append("one", index, row(index))
            path = kept._folder / "one.rows"
            data = path.read_bytes()
            path.write_bytes(flipped(data, bit))

            assert kept.load("one", ROW) == [row(index) for index in range(bit // 8 % len(data) // (ROW + CHECK_BYTES))]

    @few
    @given(st.integers(0, 4 * (ROW + CHECK_BYTES)))
    def test_a_torn_row_counts_as_not_done(self, size):
        """Rows that end too early end with the last whole one; the next append goes on there."""
        with quick_folder() as folder:
            kept = opened(folder)
            kept.create("one", HEAD)
            for index in range(4):
                kept.append("one", index, row(index))
            path = kept._folder / "one.rows"
            path.write_bytes(path.read_bytes()[:size])
            done = kept.load("one", ROW)
            assert done == [row(index) for index in range(size // (ROW + CHECK_BYTES))]
            kept.append("one", len(done), row(len(done)))

            assert kept.load("one", ROW)[: len(done) + 1] == [*done, row(len(done))]

    def test_rows_know_their_place(self, kept):
        """A row that stands in another's place is not taken for it."""
        kept.create("one", HEAD)
        for index in range(2):
            kept.append("one", index, row(index))
        path = kept._folder / "one.rows"
        data = path.read_bytes()
        path.write_bytes(data[ROW + CHECK_BYTES :] + data[: ROW + CHECK_BYTES])

        assert kept.load("one", ROW) == []

    @few
    @given(st.integers(min_value=0))
    def test_no_bit_of_a_head_changes_unnoticed(self, bit):
        """One flipped bit anywhere in a head is StateCorrupt, with its path."""
        with quick_folder() as folder:
            kept = opened(folder)
            kept.create("one", HEAD)
            path = kept._folder / "one.key"
            path.write_bytes(flipped(path.read_bytes(), bit))

            with pytest.raises(StateCorrupt, match=f"^{path}: "):
                kept.head("one")


class TestSecrets:
    """Heads are encrypted, each for its own label, machine and world."""

    @pytest.mark.parametrize("act", ["create", "rewrite"])
    def test_no_seed_can_be_read(self, kept, act):
        """The seeds of a head are in no file in plain."""
        kept.create("one", {})
        getattr(kept, act)("one", HEAD | {"seeds": [b"a seed to look for"]})

        assert kept.head("one")["seeds"] == [b"a seed to look for"]
        assert not any(b"seed" in path.read_bytes() for path in kept._folder.iterdir())

    def test_a_head_is_bound_to_its_place(self, kept, tmp_path):
        """A head that was copied to another label or another machine is refused there, and goes on where it was made."""
        kept.create("one", HEAD)
        other = opened(tmp_path, OTHER_ESN)
        for place, name in ((kept, "two"), (other, "one")):
            shutil.copy(kept._folder / "one.key", place._folder / f"{name}.key")
            with pytest.raises(StateCorrupt, match=f"{name}.key: not as this world wrote it"):
                place.head(name)

        assert kept.head("one") == HEAD

    def test_a_head_of_another_world(self, kept, tmp_path):
        """A head of another world is refused with both worlds in the sentence."""
        kept.create("one", HEAD)
        foreign = opened(tmp_path / "other")
        worlds = [world_key(world).identifier.hex() for world in (tmp_path, tmp_path / "other")]
        shutil.copy(kept._folder / "one.key", foreign._folder)

        with pytest.raises(StateForeign, match=f"one.key: of the world {worlds[0]}; this is the world {worlds[1]} "):
            foreign.head("one")

    def test_a_head_that_was_put_back(self, kept):
        """An older head, with seeds that were given away since, is refused in its own place: as another file and as the same one."""
        path = kept._folder / "one.key"
        kept.create("one", HEAD)
        older = path.read_bytes()
        kept.rewrite("one", HEAD | {"seeds": [b"", b"b"]})
        for put_back in (path.write_bytes, lambda data: (path.unlink(), path.write_bytes(data))):
            put_back(older)
            with pytest.raises(StateCopied, match="half-made key one is a copy or was restored"):
                kept.head("one")
        kept.discard("one")

        assert kept.head("one") is None
        kept.create("one", HEAD)
        assert kept.head("one") == HEAD

    def test_all_are_destroyed_in_quarantine(self, kept, tmp_path):
        """After a doubt no half-made key is left; what was there is listed with the reason until it is acknowledged."""
        for label in ("one", "two"):
            kept.create(label, HEAD)
        kept.suspend("a doubt")
        kept.create("one", HEAD)
        kept.suspend("another")
        again = opened(tmp_path)

        assert again.labels() == []
        assert again.suspended() == [("one.1", "a doubt"), ("one.2", "another"), ("two.1", "a doubt")]
        again.discard_suspended("one.1")
        assert [label for label, _ in again.suspended()] == ["one.2", "two.1"]

    def test_a_head_of_before(self, kept):
        """A head that was not encrypted is not one of this version."""
        kept.create("one", HEAD)
        (kept._folder / "one.key").write_bytes(seal(HEAD))

        with pytest.raises(StateCorrupt, match="not a half-made key of this version"):
            kept.head("one")


class TestFailing:
    """Writes that fail, and processes that die."""

    @pytest.fixture
    def fault(self, monkeypatch):
        """A disk that fails on demand."""
        fault = Fault()
        for module in (durable, checkpoints):
            monkeypatch.setattr(module, "os", FaultyOs(fault))
        return fault

    def everywhere(self, fault, tmp_path, prepare, act):
        """Let an operation fail at its first place, its second, and so on. Yields what is left, as the next process finds it."""
        for place in count():
            folder = tmp_path / str(place)
            kept = opened(folder)
            prepare(kept)
            left = tmp_path / f"left {place}"
            fault.arm(place, hook=lambda folder=folder, left=left: shutil.copytree(folder, left, copy_function=keep) and None)
            act(kept)
            fired = fault.fired
            fault.disarm()
            if not fired:
                assert place > 1
                return
            yield opened(left)

    def test_a_failed_row_is_written_over(self, kept, fault):
        """A row whose write failed, halfway or in the flush, is not lost work: the same chunk is written at its place and is whole."""
        kept.create("one", HEAD)
        kept.append("one", 0, row(0))
        for place in (0, 1):
            fault.arm(place, full=True)
            with pytest.raises(OSError, match="No space left"):
                kept.append("one", 1, row(1))
            assert kept.load("one", ROW)[:1] == [row(0)]
        kept.append("one", 1, row(1))

        assert kept.load("one", ROW) == [row(0), row(1)]

    def test_a_part_of_a_row_is_an_error(self, kept, monkeypatch):
        """A system that writes less than it was given is not believed."""
        kept.create("one", HEAD)
        monkeypatch.setattr(checkpoints.os, "pwrite", lambda _descriptor, data, _offset: len(data) - 1)

        with pytest.raises(OSError, match="one: a row was written in part"):
            kept.append("one", 0, row(0))

    def test_dying_while_a_head_is_replaced(self, fault, tmp_path):
        """There is the old head or the new one, and all rows."""

        def prepare(kept):
            kept.create("one", HEAD)
            kept.append("one", 0, row(0))

        for left in self.everywhere(fault, tmp_path, prepare, lambda kept: kept.rewrite("one", {"new": 1})):
            assert left.head("one") in (HEAD, {"new": 1})
            assert left.load("one", ROW) == [row(0)]

    def test_dying_while_a_key_begins(self, fault, tmp_path):
        """Whatever step it dies at, a head is never there with rows of the key before it."""

        def prepare(kept):
            kept.create("one", HEAD)
            kept.append("one", 0, row(0))

        for left in self.everywhere(fault, tmp_path, prepare, lambda kept: kept.create("one", {"new": 1})):
            head = left.head("one")
            if head is not None:
                assert left.load("one", ROW) == ([row(0)] if head == HEAD else [])

    def test_dying_while_a_key_is_forgotten(self, fault, tmp_path):
        """The key is there whole, or its head, with its seeds, is gone: without it nobody goes on with the rows."""

        def prepare(kept):
            kept.create("one", HEAD)
            kept.append("one", 0, row(0))

        for left in self.everywhere(fault, tmp_path, prepare, lambda kept: kept.discard("one")):
            if left.labels():
                assert left.head("one") == HEAD
                assert left.load("one", ROW) == [row(0)]
            else:
                assert left.head("one") is None

    def test_a_failed_attempt_leaves_no_seeds(self, kept, fault):
        """When a head could not be replaced the attempt goes with the key: discarded, its seeds are in no file."""
        kept.create("one", HEAD)
        fault.arm(1, full=True)
        with pytest.raises(OSError, match="No space left"):
            kept.rewrite("one", HEAD | {"seeds": [b"left behind"]})
        kept.discard("one")

        assert list(kept._folder.iterdir()) == []


def test_a_machine_that_forgets():
    """Where nothing is kept there is nothing to go on with, whatever was said before."""
    kept = NoCheckpoints()
    kept.create("one", HEAD)
    kept.append("one", 0, row(0))
    kept.rewrite("one", HEAD)

    assert (kept.labels(), kept.head("one"), kept.load("one", ROW)) == ([], None, [])
    kept.discard("one")
