"""What is remembered of an NVRAM outside of it: openings and leaves, in files that may be lost, cut or put back themselves."""

import shutil

import pytest
from state.bench import gives_nothing, in_quarantine
from state.kit import ESN, OTHER_ESN, lease, leaves, name, order, take

from seemachine.state.errors import StateCorrupt, StateLocked
from seemachine.state.witness import SLOT, FolderWitness, Mark, Past, doubt_about


class TestInOrder:
    """Nothing happened."""

    def test_openings_are_counted(self, bench):
        """From opening to opening the identity stays, the count goes up by one, and the nonce is another one; there is no doubt."""
        marks = [bench.open().mark for _ in range(4)]

        assert len({mark.identity for mark in marks}) == 1
        assert [mark.epoch for mark in marks] == [1, 2, 3, 4]
        assert len({mark.nonce for mark in marks}) == 4
        assert bench.store.doubt == ""

    def test_leaves_go_on(self, bench):
        """Files, orders and used-up leases are as they were."""
        store = bench.begun(1)
        store.install(lease(2, end=1))
        wishes = [order(name(1)), order(name(2))]
        store.reserve(wishes)
        for _ in range(3):
            store = bench.open()
            assert leaves(store.reserve(wishes)) == [5, 0]
            assert in_quarantine(store) == []

        assert leaves(take(store, [name(1)])) == [6]

    def test_moved_within_the_system(self, bench, tmp_path):
        """A folder that was renamed is the same folder, as long as it meets its witness."""
        bench.begun(1)
        bench.close()
        bench.folder = bench.folder.rename(tmp_path / "elsewhere")
        store = bench.open()

        assert store.doubt == ""
        assert leaves(take(store, [name(1)])) == [5]

    def test_the_witness_notes_every_lease(self, bench):
        """For each lease the witness knows the next leaf after every reservation, and that nothing is left after the last."""
        store = bench.begun(1)
        store.install(lease(2, end=2))
        take(store, [name(2), name(1), name(2)])
        store.install(lease(2, first=2, end=4))

        assert store._witness.noted(name(1)) == {0: 6}
        assert store._witness.noted(name(2)) == {0: 2, 2: 2}


