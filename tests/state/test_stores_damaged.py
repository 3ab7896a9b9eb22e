"""State that was damaged: refused with a sentence that names the file, never used and never
repaired in silence.
"""

import os
import shutil
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.faults import BrokenPragma
from kit.flips import flipped
from kit.leases import lease, leaves, name, take
from kit.stores import FILE, SQLITE, quick_folder, witnessed

from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.errors import (
    LeaseQuarantined,
    LeaseSpent,
    StateCorrupt,
    StateFailed,
    StateOtherVersion,
    StateUnsafe,
)
from seemachine.state.nvram import database
from seemachine.state.nvram.database import SCHEMA_VERSION, SETTINGS
from seemachine.state.nvram.file import SUFFIX
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.records import lease_values

few = settings(max_examples=40, deadline=None)


def filled(kind, folder, opened=lambda kind, folder: kind.open(folder)):
    """Make a store with two files, one of which has given three leaves, and with a lease that is
    spent.
    """
    store = opened(kind, folder)
    for key in (1, 2):
        store.install(lease(key))
    take(store, [name(1)] * 3)
    store.install(lease(3, end=1))
    take(store, [name(3)])
    store.close()


def record(folder, key=1):
    """The file of one NVRAM file in a file store."""
    return folder / "nvram" / f"{name(key).hex()}{SUFFIX}"


def history(folder):
    """The file in which a file store remembers openings and installed ranges."""
    return folder / "nvram" / "history"


def refused(kind, folder, error=StateCorrupt):
    """What opening says. Fails when it says nothing."""
    with pytest.raises(error) as refusal:
        kind.open(folder)
    return str(refusal.value)


