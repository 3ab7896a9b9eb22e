"""Restoring: NVRAMs only go forward, what is gone stays gone, and what is here is not
written over.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from backup.dying import dies_at, every_step
from backup.two_machines import TwoMachines
from kit.here import store
from kit.leases import lease, name
from kit.stores import ESN, OTHER_ESN
from seeclient import keys
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.bridge import identifiers

from seemachine import world as worlds
from seemachine.backup import ledgers
from seemachine.backup.archive import ArchiveError, unpack
from seemachine.state.disk.lock import FolderLock
from seemachine.state.errors import LeaseSpent, StateLocked, StateUnsafe
from seemachine.state.witness.folder import FolderWitness

BOTH = pytest.mark.parametrize("esn", [ESN, OTHER_ESN], ids=["sqlite", "file"])


def outcomes(steps: list) -> dict[str, list[str]]:
    """What became of things, by kind."""
    found: dict[str, list[str]] = {}
    for step in steps:
        found.setdefault(step.kind, []).append(step.outcome)
    return found


def set_back(world: TwoMachines, esn: str) -> Callable[[], None]:
    """Remember a machine that is down with its witness; what is returned puts both back in place,
    so that no handle tells.
    """
    kept = world.path.with_name("kept")
    shutil.copytree(world.path / "hsm" / esn, kept / "hsm")
    shutil.copytree(world.path / "witness", kept / "witness")

    def put_back() -> None:
        for origin, place in (
            (kept / "hsm", world.path / "hsm" / esn),
            (kept / "witness", world.path / "witness"),
        ):
            for path in [path for path in place.rglob("*") if path.is_file()]:
                path.unlink()
            shutil.copytree(origin, place, dirs_exist_ok=True)

    return put_back


class TestLeaves:
    """What is gone."""

    @BOTH
    def test_nothing_happens_to_a_machine_that_went_on(
        self, world: TwoMachines, file: Path, esn: str
    ) -> None:
        """A backup that is older than the machine changes no leaf and no quarantine."""
        world.store(esn).install(lease())
        world.sign(name(), esn)
        world.backup(file)
        assert world.sign(name(), esn) == 1
        steps = world.down().restore(file)
        assert "nvram" not in outcomes(steps)
        assert "leaves" not in outcomes(steps)
        assert world.up().sign(name(), esn) == 2

    @BOTH
    def test_an_nvram_that_was_put_back_goes_forward(
        self, world: TwoMachines, file: Path, esn: str
    ) -> None:
        """Witness and all: it is in quarantine, and goes on behind what the backup knows at the
        earliest.
        """
        world.store(esn).install(lease())
        world.sign(name(), esn)
        put_back = set_back(world.down(), esn)
        world.up()
        assert [world.sign(name(), esn) for _ in range(3)] == [1, 2, 3]
        world.backup(file)
        world.down()
        put_back()
        steps = world.restore(file)
        assert outcomes(steps)["nvram"] == ["quarantined"]
        assert outcomes(steps)["file"][-1] == "advanced"
        assert world.up().store(esn).get(name()).next == 4
        assert world.sign(name(), esn) is None
        with pytest.raises(LeaseSpent):
            world.store(esn).skip(name(), 4)
        world.store(esn).skip(name(), 5)
        assert world.sign(name(), esn) == 5

    @BOTH
    def test_that_holds_for_all_of_it(self, world: TwoMachines, file: Path, esn: str) -> None:
        """Files that stood still until the backup may have gone on after it, and half-made keys
        went with it.
        """
        world.store(esn).install(lease(1))
        world.store(esn).install(lease(2))
        put_back = set_back(world.down(), esn)
        world.up().sign(name(1), esn)
        world.backup(file)
        assert world.sign(name(2), esn) == 0
        world.down()
        put_back()
        world.restore(file)
        assert world.up().sign(name(2), esn) is None
        assert "put back" in world.store(esn).doubt

    @BOTH
    def test_leaves_that_only_the_ledger_knows(
        self, world: TwoMachines, file: Path, esn: str
    ) -> None:
        """A file that was used up before the backup is not listed in it; put back, it has no leaf
        left.
        """
        world.store(esn).install(lease(1, 0, 2))
        put_back = set_back(world.down(), esn)
        world.up()
        assert [world.sign(name(), esn) for _ in range(3)] == [0, 1, None]
        world.backup(file)
        world.down()
        put_back()
        assert "advanced" in outcomes(world.restore(file))["file"]
        assert world.up().store(esn).get(name()) is None
        with pytest.raises(LeaseSpent):
            world.store(esn).install(lease(1, 0, 2))

    @BOTH
    def test_one_that_counts_fewer_openings_was_put_back(
        self, world: TwoMachines, file: Path, esn: str
    ) -> None:
        """Though no leaf says so yet: some may have been used since the backup."""
        world.store(esn).install(lease())
        put_back = set_back(world.down(), esn)
        world.up().down().up()
        world.backup(file)
        assert world.sign(name(), esn) == 0
        world.down()
        put_back()
        assert outcomes(world.restore(file))["nvram"] == ["quarantined"]
        assert world.up().sign(name(), esn) is None

    @BOTH
    def test_leaves_of_a_lost_machine_are_gone_everywhere(
        self, world: TwoMachines, file: Path, esn: str
    ) -> None:
        """They are named, and no machine of the world takes a card with them, whatever became of
        the witness.
        """
        world.store(esn).install(lease())
        world.sign(name(), esn)
        store().save(LmsKeyFile("release", lease().public_key, 0, 0, 0, b""))
        world.backup(file)
        shutil.rmtree(world.down().path / "hsm" / esn)
        for path in (world.path / "witness").glob("*.leaves"):
            path.unlink()
        for _ in range(2):
            [lost] = [step for step in world.restore(file) if step.kind == "leaves"]
            assert "leaves 1 to 31 of release" in lost.sentence
        world.up()
        for each in (ESN, OTHER_ESN):
            for copied in (lease(), lease(1, 0, 16), lease(1, 16, 32)):
                with pytest.raises(LeaseSpent):
                    world.store(each).install(copied)
            world.store(each).install(lease(1, 32, 64))

    def test_leaves_that_were_used_up_before_are_noted_too(
        self, world: TwoMachines, file: Path
    ) -> None:
        """The ledger of the backup knows of leases that the machine had long ago."""
        world.store().install(lease(1, 0, 2))
        assert [world.sign(name()), world.sign(name())] == [0, 1]
        world.backup(file)
        shutil.rmtree(world.down().path / "hsm" / ESN)
        shutil.rmtree(world.path / "witness")
        assert "leaves" not in outcomes(world.restore(file))
        with pytest.raises(LeaseSpent):
            world.up().store(OTHER_ESN).install(lease(1, 0, 2))

    def test_what_was_used_up_since_is_not_called_lost(
        self, world: TwoMachines, file: Path
    ) -> None:
        """The machine went on; nothing is amiss."""
        world.store().install(lease(1, 0, 2))
        world.backup(file)
        assert [world.sign(name()), world.sign(name())] == [0, 1]
        assert "leaves" not in outcomes(world.down().restore(file))

    @BOTH
    def test_dying_at_any_step_gives_no_leaf_again(
        self, new_world: Callable[[], TwoMachines], tmp_path: Path, esn: str
    ) -> None:
        """Restored to the end the next time, a machine that was put back stands where it should."""

        def act(at: int) -> bool:
            world, file = new_world().up(), tmp_path / f"{at}.tar"
            world.store(esn).install(lease(1))
            world.store(esn).install(lease(2))
            put_back = set_back(world.down(), esn)
            world.up().sign(name(1), esn)
            world.backup(file)
            world.down()
            put_back()
            died = dies_at(at, lambda: world.restore(file))
            world.restore(file)
            world.up()
            assert [world.sign(name(key), esn) for key in (1, 2)] == [None, None]
            assert world.store(esn).get(name(1)).next == 1
            world.down()
            return died

        assert every_step(act) > 20


class TestMachines:
    """Whom it concerns."""

    def test_they_must_be_down(self, world: TwoMachines, file: Path) -> None:
        """A machine or a fleet that is up is left alone, and nothing is written."""
        world.store().install(lease())
        world.backup(file)
        with pytest.raises(StateLocked, match="is in use already"):
            world.restore(file)
        lock = FolderLock(world.down().path / "hsm" / ESN, ESN)
        with pytest.raises(StateLocked, match="stop that one first"):
            world.restore(file)
        lock.release()
        lock = FolderLock(world.path / "fleet", "the fleet")
        with pytest.raises(StateLocked, match="fleet down"):
            world.restore(file)
        lock.release()
        assert not (world.path / "archive").exists()
        world.restore(file)

    def test_two_nvrams_are_not_guessed_at(self, world: TwoMachines, file: Path) -> None:
        """Which of them is used, only a person knows."""
        world.backup(file)
        (world.down().path / "hsm" / ESN / "nvram").mkdir()
        with pytest.raises(StateUnsafe, match="two NVRAMs"):
            world.restore(file)

    def test_a_witness_elsewhere(self, world: TwoMachines, file: Path, tmp_path: Path) -> None:
        """The notes go to the witness that fleet.toml names, also when the backup is where that
        comes from.
        """
        elsewhere = tmp_path / "elsewhere"
        (world.path / "fleet.toml").write_text(
            f'[[machines]]\nesn = "{ESN}"\nwitness = "{elsewhere}"\n'
        )
        world.store().install(lease())
        world.backup(file)
        shutil.rmtree(world.down().path / "hsm" / ESN)
        (world.path / "fleet.toml").unlink()
        world.restore(file)
        witness = FolderWitness(elsewhere, ESN)
        assert witness.noted(name()) == {0: 32}
        witness.release()


class TestPublicData:
    """Files that hold no secret."""

    def test_files_that_are_missing_come_back(self, world: TwoMachines, file: Path) -> None:
        """Key files, identifiers, and fleet.toml, byte by byte; those that are here stay
        as they are.
        """
        key = LmsKeyFile("release", lease().public_key, 0, 0, 0, b"")
        store().save(key)
        identifiers.write(store(), key, b"CKA_ID")
        path = store().path_of("release")
        (world.path / "fleet.toml").write_text(f'[[machines]]\nesn = "{ESN}"\n')
        files = (path, path.with_name("pkcs11_id_release"), world.path / "fleet.toml")
        written = {each: each.read_bytes() for each in files}
        world.backup(file)
        world.down()
        for each in written:
            each.unlink()
        assert outcomes(world.restore(file))["file"] == ["written"] * 3
        assert {each: each.read_bytes() for each in written} == written
        assert outcomes(world.restore(file))["file"] == ["same"] * 3
        path.write_bytes(b"another")
        steps = world.restore(file)
        assert outcomes(steps)["file"] == ["same", "kept", "same"]
        assert path.read_bytes() == b"another"
        assert not any(step.refused for step in steps)

    def test_a_damaged_archive_changes_nothing(self, world: TwoMachines, file: Path) -> None:
        """It is refused before anything is written."""
        world.store().install(lease())
        world.sign(name())
        world.backup(file)
        data = bytearray(file.read_bytes())
        data[600] ^= 1
        file.write_bytes(data)
        world.down()
        before = sorted(path for path in world.path.rglob("*"))
        with pytest.raises(ArchiveError, match="nothing of it is used"):
            world.restore(file)
        assert sorted(path for path in world.path.rglob("*")) == before

    def test_something_that_is_no_key_file_is_not_taken(
        self, world: TwoMachines, file: Path
    ) -> None:
        """It could be anything, a seed too."""
        path = store().path_of("release")
        path.parent.mkdir(parents=True)
        path.write_bytes(lease().seed)
        with pytest.raises(keys.StatusError):
            world.backup(file)
        assert not file.exists()


class TestLedgers:
    """Evidence."""

    def test_a_ledger_is_kept_for_audit(self, world: TwoMachines, file: Path) -> None:
        """Its rows are those of the machine, and later backups take it along."""
        world.store().install(lease())
        world.sign(name())
        part = next(part for part in world.backup(file).machines if part.esn == ESN)
        shutil.rmtree(world.down().path / "hsm" / ESN)
        world.restore(file)
        path = world.path / "archive" / f"{ESN}-{part.nvram}.jsonl"
        [row] = [json.loads(line) for line in path.read_text().splitlines()]
        assert (row["esn"], row["nvram"], row["file"], row["leaf"]) == (
            ESN,
            part.nvram,
            name().hex(),
            0,
        )
        later = file.with_name("later.tar")
        world.up().backup(later)
        assert unpack(later.read_bytes()).members[f"archive/{path.name}"] == path.read_bytes()

    def test_the_longer_one_stays(self, world: TwoMachines, tmp_path: Path) -> None:
        """Whichever is restored first."""
        world.store().install(lease())
        files = [tmp_path / "1.tar", tmp_path / "2.tar"]
        for file in files:
            world.sign(name())
            world.backup(file)
        world.down()
        assert outcomes(world.restore(files[0]))["ledger"] == ["written"]
        assert outcomes(world.restore(files[1]))["ledger"] == ["replaced"]
        assert outcomes(world.restore(files[0]))["ledger"] == ["kept"]
        [path] = (world.path / "archive").iterdir()
        assert len(path.read_text().splitlines()) == 2

    def row(self, leaf: int, digest: str = "6d00") -> bytes:
        values = {
            "esn": ESN,
            "nvram": "ab" * 16,
            "row": leaf + 1,
            "file": "6c" * 11,
            "leaf": leaf,
            "digest": digest,
        }
        return json.dumps({**values, "token": "00" * 16, "client": "c", "time": 1}).encode() + b"\n"

    def test_contradicting_ones_are_both_kept(self, tmp_path: Path) -> None:
        """A leaf for two messages is what audit must see."""
        ledgers.keep(worlds.World.at(tmp_path), "a.jsonl", self.row(0), "b")
        step = ledgers.keep(worlds.World.at(tmp_path), "a.jsonl", self.row(0, "6d01"), "b")
        assert step.refused
        assert sorted(path.name for path in (tmp_path / "archive").iterdir()) == [
            "a.b.jsonl",
            "a.jsonl",
        ]

    def test_a_digest_that_came_later_is_no_contradiction(self, tmp_path: Path) -> None:
        """A leaf that waited in the one backup is bound in the next."""
        ledgers.keep(worlds.World.at(tmp_path), "a.jsonl", self.row(0, "71"), "b")
        assert (
            ledgers.keep(worlds.World.at(tmp_path), "a.jsonl", self.row(0, "71aa"), "b").outcome
            == "replaced"
        )
        assert (
            ledgers.keep(worlds.World.at(tmp_path), "a.jsonl", self.row(0, "71"), "b").outcome
            == "kept"
        )
        assert ledgers.keep(worlds.World.at(tmp_path), "a.jsonl", self.row(0, "71bb"), "b").refused

    def test_each_with_rows_of_its_own(self, tmp_path: Path) -> None:
        """Old rows may have been dropped: nothing is lost, and nothing is wrong."""
        ledgers.keep(worlds.World.at(tmp_path), "a.jsonl", self.row(0) + self.row(1), "b")
        step = ledgers.keep(worlds.World.at(tmp_path), "a.jsonl", self.row(1) + self.row(2), "b")
        assert (step.outcome, step.refused) == ("both", False)

    @pytest.mark.parametrize("line", [b"x", b"[]", b"{}", b'{"a": ' * 5000])
    def test_what_is_no_ledger(self, tmp_path: Path, line: bytes) -> None:
        """Neither in a backup nor here."""
        with pytest.raises(ArchiveError):
            ledgers.rows_in(line)
        ledgers.keep(worlds.World.at(tmp_path), "a.jsonl", line, "b")
        with pytest.raises(ArchiveError, match="move it away"):
            ledgers.keep(worlds.World.at(tmp_path), "a.jsonl", self.row(0), "b")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(("esn", value) for value in ("../../x", f"{ESN}\n", "")),
            *(("nvram", value) for value in ("ab", "../" + "ab" * 15 + "a", "AB" * 16)),
            *(("file", value) for value in ("6c", "6c" * 12, "x" * 22)),
            *(("token", value) for value in ("00", "00" * 17, "x" * 32)),
            *(("digest", value) for value in ("", "6", "6d\n")),
            *(("client", value) for value in ("a\nb", "\x1b[2J", "\u202e")),
        ],
    )
    def test_a_row_of_other_values_is_none(self, name: str, value: str) -> None:
        """Audit prints them, and files are named by some."""
        assert ledgers.rows_in(self.row(0))
        with pytest.raises(ArchiveError, match="is not a row"):
            ledgers.rows_in(json.dumps(json.loads(self.row(0)) | {name: value}).encode())


class TestWitness:
    """Where it is noted that leaves are gone."""

    def test_a_folder_that_is_no_witness_is_refused(self, world: TwoMachines, file: Path) -> None:
        """What is noted there no machine would look at; nothing is made, and nothing is noted."""
        world.store().install(lease())
        store().save(LmsKeyFile("release", lease().public_key, 0, 0, 0, b""))
        world.backup(file)
        shutil.rmtree(world.down().path / "hsm" / ESN)
        shutil.rmtree(world.world.keys)
        typo = world.path.with_name("typo")
        with pytest.raises(StateUnsafe, match=f"typo is not a witness of .*{ESN}"):
            world.restore(file, str(typo))
        assert not typo.exists()
        assert not world.world.keys.exists()

    def test_a_machine_that_it_does_not_know_keeps_its_own(
        self, world: TwoMachines, file: Path
    ) -> None:
        """Of two machines one has another witness: what is lost is noted where each of
        them looks.
        """
        world.store().install(lease())
        world.backup(file)
        shutil.rmtree(world.down().path / "hsm" / ESN)
        other = world.path.with_name("other")
        FolderWitness(other, ESN).release()
        world.restore(file, str(other))
        for folder, esn in ((other, ESN), (world.path / "witness", OTHER_ESN)):
            witness = FolderWitness(folder, esn)
            assert witness.noted(name()) == {0: 32}
            witness.release()
        assert not (other / f"{OTHER_ESN}.record").exists()