class TestTheWitnessItself:
    """What lies in its folder, damaged, lost or put back."""

    def test_lost(self, bench, tmp_path):
        """Without what its witness knew an NVRAM is in quarantine."""
        bench.begun(1)
        bench.close()
        shutil.rmtree(tmp_path / "witness")
        store = bench.open()

        assert "or the witness was lost" in store.doubt
        assert gives_nothing(store, 1)

    def test_notes_lost(self, bench, tmp_path):
        """Without its notes the mark is believed, and leaves go on."""
        bench.begun(1)
        bench.close()
        (tmp_path / "witness" / f"{ESN}.leaves").unlink()
        store = bench.open()

        assert store.doubt == ""
        assert leaves(take(store, [name(1)])) == [5]

    @pytest.mark.parametrize("content", [b"", b"\x80", b"x" * 200])
    def test_a_damaged_mark(self, bench, tmp_path, content):
        """A mark that can't be read is a reason not to start, and nothing is written."""
        bench.begun(1)
        bench.close()
        (tmp_path / "witness" / f"{ESN}.mark").write_bytes(content)
        with pytest.raises(StateCorrupt, match=r"\.mark"):
            bench.open()

        assert (tmp_path / "witness" / f"{ESN}.mark").read_bytes() == content

    @pytest.mark.parametrize("openings", [1, 2, 3])
    def test_put_back(self, bench, tmp_path, openings):
        """A mark from one opening ago is what a crash leaves as well, and is believed; an older one is not."""
        bench.begun(1)
        mark = tmp_path / "witness" / f"{ESN}.mark"
        kept = mark.read_bytes()
        for _ in range(openings):
            bench.open()
        bench.close()
        mark.write_bytes(kept)
        store = bench.open()

        assert bool(store.doubt) is (openings > 1)
        assert gives_nothing(store, 1) is (openings > 1)

    def test_every_bit_of_the_notes(self, tmp_path):
        """Whatever bit of the notes is wrong, no note is higher than it was, and the others are as they were."""
        witness = FolderWitness(tmp_path, ESN)
        for key in (1, 2, 3):
            witness.note(name(key), 0, 7)
        witness.release()
        path = tmp_path / f"{ESN}.leaves"
        data = path.read_bytes()
        assert len(data) == 3 * SLOT.size
        for bit in range(8 * SLOT.size, 16 * SLOT.size):
            path.write_bytes(data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :])
            witness = FolderWitness(tmp_path, ESN)
            assert [witness.noted(name(key)) for key in (1, 2, 3)] == [{0: 7}, {}, {0: 7}]
            witness.release()

    def test_torn_notes(self, tmp_path):
        """Cut at any byte, the notes before the cut hold, and new ones are written so that they hold too."""
        witness = FolderWitness(tmp_path, ESN)
        for key in (1, 2, 3):
            witness.note(name(key), 0, 7)
        witness.release()
        path = tmp_path / f"{ESN}.leaves"
        data = path.read_bytes()
        for size in range(len(data)):
            path.write_bytes(data[:size])
            witness = FolderWitness(tmp_path, ESN)
            whole = [{0: 7} if size >= key * SLOT.size else {} for key in (1, 2, 3)]
            assert [witness.noted(name(key)) for key in (1, 2, 3)] == whole
            witness.note(name(4), 8, 9)
            witness.note(name(3), 0, 8)
            witness.release()
            witness = FolderWitness(tmp_path, ESN)
            assert [witness.noted(name(key)) for key in (1, 2, 3, 4)] == [*whole[:2], {0: 8}, {8: 9}]
            witness.release()

    def test_a_note_is_never_lowered(self, tmp_path):
        """A lower leaf for the same lease changes nothing, now and later."""
        for _ in range(2):
            witness = FolderWitness(tmp_path, ESN)
            witness.note(name(), 0, 9)
            witness.note(name(), 0, 3)
            assert witness.noted(name()) == {0: 9}
            witness.release()

    def test_one_holder(self, tmp_path):
        """A witness has one holder at a time for each machine, until that lets go."""
        first, other = FolderWitness(tmp_path, ESN), FolderWitness(tmp_path, OTHER_ESN)
        for _ in range(2):
            with pytest.raises(StateLocked, match="stop the other first"):
                FolderWitness(tmp_path, ESN)
        first.release()
        FolderWitness(tmp_path, ESN).release()
        other.release()

    def test_a_mark_that_changed_meanwhile(self, tmp_path):
        """Who would replace a mark that is not the one that it read is refused, and the mark stays."""
        witness = FolderWitness(tmp_path, ESN)
        first, second = Mark(b"i" * 16, 1, b"1" * 8, b"here"), Mark(b"i" * 16, 2, b"2" * 8, b"here")
        witness.advance(None, first)
        for before in (None, second):
            with pytest.raises(StateLocked, match="was changed meanwhile"):
                witness.advance(before, second)

        assert witness.last() == first
        witness.advance(first, second)
        assert witness.last() == second
        witness.release()


IDENTITY, OTHER_IDENTITY = b"i" * 16, b"j" * 16
HERE, THERE = b"\1" * 16, b"\2" * 16


def mark(epoch: int, nonce: bytes = b"", identity: bytes = IDENTITY, place: bytes = HERE) -> Mark:
    """An opening."""
    return Mark(identity, epoch, nonce or b"%08d" % epoch, place)


def past(epoch: int, before: int | None = None, nonce: bytes = b"") -> Past:
    """What an NVRAM says after so many openings."""
    known = epoch - 1 if before is None else before
    return Past(mark(epoch, nonce), (known, b"%08d" % known))


@pytest.mark.parametrize(
    ("says", "seen", "place", "doubtful"),
    [
        (past(0), None, HERE, False),
        (past(0), mark(7, identity=OTHER_IDENTITY), HERE, False),
        (past(3), mark(3), HERE, False),
        (past(3), mark(2), HERE, False),
        (past(3), None, HERE, True),
        (past(3), mark(3, identity=OTHER_IDENTITY), HERE, True),
        (past(3), mark(4), HERE, True),
        (past(3), mark(1), HERE, True),
        (past(3), mark(3, b"another!"), HERE, True),
        (past(3), mark(2, b"another!"), HERE, True),
        (past(3, nonce=b"another!"), mark(3), HERE, True),
        (past(9, before=3), mark(3), HERE, False),
        (past(9, before=3), mark(8), HERE, True),
        (past(3), mark(3), THERE, True),
        (past(3), mark(2), THERE, True),
        (past(3), mark(3, place=b""), THERE, False),
    ],
)
def test_every_doubt(says, seen, place, doubtful):
    """Only the opening that the witness saw last, or the one begun after it, in the same place, is beyond doubt."""
    assert bool(doubt_about(says, seen, place)) is doubtful