class TestFiles:
    """The file store."""

    @few
    @given(st.integers(min_value=0))
    def test_no_bit_of_a_record_changes_unnoticed(self, bit):
        """One flipped bit anywhere in a record is refused, with the path of the record in the
        sentence.
        """
        with quick_folder() as folder:
            filled(FILE, folder)
            path = record(folder)
            path.write_bytes(flipped(path.read_bytes(), bit))

            assert refused(FILE, folder).startswith(f"{path}: ")

    @few
    @given(st.integers(min_value=0))
    def test_no_record_is_cut_unnoticed(self, size):
        """A record that ends too early, or is empty, is refused with its path."""
        with quick_folder() as folder:
            filled(FILE, folder)
            path = record(folder)
            data = path.read_bytes()
            path.write_bytes(data[: size % len(data)])

            assert refused(FILE, folder).startswith(f"{path}: ")

    def test_a_record_under_another_name(self, tmp_path):
        """A record that was copied over another file's is refused."""
        filled(FILE, tmp_path)
        shutil.copy(record(tmp_path, 2), record(tmp_path, 1))

        assert refused(FILE, tmp_path) == f"{record(tmp_path, 1)}: holds the record of another file"

    @pytest.mark.parametrize("leaf", [-1, 7, 16, 1 << 40])
    def test_a_next_leaf_out_of_range(self, tmp_path, leaf):
        """A record whose next leaf is outside its lease is refused, even with a right checksum."""
        filled(FILE, tmp_path)
        record(tmp_path).write_bytes(
            seal({"lease": lease_values(lease(first=8, end=16)), "next": leaf, "quarantine": ""})
        )

        assert f"next leaf {leaf} is outside of 8 to 15" in refused(FILE, tmp_path)

    def test_a_lease_that_is_none(self, tmp_path):
        """A record whose lease breaks the rules of leases is refused, even with a right
        checksum.
        """
        filled(FILE, tmp_path)
        record(tmp_path).write_bytes(
            seal({"lease": {**lease_values(lease()), "end": 31}, "next": 3, "quarantine": ""})
        )

        assert "whole subtree" in refused(FILE, tmp_path)

    @pytest.mark.parametrize(
        "change",
        [
            {"schema": 2},
            {"next": None},
            {"next": "3"},
            {"next": 3.5},
            {"next": True},
            {"quarantine": None},
            {"lease": None},
            {"lease": []},
        ],
        ids=lambda change: ",".join(f"{key}={value}" for key, value in change.items()),
    )
    def test_a_record_of_another_version(self, tmp_path, change):
        """A record with a right checksum but other fields or types than this version writes is
        refused with its path.
        """
        filled(FILE, tmp_path)
        record(tmp_path).write_bytes(
            seal({"lease": lease_values(lease()), "next": 3, "quarantine": ""} | change)
        )

        assert refused(FILE, tmp_path).startswith(f"{record(tmp_path)}: ")

    @pytest.mark.parametrize(
        "change", [{"first": 0.0}, {"end": True}, {"seed": None}, {"path": "p" * 32}], ids=list
    )
    def test_a_lease_of_other_types(self, tmp_path, change):
        """A record whose lease has values of other types is refused with its path."""
        filled(FILE, tmp_path)
        record(tmp_path).write_bytes(
            seal({"lease": lease_values(lease(end=1)) | change, "next": 0, "quarantine": ""})
        )

        assert refused(FILE, tmp_path).startswith(f"{record(tmp_path)}: ")

    @few
    @given(st.integers(min_value=0))
    def test_no_bit_of_the_history_changes_unnoticed(self, bit):
        """One flipped bit in the memory of openings and spent leases is refused with its path:
        neither counts backwards or forgets.
        """
        with quick_folder() as folder:
            filled(FILE, folder)
            path = history(folder)
            path.write_bytes(flipped(path.read_bytes(), bit))

            assert refused(FILE, folder).startswith(f"{path}: ")

    @few
    @given(st.integers(min_value=0))
    def test_no_history_is_cut_unnoticed(self, size):
        """A memory that ends too early, or is empty, is refused with its path."""
        with quick_folder() as folder:
            filled(FILE, folder)
            path = history(folder)
            data = path.read_bytes()
            path.write_bytes(data[: size % len(data)])

            assert refused(FILE, folder).startswith(f"{path}: ")

    def test_no_history_is_lost_unnoticed(self, tmp_path):
        """A memory that is gone while there are records beside it is refused with its path."""
        filled(FILE, tmp_path)
        history(tmp_path).unlink()

        assert refused(FILE, tmp_path).startswith(f"{history(tmp_path)}: missing")

    @pytest.mark.parametrize(
        "values",
        [
            {"epoch": "1"},
            {"epoch": True},
            {"identity": None},
            {"nonce": "x"},
            {"doubt": b""},
            {"installed": {}},
            {"installed": [3]},
            {"installed": [["aa", 0]]},
            {"installed": [["aa", "0", 1]]},
            {"more": 1},
        ],
    )
    def test_a_history_of_another_version(self, tmp_path, values):
        """A memory with a right checksum but other contents than this version writes is refused
        with its path.
        """
        filled(FILE, tmp_path)
        written = unseal(history(tmp_path).read_bytes(), "history")
        history(tmp_path).write_bytes(seal(written | values))

        assert refused(FILE, tmp_path) == f"{history(tmp_path)}: not a record of this version"

    @pytest.mark.parametrize("epoch", [0, -1])
    def test_an_epoch_that_no_opening_writes(self, tmp_path, epoch):
        """The first opening is number 1; a smaller count would let an old witness agree."""
        filled(FILE, tmp_path)
        written = unseal(history(tmp_path).read_bytes(), "history")
        history(tmp_path).write_bytes(seal(written | {"epoch": epoch}))

        assert refused(FILE, tmp_path) == f"{history(tmp_path)}: the count of openings is damaged"

    def test_a_refusal_changes_no_record(self, tmp_path):
        """What is refused is left as it is, to the last byte, for whoever finds out
        what happened.
        """
        filled(FILE, tmp_path)
        record(tmp_path).write_bytes(flipped(record(tmp_path).read_bytes(), 99))
        before = {path: path.read_bytes() for path in (tmp_path / "nvram").iterdir()}
        refused(FILE, tmp_path)

        assert {path: path.read_bytes() for path in (tmp_path / "nvram").iterdir()} == before


