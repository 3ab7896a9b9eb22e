"""The witness in the host's runtime folder: what a world that was put back can't take along."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from kit.leases import lease, leaves, name, take
from kit.stores import ESN, FILE, SQLITE
from state.bench import gives_nothing

from seemachine.state.errors import LeaseSpent, StateFailed
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.witness import runtime
from seemachine.state.witness import runtime_folder as folder_module
from seemachine.state.witness.folder import FolderWitness
from seemachine.state.witness.layered import LayeredWitness
from seemachine.state.witness.runtime import RuntimeWitness
from seemachine.state.witness.runtime_folder import MOST_FILES, runtime_folder

KINDS = {SQLITE.name: SqliteStore, FILE.name: FileStore}


@pytest.fixture(params=KINDS)
def kind(request):
    """Each kind of store that outlives its process."""
    return KINDS[request.param]


class WitnessedMachine:
    """A machine with its witness in a folder, and the runtime folder of the host beside it."""

    def __init__(self, kind, home):
        self.kind, self.path, self.runtime = kind, home / "world", home / "runtime"
        self.path.mkdir()
        self.store = None

    def up(self, runtime=True):
        """Start the machine, with a runtime witness or without."""
        folder = FolderWitness(self.path / "witness", ESN)
        witness = LayeredWitness(folder, RuntimeWitness(self.runtime)) if runtime else folder
        self.store = self.kind(self.path / ESN, witness)
        return self.store

    def down(self):
        """End it in order, as a machine does that has no half-made keys."""
        self.store.end_doubt()
        self.store.close()

    def signed(self, count=1):
        """So many leaves."""
        return leaves(take(self.store, [name()] * count))


@pytest.fixture
def world(kind, tmp_path):
    """A machine with a lease, 3 leaves of which were given; down."""
    made = WitnessedMachine(kind, tmp_path)
    made.up().install(lease())
    made.signed(3)
    made.down()
    yield made
    made.store.close()


def images(path, kept):
    """The content of all files, and what the kernel says of them, as an image of the
    disk keeps it.
    """
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(path, kept)


def put_back_image(world, kept, monkeypatch):
    """Put back an image of the disk: every file has the inode that it had."""
    shutil.rmtree(world.path)
    shutil.copytree(kept, world.path)
    for module in ("witness.record_file", "nvram.file", "nvram.sqlite"):
        monkeypatch.setattr(
            f"seemachine.state.{module}.handle_of", lambda path: str(path).encode().rjust(16)
        )
    monkeypatch.setattr(
        "seemachine.state.witness.record_file.same_file", lambda one, other: bool(one and other)
    )
    monkeypatch.setattr(
        "seemachine.state.witness.comparing.same_file", lambda one, other: bool(one and other)
    )


class TestInOrder:
    """Nothing was put back."""

    def test_openings_and_leaves_go_on(self, world):
        """From start to start, whatever was noted, there is no doubt."""
        for number in range(3, 7):
            assert world.up().doubt == ""
            assert world.signed() == [number]
            world.down()

    def test_started_where_it_was_not_in_use(self, world):
        """Started without it for a while, the NVRAM has gone further than it knows, and is
        believed.
        """
        for has_runtime in (False, False, True, False, True, True):
            assert world.up(has_runtime).doubt == ""
            world.down()
        assert world.up().doubt == ""
        assert world.signed() == [3]

    def test_after_a_reboot(self, world):
        """Where it is gone, the other witness has the say."""
        shutil.rmtree(world.runtime)

        assert world.up().doubt == ""
        assert world.signed() == [3]

    def test_it_is_taken_away_while_the_machine_runs(self, world):
        """When the host ends the user's session and takes the folder away, the machine goes on, and
        ends in order.
        """
        world.up()
        shutil.rmtree(world.runtime)
        assert world.signed() == [3]
        world.store.beat()
        world.down()

        assert world.up().doubt == ""

    @pytest.mark.parametrize("call", ["open", "pwrite"])
    def test_its_folder_is_full(self, world, monkeypatch, call):
        """Where nothing can be written it knows less, and neither start nor lease nor leaf is
        refused for it.
        """

        class Full:
            """The `os` of its module, without room."""

            def __getattr__(self, name):
                return getattr(os, name)

        def full(*_arguments):
            raise OSError(errno.ENOSPC, "No space left on device")

        made = Full()
        setattr(made, call, full)
        for module in (runtime, folder_module):
            monkeypatch.setattr(module, "os", made)
        store = world.up()
        assert store.doubt == ""
        assert world.signed() == [3]
        store.install(lease(2))
        world.down()
        monkeypatch.undo()

        assert world.up().doubt == ""
        assert world.signed() == [4]

    def test_a_moved_world(self, world, tmp_path):
        """A world that was moved is known by its NVRAM, not by its path."""
        world.path = world.path.rename(tmp_path / "moved")

        assert world.up().doubt == ""
        assert world.signed() == [3]


class TestPutBack:
    """The world comes back as it was, inodes and all."""

    def test_an_image_of_the_disk(self, world, tmp_path, monkeypatch):
        """Nothing in the world knows better; this witness does."""
        images(world.path, tmp_path / "kept")
        world.up()
        assert world.signed(2) == [3, 4]
        world.down()
        put_back_image(world, tmp_path / "kept", monkeypatch)
        store = world.up()

        assert "as its runtime witness knows" in store.doubt
        assert gives_nothing(store, 1)

    def test_that_image_where_there_is_none(self, world, tmp_path, monkeypatch):
        """The same without it goes unnoticed, so it is this witness that notices."""
        images(world.path, tmp_path / "kept")
        world.up()
        world.signed(2)
        world.down()
        put_back_image(world, tmp_path / "kept", monkeypatch)

        assert world.up(runtime=False).doubt == ""

    def test_within_one_opening(self, world, tmp_path, monkeypatch):
        """Taken while the machine ran and put back after a kill, its openings agree; its leaves do
        not.
        """
        world.up()
        images(world.path, tmp_path / "kept")
        assert world.signed(2) == [3, 4]
        for layer in world.store._witness._layers:
            layer._file.close()
        put_back_image(world, tmp_path / "kept", monkeypatch)
        store = world.up()

        assert "it stands at leaf 3, but the witness saw it at 5" in store.get(name()).quarantine
        assert gives_nothing(store, 1)

    def test_one_of_two_openings_with_one_number(self, world, tmp_path, monkeypatch):
        """An image that is started twice: the second one counts as many openings, and is not the
        one that was seen.
        """
        images(world.path, tmp_path / "kept")
        for doubtful in (False, True):
            put_back_image(world, tmp_path / "kept", monkeypatch)
            assert bool(world.up().doubt) is doubtful
            world.down()

    def test_an_image_that_went_on_elsewhere(self, world, tmp_path, monkeypatch):
        """Where this witness was not, it was opened as often as here: it is another one."""
        images(world.path, tmp_path / "kept")
        world.up()
        world.down()
        put_back_image(world, tmp_path / "kept", monkeypatch)
        assert world.up(runtime=False).doubt == ""
        world.down()

        assert "as its runtime witness knows" in world.up().doubt


class TestCopies:
    """A copy of the world on the same host."""

    @pytest.fixture
    def copy(self, world, kind, tmp_path):
        """A copy that nobody started yet."""
        made = WitnessedMachine.__new__(WitnessedMachine)
        made.kind, made.path, made.runtime = kind, tmp_path / "copy", world.runtime
        shutil.copytree(world.path, made.path)
        return made

    @pytest.mark.parametrize("starts", [1, 2, 3])
    def test_a_copy_that_was_started_by_mistake(self, world, copy, starts):
        """It signs nothing, however often it is started, and does no harm to its original."""
        for _ in range(starts):
            assert gives_nothing(copy.up(), 1)
            copy.down()

        assert world.up().doubt == ""
        assert world.signed() == [3]

    def test_a_copy_beside_its_original(self, world, copy):
        """While the original runs, its copy is one."""
        world.up()
        store = copy.up()
        assert "its folder is not the one that it was in" in store.doubt
        assert gives_nothing(store, 1)
        copy.down()

        assert world.signed() == [3]

    def test_a_copy_that_a_person_let_go_on(self, world, copy):
        """From there on it is the original whose leaves were used: it signs nothing."""
        copy.up().skip(name(), 10)
        assert leaves(take(copy.store, [name()])) == [10]
        copy.down()
        assert copy.up().doubt == ""
        copy.down()

        assert gives_nothing(world.up(), 1)


class TestClaims:
    """A lease is in one machine for life."""

    def claimed(self, folder, identity):
        """A witness of another NVRAM."""
        witness = RuntimeWitness(folder)
        witness._identity = identity
        return witness

    def test_a_lease_comes_once(self, tmp_path):
        """Whatever overlaps a lease that came into one NVRAM comes into no other; what lies beside
        it does.
        """
        one, other = self.claimed(tmp_path, b"1" * 16), self.claimed(tmp_path, b"2" * 16)
        one.claim(name(), 8, 16)
        for first, end in ((8, 16), (0, 9), (15, 24), (9, 10), (0, 32)):
            assert other.is_spent(name(), first, end)
            with pytest.raises(LeaseSpent, match="came into an NVRAM of this host before"):
                other.claim(name(), first, end)
        for first, end in ((0, 8), (16, 24)):
            assert not other.is_spent(name(), first, end)
            other.claim(name(), first, end)
        assert not other.is_spent(name(2), 8, 16)

    def test_a_store_refuses_it(self, kind, tmp_path):
        """Before its card is written, a machine that never saw the lease refuses it."""
        for number, esn in enumerate((ESN, "5F08-02E0-D947")):
            folder = FolderWitness(tmp_path / "witness", esn)
            store = kind(
                tmp_path / esn, LayeredWitness(folder, RuntimeWitness(tmp_path / "runtime"))
            )
            if number:
                with pytest.raises(LeaseSpent):
                    store.check_install(lease())
            else:
                store.install(lease())
            store.close()


class TestTheFolder:
    """Where it lies."""

    def test_as_chosen(self):
        """A folder, nowhere, or the user's own runtime folder."""
        assert runtime_folder("/mnt/witness", {}, 1000) == Path("/mnt/witness")
        assert runtime_folder("off", {"XDG_RUNTIME_DIR": "/run/user/1000"}, 1000) is None
        assert runtime_folder("auto", {"XDG_RUNTIME_DIR": "/run/user/1000"}, 1000) == Path(
            "/run/user/1000/seemachine"
        )

    def test_of_a_service(self):
        """What systemd made for a service comes first."""
        given = {
            "RUNTIME_DIRECTORY": "/run/seemachine:/run/other",
            "XDG_RUNTIME_DIR": "/run/user/1000",
        }
        assert runtime_folder("auto", given, 1000) == Path("/run/seemachine")

    def test_without_a_session(self):
        """A relative name counts as none; the system's places are asked in turn, and one of them is
        everybody's.
        """
        found = runtime_folder("auto", {"XDG_RUNTIME_DIR": "here"}, 123456)
        assert found is None or str(found).startswith(("/run/", "/dev/shm/seemachine-123456"))

    def test_a_folder_that_others_can_write(self, tmp_path):
        """It is not used."""
        (tmp_path / "open").mkdir(mode=0o777)
        (tmp_path / "open").chmod(0o777)
        with pytest.raises(StateFailed, match="is not this user's alone"):
            RuntimeWitness(tmp_path / "open")

    def test_a_path_that_can_be_none(self, tmp_path):
        """A sentence names it."""
        (tmp_path / "file").touch()
        with pytest.raises(StateFailed, match="runtime witness can't be used"):
            RuntimeWitness(tmp_path / "file" / "folder")

    def test_who_has_a_record_takes_no_room(self, world, monkeypatch):
        """An NVRAM that is opened again leaves the records of the others alone."""
        monkeypatch.setattr(folder_module, "MOST_FILES", 2)
        world.up()
        world.down()
        [mine] = world.runtime.glob("*.record")
        other = mine.with_name(f"{'00' * 16}.record")
        other.write_bytes(mine.read_bytes())
        os.utime(other, (0, 0))
        world.up()
        world.down()
        assert sorted(world.runtime.glob("*.record")) == sorted([mine, other])

    def test_records_of_old_nvrams_make_room(self, world, monkeypatch):
        """A host on which worlds come and go keeps those that were used last."""
        monkeypatch.setattr(folder_module, "MOST_FILES", 2)
        # As in a process that has not looked yet.
        folder_module._room.clear()
        world.up()
        world.down()
        [mine] = world.runtime.glob("*.record")
        others = [mine.with_name(f"{number:032x}.record") for number in range(4)]
        for age, other in enumerate(others):
            other.write_bytes(mine.read_bytes())
            os.utime(other, (age, age))
        mine.unlink()
        world.up()
        world.down()
        assert sorted(world.runtime.glob("*.record")) == sorted([mine, others[-1]])

    def test_old_records_make_room(self, tmp_path, monkeypatch):
        """Of more NVRAMs than anybody has, those are forgotten that were not used for longest."""
        assert MOST_FILES >= 1024
        monkeypatch.setattr(folder_module, "MOST_FILES", 4)
        witness = RuntimeWitness(tmp_path)
        for key in range(9):
            witness.claim(name(key), 0, 1)

        assert len(list((tmp_path / "leases").iterdir())) == 4
        assert witness.is_spent(name(8), 0, 1)
