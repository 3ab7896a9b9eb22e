"""checkpoints.py: half-made keys on disk, whole rows of the right key or none."""

import hashlib
import os
import shutil
import stat
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.faults import Fault, FaultyOs
from kit.flips import flipped
from kit.stores import ESN, OTHER_ESN, quick_folder
from state.dying import dying

from seemachine.state import checkpoints
from seemachine.state.checkpoints import CHECK_BYTES, FolderCheckpoints
from seemachine.state.disk import durable
from seemachine.state.disk.checksummed import seal
from seemachine.state.disk.world_key import world_key
from seemachine.state.errors import StateCopied, StateCorrupt, StateForeign
from seemachine.state.half_made import NoCheckpoints, is_label
from seemachine.state.witness import card_witness
from seemachine.world import World

few = settings(max_examples=60, deadline=None)
ROW = 48
HEAD = {"types": b"types", "seeds": [b"a", b"b"]}


def row(index, key=b"k"):
    """The row of a chunk of a key."""
    return (key + b"%d" % index).ljust(ROW, b".")


def opened(world, esn=ESN):
    """The checkpoints of a machine of a world."""
    return FolderCheckpoints(world / "hsm" / esn)


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

    def test_rows_are_stored_with_their_checks(self, kept):
        """A row is followed by the first 8 bytes of the SHA-256 of its number and itself: keys that
        were begun must be readable.
        """
        kept.create("one", HEAD)
        kept.append("one", 0, row(0))

        assert (kept._folder / "one.rows").read_bytes() == row(0) + hashlib.sha256(
            bytes(4) + row(0)
        ).digest()[:8]

    def test_a_key_is_kept_by_its_label(self, kept, tmp_path):
        """Heads and rows of several keys are read back as written, in order, by another process
        too.
        """
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
        """A rewritten head is the only one; the rows stay.

        A seed that it does not hold is in no file of the key any more.
        """
        kept.create("one", HEAD | {"seeds": [b"spent seed", b"other seed"]})
        kept.append("one", 0, row(0))
        kept.rewrite("one", HEAD | {"seeds": [b"", b"other seed"]})

        assert kept.head("one")["seeds"] == [b"", b"other seed"]
        assert kept.load("one", ROW) == [row(0)]
        assert {path.name for path in kept._folder.iterdir()} == {"one.key", "one.rows"}

    def test_a_forgotten_key_is_gone(self, kept):
        """After discard nothing of a key is left, and other keys are; to discard what is not there
        is nothing.
        """
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

    @pytest.mark.parametrize(
        "label", ["", "A", "a b", "a.b", "..", "../a", "a/b", "a\n", "é", "x" * 65, "*"]
    )
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
            with pytest.raises(StateCorrupt, match="is not a label"):
                act()
        assert list(kept._folder.iterdir()) == []