class TestDatabase:
    """The SQLite store."""

    @few
    @given(st.integers(1, 1 << 20))
    def test_no_database_is_cut_unnoticed(self, size):
        """A database that ends too early is refused, with its path in the sentence."""
        with quick_folder() as folder:
            filled(SQLITE, folder)
            path = folder / "nvram.db"
            data = path.read_bytes()
            path.write_bytes(data[: 2 + size % (len(data) - 2)])

            assert refused(SQLITE, folder).startswith(f"{path}: ")

    @pytest.mark.parametrize("data", [b"xy", b"SQLite format 3\0", b"not a database at all" * 500])
    def test_a_file_that_is_no_database(self, tmp_path, data):
        """Anything else under the database's name is refused with its path, and left as it is."""
        path = tmp_path / "nvram.db"
        path.write_bytes(data)

        assert refused(SQLITE, tmp_path).startswith(f"{path}: ")
        assert path.read_bytes() == data

    @pytest.mark.parametrize("size", [0, 1])
    def test_an_emptied_database(self, tmp_path, size):
        """A database cut down to nothing is refused: a new machine has no file, not an
        empty one.
        """
        filled(SQLITE, tmp_path)
        os.truncate(tmp_path / "nvram.db", size)

        assert refused(SQLITE, tmp_path).startswith(f"{tmp_path / 'nvram.db'}: ")

    @pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 99, -1])
    def test_another_version(self, tmp_path, version):
        """A database of another schema is refused with both versions, and left as it is."""
        filled(SQLITE, tmp_path)
        edit(tmp_path, f"PRAGMA user_version = {version}")

        sentence = refused(SQLITE, tmp_path, StateOtherVersion)
        assert sentence.startswith(f"{tmp_path / 'nvram.db'}: ")
        assert f"(database {version}; this one knows {SCHEMA_VERSION})" in sentence
        assert "It is not damaged: leave it as it is" in sentence
        assert edit(tmp_path, "SELECT epoch FROM opening") == [(1,)]

    @pytest.mark.parametrize("table", ["nvram", "opening", "ledger", "spent"])
    def test_a_missing_table(self, tmp_path, table):
        """A database without one of its tables is refused, not filled up."""
        filled(SQLITE, tmp_path)
        edit(tmp_path, f"DROP TABLE {table}")

        assert table in refused(SQLITE, tmp_path)

    def test_the_tables_of_somebody_else(self, tmp_path):
        """A database without our version is refused, not filled up, whatever tables it has."""
        filled(SQLITE, tmp_path)
        edit(tmp_path, "PRAGMA user_version = 0")

        assert refused(SQLITE, tmp_path).startswith(f"{tmp_path / 'nvram.db'}: ")

    def test_a_record_under_another_name(self, tmp_path):
        """A row whose name is not that of its key is refused."""
        filled(SQLITE, tmp_path)
        edit(tmp_path, "UPDATE nvram SET name = X'6c6d7300' WHERE next = 3")

        assert refused(SQLITE, tmp_path).startswith(f"{tmp_path / 'nvram.db'}: ")

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ("next = 32", "next leaf 32 is outside of 0 to 31"),
            ("next = -1", "next leaf -1 is outside of 0 to 31"),
            ("end = 31", "not a whole subtree"),
            ("first = 8, next = 9", "not a whole subtree"),
            ("seed = X''", "lengths of key and seed"),
            ("path = X'00'", "path has a broken length"),
        ],
    )
    def test_a_row_that_breaks_the_rules(self, tmp_path, change, problem):
        """A row that no store of ours wrote is refused with what is wrong, or at least where,
        though SQLite takes it.
        """
        filled(SQLITE, tmp_path)
        edit(tmp_path, "PRAGMA ignore_check_constraints = 1", f"UPDATE nvram SET {change}")

        sentence = refused(SQLITE, tmp_path)
        assert problem in sentence or sentence.startswith(f"{tmp_path / 'nvram.db'}: ")

    @pytest.mark.parametrize(
        "field", ["next", "seed", "path", "identifier", "types", "checksum", "installed"]
    )
    def test_no_bit_of_a_row_changes_unnoticed(self, tmp_path, field):
        """One flipped bit in what the database holds of a lease is refused; in the next leaf it
        would be a leaf used twice.
        """
        filled(SQLITE, tmp_path)
        path, stored = tmp_path / "nvram.db", lease(1)
        data = path.read_bytes()
        # A row is its columns one behind the other: name, key, first (0, which takes no byte), end,
        # seed, path, next, checksum.
        row = (
            stored.name
            + stored.public_key
            + bytes([stored.end])
            + stored.seed
            + stored.path
            + bytes([3])
        )
        start = data.index(row)
        places = {
            "next": start + len(row) - 1,
            "seed": start + row.index(stored.seed) + 5,
            "path": start + row.index(stored.path) + 5,
            "identifier": start + 11 + 10,
            "types": start + 11 + 7,
            "checksum": start + len(row) + 3,
            "installed": (
                data.replace(row, bytes(len(row))).index(stored.public_key + bytes([stored.end]))
            ),
        }
        changed = flipped(data, 8 * places[field] + 1)
        path.write_bytes(changed)

        assert refused(SQLITE, tmp_path).startswith(f"{path}: ")

    @pytest.mark.parametrize("damage", ["a bit", "cut", "gone"])
    def test_a_damaged_log_brings_no_leaf_back(self, tmp_path, damage):
        """After a kill the last commits are in the write-ahead log alone; when that is damaged the
        witness knows, and nothing is given.
        """
        folder, saved = tmp_path / "nvram", tmp_path / "saved"
        filled(SQLITE, folder, witnessed)
        alive = witnessed(SQLITE, folder)
        given = [leaves(take(alive, [name(1)])) for _ in range(4)]
        assert given == [[3], [4], [5], [6]]
        shutil.copytree(folder, saved)
        alive.close()
        # In place: the folder is the one that it was.
        for path in saved.iterdir():
            shutil.copy(path, folder)
        log = folder / "nvram.db-wal"
        data = log.read_bytes()
        if damage == "gone":
            log.unlink()
        else:
            log.write_bytes(
                flipped(data, 8 * len(data) - 800) if damage == "a bit" else data[:-100]
            )
        again = witnessed(SQLITE, folder)

        [refusal] = take(again, [name(1)])
        assert isinstance(refusal, LeaseQuarantined)
        again.close()

    @pytest.mark.parametrize("damage", ["a row less", "no text"])
    def test_other_damage_is_a_sentence_too(self, tmp_path, damage):
        """Damage that shows in another way than as an error of SQLite is StateCorrupt all the same,
        not a bug's traceback.
        """
        filled(SQLITE, tmp_path)
        path = tmp_path / "nvram.db"
        if damage == "a row less":
            edit(tmp_path, "DELETE FROM opening")
        else:
            path.write_bytes(
                path.read_bytes().replace(b"CREATE TABLE opening", b"CREATE TABL\xc5 opening")
            )

        assert refused(SQLITE, tmp_path).startswith(f"{path}: ")

    def test_a_refusal_keeps_nothing_open(self, tmp_path):
        """A refused database is let go at once, so that it can be looked at, put in order and
        opened again.
        """
        filled(SQLITE, tmp_path)
        edit(tmp_path, "PRAGMA user_version = 9")
        with pytest.raises(StateOtherVersion) as _refusal:
            SQLITE.open(tmp_path)

        edit(tmp_path, f"PRAGMA user_version = {SCHEMA_VERSION}")
        SQLITE.open(tmp_path).close()

    def test_a_folder_in_its_place(self, tmp_path):
        """Where no database can be opened at all the sentence says where."""
        (tmp_path / "nvram.db").mkdir()

        assert refused(SQLITE, tmp_path, StateFailed).startswith(f"{tmp_path / 'nvram.db'}: ")


