"""What is remembered of an NVRAM outside of it: openings and leaves, in files that may be lost, cut
or put back themselves.
"""

import shutil

import pytest
from kit.leases import lease, leaves, name, order, take
from kit.stores import ESN, OTHER_ESN
from state.bench import gives_nothing, in_quarantine

from seemachine.state.errors import StateCorrupt, StateLocked
from seemachine.state.witness.comparing import doubt_about
from seemachine.state.witness.folder import FolderWitness
from seemachine.state.witness.protocol import Mark, Past


class TestInOrder:
    """Nothing happened."""

    def test_openings_are_counted(self, bench):
        """From opening to opening the identity stays, the count goes up by one, and the nonce is
        another one; there is no doubt.
        """
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
        """For each lease the witness knows the next leaf after every reservation, and that nothing
        is left after the last.
        """
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

    @pytest.mark.parametrize("content", [b"\x80", b"x" * 200])
    def test_a_damaged_record(self, bench, tmp_path, content):
        """A record that can't be read is a reason not to start, and nothing is written."""
        bench.begun(1)
        bench.close()
        (tmp_path / "witness" / f"{ESN}.record").write_bytes(content)
        with pytest.raises(StateCorrupt, match=r"\.record"):
            bench.open()

        assert (tmp_path / "witness" / f"{ESN}.record").read_bytes() == content

    def test_an_empty_record(self, bench, tmp_path):
        """A record that was emptied knows of no opening: the NVRAM is in quarantine."""
        bench.begun(1)
        bench.close()
        (tmp_path / "witness" / f"{ESN}.record").write_bytes(b"")

        assert "its witness has never seen it" in bench.open().doubt

    @pytest.mark.parametrize("openings", [0, 1, 2])
    def test_put_back(self, bench, tmp_path, openings):
        """A record of an earlier time is not the file that was written last, however few openings
        ago that was.
        """
        bench.begun(1)
        record = tmp_path / "witness" / f"{ESN}.record"
        kept = record.read_bytes()
        for _ in range(openings):
            bench.open()
        bench.close()
        record.write_bytes(kept)
        store = bench.open()

        assert store.doubt
        assert gives_nothing(store, 1)

    def test_one_holder(self, tmp_path):
        """A witness has one holder at a time for each machine, until that lets go."""
        first, other = FolderWitness(tmp_path, ESN), FolderWitness(tmp_path, OTHER_ESN)
        for _ in range(2):
            with pytest.raises(StateLocked, match="stop the other first"):
                FolderWitness(tmp_path, ESN)
        first.release()
        FolderWitness(tmp_path, ESN).release()
        other.release()


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
    """Only the opening that the witness saw last, or the one begun after it, in the same place, is
    beyond doubt.
    """
    assert bool(doubt_about(says, seen, place)) is doubtful
