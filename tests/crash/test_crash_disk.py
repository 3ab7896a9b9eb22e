"""The model of the disk, and the recorder that feeds it."""

import contextlib
import os
import random
import sqlite3

import pytest
from crash.disk import SECTOR, Disk
from crash.operations import Link, Rename, Sync, SyncFolder, Unlink, Write
from crash.recorder import HAS_APSW, Killed, recording

from seemachine.state.disk.durable import private_folder, replace_file


def follow(*operations):
    """A disk that was empty, after these."""
    disk = Disk({})
    for operation in operations:
        disk.apply(operation)
    return disk


def images(disk):
    """Everything that may be left after a crash now."""
    return [state.image for state in disk.states(random.Random(0))]


NEW = (Link("f", 1), Write(1, 0, b"new"))


class TestDisk:
    """What was flushed is there in every state, what was not in some."""

    def test_nothing_is_certain_before_a_flush(self):
        """The file may be missing, be empty, hold half, or all of what was written."""
        found = images(follow(*NEW))
        assert all(image in found for image in ({}, {"f": b""}, {"f": b"n"}, {"f": b"new"}))

    def test_data_needs_its_flush_and_the_name_its_own(self):
        """Flushing a file does not flush its name, nor the other way round."""
        named = images(follow(*NEW, SyncFolder(".")))
        assert {"f": b""} in named
        assert {} not in named
        written = images(follow(*NEW, Sync(1)))
        assert {} in written
        assert {"f": b""} not in written

    def test_flushed_is_certain(self):
        """One state is left when both are flushed."""
        assert images(follow(*NEW, Sync(1), SyncFolder("."))) == [{"f": b"new"}]

    def test_a_rename_has_happened_or_not(self):
        """The target is the old or the new file, never neither."""
        disk = follow(
            Link("f", 1),
            Write(1, 0, b"old"),
            Sync(1),
            SyncFolder("."),
            Link("g", 2),
            Write(2, 0, b"new"),
            Sync(2),
        )
        disk.apply(Rename("g", "f", 2))
        assert {image["f"] for image in images(disk)} == {b"old", b"new"}

    def test_a_move_to_another_folder_may_be_half_done_but_loses_nothing(self):
        """The file is in the old place, in the new one or in both, which is marked."""
        disk = follow(
            Link("a", None),
            Link("b", None),
            Link("a/f", 1),
            Write(1, 0, b"x"),
            Sync(1),
            SyncFolder("."),
            SyncFolder("a"),
        )
        disk.apply(Link("b/f", 1))
        disk.apply(Unlink("a/f", "b/f"))
        states = list(disk.states(random.Random(0)))
        assert {
            (("a/f" in state.image), ("b/f" in state.image), state.twice) for state in states
        } == {
            (True, False, False),
            (False, True, False),
            (True, True, True),
        }

    def test_what_is_in_a_lost_folder_is_lost(self):
        """A flushed file in a folder whose own name was not flushed is not found again."""
        disk = follow(Link("a", None), Link("a/f", 1), Write(1, 0, b"x"), Sync(1), SyncFolder("a"))
        assert {} in images(disk)
        disk.apply(SyncFolder("."))
        assert images(disk) == [{"a": None, "a/f": b"x"}]

    def test_a_write_is_torn_at_sectors(self):
        """The first sectors alone, and the others alone."""
        found = images(
            follow(Link("f", 1), SyncFolder("."), Write(1, 0, b"1" * SECTOR + b"2" * SECTOR))
        )
        assert {"f": b"1" * SECTOR} in found
        assert {"f": bytes(SECTOR) + b"2" * SECTOR} in found


class TestRecorder:
    """The recorder sees everything, and kills where it is told."""

    def test_the_product_s_own_calls(self, tmp_path):
        """A replaced file is four changes and two flushes, in the order that durability needs."""
        with recording(tmp_path) as recorder:
            replace_file(tmp_path / "f", b"data")
        assert recorder.log == [
            Link(".f.new", 1),
            Write(1, 0, b"data"),
            Sync(1),
            Rename(".f.new", "f", 1),
            SyncFolder("."),
        ]

    def test_what_escapes_is_noticed(self, tmp_path):
        """A change by other ways fails the recording."""
        with (
            pytest.raises(AssertionError, match="not recorded"),
            recording(tmp_path),
            (tmp_path / "f").open("w") as file,
        ):
            file.write("unseen")

    @pytest.mark.parametrize("life", range(4))
    def test_a_killed_process_does_nothing_more(self, tmp_path, life):
        """Not even its clean-up: what it had done by then stays."""
        with recording(tmp_path) as recorder:
            recorder.life = life
            with pytest.raises(Killed):
                replace_file(tmp_path / "f", b"data")
            recorder.revive()
        there = [os.path.exists(tmp_path / name) for name in (".f.new", "f")]  # noqa: PTH110
        assert there == [life > 0, False]
        assert len(recorder.log) == life

    @pytest.mark.parametrize("life", range(5))
    def test_a_folder_of_a_killed_process(self, tmp_path, life):
        """Wherever the process that made it was killed: once another one has used it, a power cut
        takes nothing that lies in it.
        """
        with recording(tmp_path) as recorder:
            recorder.life = life
            with contextlib.suppress(Killed):
                private_folder(tmp_path / "a" / "b")
            recorder.revive()
            replace_file(private_folder(tmp_path / "a" / "b") / "f", b"data")
        assert images(follow(*recorder.log)) == [{"a": None, "a/b": None, "a/b/f": b"data"}]

    @pytest.mark.skipif(not HAS_APSW, reason="apsw is not installed")
    def test_sqlite_flushes_its_log_and_then_the_folder(self, tmp_path):
        """The flush of the folder, which a VFS does not see, is in the record."""
        private_folder(tmp_path)
        with recording(tmp_path) as recorder:
            database = sqlite3.connect(tmp_path / "db")
            for pragma in ("locking_mode = exclusive", "journal_mode = wal", "synchronous = full"):
                database.execute(f"PRAGMA {pragma}")
            database.execute("CREATE TABLE t (x)")
            assert database.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)]).rowcount == 2
            database.close()
        log = recorder.log
        [wal] = [
            operation.file
            for operation in log
            if isinstance(operation, Link) and operation.path == "db-wal"
        ]
        assert log[log.index(Sync(wal)) + 1] == SyncFolder(".")