def edit(folder, *statements):
    """Change a closed database behind the store's back. Returns the rows of the last statement."""
    database = sqlite3.connect(folder / "nvram.db", isolation_level=None, timeout=0)
    rows = [database.execute(statement).fetchall() for statement in statements][-1]
    database.close()
    return rows


class TestSettings:
    """What durability rests on is asked for, read back and refused when it is weaker."""

    @pytest.mark.parametrize(
        ("setting", "answer"),
        [
            ("locking_mode", "normal"),
            ("journal_mode", "delete"),
            ("journal_mode", "memory"),
            ("journal_mode", "off"),
            ("synchronous", 0),
            ("synchronous", 1),
            ("secure_delete", 0),
            ("secure_delete", 2),
        ],
    )
    @pytest.mark.parametrize("new", [True, False], ids=["new", "old"])
    def test_a_weaker_answer_is_refused(self, tmp_path, monkeypatch, setting, answer, new):
        """SQLite that does not do as told is refused with the setting and the file, before anything
        is written or read.
        """
        if not new:
            filled(SQLITE, tmp_path)
        original = database.connect
        monkeypatch.setattr(
            database, "connect", lambda path: BrokenPragma(original(path), setting, answer)
        )

        sentence = refused(SQLITE, tmp_path, StateUnsafe)
        assert sentence.startswith(
            f"{tmp_path / 'nvram.db'}: SQLite has {setting} = {answer} where {SETTINGS[setting]} is"
            " needed"
        )
        monkeypatch.undo()
        if not new:
            store = SQLITE.open(tmp_path)
            assert store.epoch == 2
            assert leaves(take(store, [name(1)])) == [3]
            store.close()

    def test_a_stronger_answer_is_welcome(self, tmp_path, monkeypatch):
        """Where SQLite flushes even more often than asked that is no reason to refuse."""
        original = database.connect
        monkeypatch.setattr(
            database, "connect", lambda path: BrokenPragma(original(path), "synchronous", 3)
        )

        SQLITE.open(tmp_path).close()

    def test_a_setting_that_was_changed_by_somebody_else(self, tmp_path):
        """A database that was put into another journal mode meanwhile is put back into ours."""
        filled(SQLITE, tmp_path)
        edit(tmp_path, "PRAGMA journal_mode = delete")
        store = SQLITE.open(tmp_path)

        assert settings_of(store) == SETTINGS
        assert settings_of(store)["journal_mode"] == "wal"
        store.close()


def settings_of(store):
    """What SQLite says of itself."""
    assert isinstance(store, SqliteStore)
    return {
        setting: store._database.execute(f"PRAGMA {setting}").fetchone()[0] for setting in SETTINGS
    }


def test_damage_to_one_file_does_not_unlearn_the_others(tmp_path):
    """When the damaged record is taken away by hand the rest is as it was, and the leases of the
    lost file are still spent.
    """
    filled(FILE, tmp_path)
    record(tmp_path).write_bytes(b"")
    refused(FILE, tmp_path)
    record(tmp_path).unlink()
    store = FILE.open(tmp_path)

    assert store.names() == [name(2)]
    for key, end in ((1, 32), (3, 1)):
        with pytest.raises(LeaseSpent):
            store.install(lease(key, end=end))
    store.close()