class TestDamage:
    """Rows and heads that are not as written."""

    @few
    @given(st.integers(min_value=0))
    def test_no_bit_of_a_row_changes_unnoticed(self, bit):
        """One flipped bit ends the rows before the one that has it; those before it are
        as written.
        """
        with quick_folder() as folder:
            kept = opened(folder)
            kept.create("one", HEAD)
            for index in range(4):
                kept.append("one", index, row(index))
            path = kept._folder / "one.rows"
            data = path.read_bytes()
            path.write_bytes(flipped(data, bit))

            assert kept.load("one", ROW) == [
                row(index) for index in range(bit // 8 % len(data) // (ROW + CHECK_BYTES))
            ]

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
        """Copied to another label or another machine a head is refused there, even with a witness,
        and goes on where it was made.
        """
        kept.create("one", HEAD)
        other = opened(tmp_path, OTHER_ESN)
        for place, name in ((kept, "two"), (other, "one")):
            path = place._folder / f"{name}.key"
            shutil.copy(kept._folder / "one.key", path)
            card_witness.confirm(World.at(tmp_path), path)
            with pytest.raises(StateCorrupt, match=f"{name}.key: not as this world wrote it"):
                place.head(name)

        assert kept.head("one") == HEAD

    def test_a_head_of_another_world(self, kept, tmp_path):
        """A head of another world is refused with both worlds in the sentence, whatever a witness
        says.
        """
        kept.create("one", HEAD)
        foreign = opened(tmp_path / "other")
        worlds = [
            world_key(World.at(world)).identifier.hex() for world in (tmp_path, tmp_path / "other")
        ]
        shutil.copy(kept._folder / "one.key", foreign._folder)
        card_witness.confirm(World.at(tmp_path / "other"), foreign._folder / "one.key")

        with pytest.raises(
            StateForeign, match=f"one.key: of the world {worlds[0]}; this is the world {worlds[1]} "
        ):
            foreign.head("one")

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

    def test_a_failed_row_is_written_over(self, kept, fault):
        """A row whose write failed, halfway or in the flush, is not lost work: the same chunk is
        written at its place and is whole.
        """
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
        monkeypatch.setattr(
            checkpoints.os, "pwrite", lambda _descriptor, data, _offset: len(data) - 1
        )

        with pytest.raises(OSError, match="one: a row was written in part"):
            kept.append("one", 0, row(0))

    def test_a_failed_attempt_leaves_no_seeds(self, kept, fault):
        """When a head could not be replaced the attempt goes with the key: discarded, its seeds are
        in no file.
        """
        kept.create("one", HEAD)
        fault.arm(1, full=True)
        with pytest.raises(OSError, match="No space left"):
            kept.rewrite("one", HEAD | {"seeds": [b"left behind"]})
        kept.discard("one")

        assert list(kept._folder.iterdir()) == []

    def test_what_a_kill_left_has_no_seeds_either(self, kept, monkeypatch):
        """A head that a killed process wrote beside the key goes with the key."""
        scratch = kept._folder / ".one.key.new"
        kept.create("one", HEAD)
        with monkeypatch.context() as patch:
            patch.setattr(
                checkpoints, "replace_file", lambda _path, data, **_: scratch.write_bytes(data)
            )
            kept.rewrite("one", HEAD | {"seeds": [b"left behind"]})
        assert scratch.exists()
        kept.discard("one")

        assert not scratch.exists()


BEFORE, AFTER = HEAD | {"seeds": [b"given away", b"b"]}, HEAD | {"seeds": [b"", b"b"]}


class TestDying:
    """The process dies at every write, flush, rename and deletion in turn.

    What it leaves is what the next one finds.
    """

    @pytest.fixture
    def everywhere(self, tmp_path, monkeypatch):
        """Do something to a key of one row until it dies at no place any more.

        Yields the place, what is left, and the old head.
        """

        def places(act, keep=shutil.copy2):
            for place in count():
                world, left = tmp_path / str(place), tmp_path / f"{place} left"
                kept = opened(world)
                kept.create("one", BEFORE)
                kept.append("one", 0, row(0))
                keep(kept._folder / "one.key", tmp_path / f"{place} old")
                if not dying(Fault(), place, world, left, lambda kept=kept: act(kept), monkeypatch):
                    assert place > 5
                    return
                yield opened(left), tmp_path / f"{place} old"

        return places

    def test_while_a_head_is_replaced(self, everywhere):
        """There is the old head or the new one, accepted, and all rows; once there was the new one
        there is never the old one.
        """
        heads = []
        for left, _old in everywhere(lambda kept: kept.rewrite("one", AFTER)):
            assert left.load("one", ROW) == [row(0)]
            heads.append(left.head("one"))

        assert {str(head) for head in heads} == {str(BEFORE), str(AFTER)}
        assert heads == [BEFORE] * heads.count(BEFORE) + [AFTER] * heads.count(AFTER)

    def test_the_old_head_put_back_after_it(self, everywhere):
        """Whoever goes on with what was left and gives a seed away has a head that no older one can
        take the place of.
        """
        for left, old in everywhere(lambda kept: kept.rewrite("one", AFTER), keep=os.link):
            found = old.with_name(f"{old.name} found")
            os.link(left._folder / "one.key", found)
            left.rewrite("one", HEAD | {"seeds": [b"", b""]})
            for older in (old, found):
                older.replace(left._folder / "one.key")
                with pytest.raises(StateCopied):
                    left.head("one")

    def test_while_a_copy_is_written_over(self, everywhere):
        """A running machine that writes over a head that was put back makes no original of it."""

        def rewritten(kept):
            instead(kept._folder / "one.key", (kept._folder / "one.key").read_bytes())
            kept.rewrite("one", AFTER)

        looks = []
        for left, _old in everywhere(rewritten):
            try:
                looks.append(left.head("one"))
            except StateCopied:
                looks.append("copy")
        assert {str(look) for look in looks[2:]} == {"copy", str(AFTER)}

    def test_while_a_key_begins(self, everywhere):
        """A head is accepted or not there, and never there with rows of the key before it."""
        heads = []
        for left, _old in everywhere(lambda kept: kept.create("one", {"new": 1})):
            head = left.head("one")
            heads.append(head)
            if head is not None:
                assert left.load("one", ROW) == ([row(0)] if head == BEFORE else [])

        assert [
            head for index, head in enumerate(heads) if index == 0 or head != heads[index - 1]
        ] == [BEFORE, None, {"new": 1}]

    def test_while_a_key_is_forgotten(self, everywhere):
        """The key is there whole, or its head, with its seeds, is gone: without it nobody goes on
        with the rows.
        """
        for left, old in everywhere(lambda kept: kept.discard("one")):
            if left.labels():
                assert left.head("one") == BEFORE
                assert left.load("one", ROW) == [row(0)]
            else:
                assert left.head("one") is None
            left.discard("one")
            os.link(old, left._folder / "one.key")
            with pytest.raises(StateCopied):
                left.head("one")

    def test_while_all_keys_are_suspended(self, everywhere):
        """A key is there, to be suspended again, or it is remembered that it was destroyed; it is
        never gone in silence.
        """
        for left, _old in everywhere(lambda kept: kept.suspend("put back")):
            remembered = left.suspended()
            assert left.labels() or remembered
            left.suspend("put back")
            assert left.labels() == []
            assert {label.partition(".")[0] for label, _ in left.suspended()} == {"one"}
            assert {reason for _, reason in left.suspended()} == {"put back"}


def over(path, data):
    """As cp does."""
    path.write_bytes(data)


def instead(path, data):
    """As rsync and most restores do."""
    path.with_name("new").write_bytes(data)
    path.with_name("new").replace(path)


def after_deletion(path, data):
    """As tar does; the inode is likely to be used again."""
    path.unlink()
    path.write_bytes(data)


class TestPutBack:
    """Heads that are not the file that was written last."""

    @pytest.mark.parametrize("back", [over, instead, after_deletion])
    def test_an_older_head(self, kept, back):
        """A head from before its seed was given away is refused, however it came back; the rows are
        not asked.
        """
        kept.create("one", BEFORE)
        old = (kept._folder / "one.key").read_bytes()
        kept.rewrite("one", AFTER)
        back(kept._folder / "one.key", old)

        with pytest.raises(
            StateCopied,
            match=(
                r"^half-made key one is a copy or was restored from a backup: its leases may have"
                r" been used since$"
            ),
        ):
            kept.head("one")
        assert kept.labels() == ["one"]

    @pytest.mark.parametrize("back", [instead, after_deletion])
    def test_the_same_head_from_a_copy(self, kept, back):
        """Also a copy of the head as it is now: the original may be elsewhere, and go on there."""
        kept.create("one", HEAD)
        back(kept._folder / "one.key", (kept._folder / "one.key").read_bytes())

        with pytest.raises(StateCopied):
            kept.head("one")

    def test_a_copied_folder(self, kept, tmp_path):
        """In a copy of the whole world, witness and key included, every head is refused; in the
        original none is.
        """
        kept.create("one", HEAD)
        shutil.copytree(tmp_path, tmp_path.with_name(f"{tmp_path.name} copy"))

        with pytest.raises(StateCopied):
            opened(tmp_path.with_name(f"{tmp_path.name} copy")).head("one")
        assert kept.head("one") == HEAD

    def test_a_moved_world(self, kept, tmp_path):
        """A world that is moved on its disk goes on."""
        kept.create("one", HEAD)
        kept.append("one", 0, row(0))
        moved = opened(tmp_path.rename(tmp_path.with_name(f"{tmp_path.name} moved")))

        assert moved.head("one") == HEAD
        assert moved.load("one", ROW) == [row(0)]

    def test_a_lost_witness(self, kept, tmp_path):
        """A head that nobody vouches for is refused, also when only its own witness is gone."""
        kept.create("one", HEAD)
        kept.create("two", HEAD)
        (tmp_path / "witness" / "making" / f"{ESN}-one").unlink()

        with pytest.raises(StateCopied):
            kept.head("one")
        assert kept.head("two") == HEAD

    @pytest.mark.parametrize("again", ["discard", "create"])
    def test_a_refused_head_can_be_got_rid_of(self, kept, tmp_path, again):
        """It is discarded as any other, with its witness; a key that begins in its place is
        accepted, and it is refused again.
        """
        kept.create("one", BEFORE)
        old = (kept._folder / "one.key").read_bytes()
        kept.rewrite("one", AFTER)
        after_deletion(kept._folder / "one.key", old)
        if again == "discard":
            kept.discard("one")
            assert (kept.labels(), kept.head("one")) == ([], None)
            assert list((tmp_path / "witness" / "making").iterdir()) == []
        kept.create("one", {"new": 1})
        assert kept.head("one") == {"new": 1}

        over(kept._folder / "one.key", old)
        with pytest.raises(StateCopied):
            kept.head("one")


class TestSuspended:
    """Half-made keys whose seeds may have been given away by a copy."""

    def test_they_are_destroyed_and_remembered(self, kept, tmp_path):
        """Heads, rows and witnesses are gone; their labels and the reason are there for the next
        process.
        """
        for label in ("two", "one"):
            kept.create(label, HEAD)
            kept.append(label, 0, row(0))
        kept.suspend("it was put back")
        again = opened(tmp_path)

        assert (again.labels(), again.head("one")) == ([], None)
        assert again.suspended() == [("one.1", "it was put back"), ("two.1", "it was put back")]
        assert [path.name for path in again._folder.iterdir()] == ["quarantine"]
        assert list((tmp_path / "witness" / "making").iterdir()) == []

    def test_the_longest_label_keeps_its_length(self, kept):
        """With the number that it gets, it is as long as a label may be, and no character of it
        goes that need not.
        """
        kept.create("a" * 64, HEAD)
        kept.suspend("it was put back")

        assert kept.suspended() == [("a" * 62 + ".1", "it was put back")]

    def test_a_label_can_be_suspended_again(self, kept):
        """The label is free at once; a second key of it has a number of its own, and its own
        reason.
        """
        for reason in ("first", "second"):
            kept.create("one", HEAD)
            kept.suspend(reason)

        assert kept.suspended() == [("one.1", "first"), ("one.2", "second")]

    def test_one_is_acknowledged(self, kept):
        """Only that one is forgotten, for good; to forget what is not there is nothing."""
        for label in ("one", "two"):
            kept.create(label, HEAD)
        kept.suspend("put back")
        kept.discard_suspended("one.1")
        kept.discard_suspended("one.1")

        assert kept.suspended() == [("two.1", "put back")]

    def test_nothing_to_suspend(self, kept):
        """Without half-made keys there is nothing, also before there ever was any."""
        assert kept.suspended() == []
        kept.suspend("put back")
        assert kept.suspended() == []

    def test_a_refused_head_is_suspended(self, kept):
        """A head that was put back goes as well, without being read."""
        kept.create("one", HEAD)
        after_deletion(kept._folder / "one.key", (kept._folder / "one.key").read_bytes())
        kept.suspend("put back")

        assert (kept.labels(), kept.suspended()) == ([], [("one.1", "put back")])


def test_a_machine_that_forgets():
    """Where nothing is kept there is nothing to go on with, whatever was said before."""
    kept = NoCheckpoints()
    kept.create("one", HEAD)
    kept.append("one", 0, row(0))
    kept.rewrite("one", HEAD)

    assert (kept.labels(), kept.head("one"), kept.load("one", ROW)) == ([], None, [])
    kept.discard("one")
    kept.suspend("put back")
    assert kept.suspended() == []
    kept.discard_suspended("one.1")
