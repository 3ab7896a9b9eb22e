"""The ledger of the file store: what a crash cut short is dropped, what was damaged later is
noticed, and no row changes.
"""

import errno
from itertools import count, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.faults import Fault, FaultyOs
from kit.flips import flipped
from kit.leases import name
from kit.stores import quick_folder

from seemachine.state.disk import durable
from seemachine.state.errors import StateCorrupt
from seemachine.state.nvram import ledger_copy, ledger_file
from seemachine.state.nvram.ledger import LedgerRow, hash_bound, message_bound
from seemachine.state.nvram.ledger_file import LedgerFile
from seemachine.state.nvram.ledger_record import RECORD

Q, OTHER_Q = b"Q" * 32, b"q" * 32
SIZE = RECORD.size


def row(leaf, digest=None, *, time=1000, client="somebody"):
    """A row of a leaf, whose token is always the same; for a message unless it has a digest."""
    return LedgerRow(
        name(),
        leaf,
        b"%016d" % leaf,
        message_bound(b"m") if digest is None else digest,
        client,
        time,
    )


def waiting(leaf):
    """A row of a leaf that waits for its digest."""
    return row(leaf, hash_bound(b""))


def bound(leaf, digest=Q):
    """The same with its digest."""
    return row(leaf, hash_bound(digest))


@pytest.fixture
def path(tmp_path):
    """Where the ledger is."""
    return tmp_path / "ledger"


def written(path, *batches):
    """A ledger with these batches. Returns its bytes."""
    ledger = LedgerFile(path)
    for batch in batches:
        ledger.append(list(batch))
    return path.read_bytes()


def test_a_whole_ledger_is_not_written_again(path):
    """It may be long, and each write is a chance to lose it."""
    written(path, [row(0), row(1)], [row(2)])
    before = path.stat()
    LedgerFile(path)
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


THREE = [[row(0), row(1)], [row(2), waiting(3), row(4)], [row(5)]]
ROWS = [row(0), row(1), row(2), waiting(3), row(4), row(5)]


class TestInOrder:
    """Nothing happened."""

    def test_rows_are_there_again(self, path):
        """All rows come back in order, and each is found by its token."""
        written(path, *THREE)
        ledger = LedgerFile(path)

        assert ledger.rows == ROWS
        assert [ledger.find(each.token) for each in ROWS] == ROWS
        assert ledger.find(b"?" * 16) is None
        assert path.stat().st_size == len(ROWS) * SIZE

    def test_a_new_one_is_empty(self, path):
        """Without a file there are no rows, and no file is made before there is a row."""
        assert LedgerFile(path).rows == []
        assert not path.exists()

    def test_a_digest_that_came_later(self, path):
        """The row that waited has its digest, in its place, now and when it is read again; its
        second record is dropped by pruning.
        """
        ledger = LedgerFile(path)
        ledger.append([row(0), waiting(1), row(2)])
        ledger.append([bound(1)])
        for again in (ledger, LedgerFile(path)):
            assert again.rows == [row(0), bound(1), row(2)]
        LedgerFile(path).prune(1)

        assert path.stat().st_size == 3 * SIZE
        assert LedgerFile(path).rows == [row(0), bound(1), row(2)]

    @pytest.mark.parametrize(
        "client",
        ["", "x" * 64, "\N{CYRILLIC SMALL LETTER ZHE}" * 64, "\N{LINEAR B SYLLABLE B008 A}" * 64],
    )
    @pytest.mark.parametrize(
        "digest",
        [hash_bound(b""), hash_bound(b"x" * 24), hash_bound(b"\0" * 32), message_bound(b"")],
    )
    def test_what_a_row_may_hold(self, path, client, digest):
        """Names of 64 characters of any kind and digests of each length come back as they are,
        whatever follows.
        """
        rows = [
            row(0, digest, client=client),
            row(1, client=client),
            row((1 << 25) - 1, time=(1 << 63) - 1),
        ]
        written(path, rows)

        assert LedgerFile(path).rows == rows

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.lists(
                st.sampled_from(["row", "waiting", "bind", "open", "prune"]), min_size=1, max_size=4
            ),
            max_size=12,
        )
    )
    def test_any_life(self, batches):
        """Whatever is appended, bound, pruned and opened again in whatever order, the rows are
        those that were given.
        """
        with quick_folder() as folder:
            ledger, expected, leaf = LedgerFile(folder / "ledger"), [], count()
            for batch in batches:
                added = []
                for what in batch:
                    if what == "open":
                        ledger = LedgerFile(folder / "ledger")
                    elif what == "prune":
                        expected = expected[1:]
                        ledger.prune(expected[0].time if expected else 1 << 40)
                    elif (
                        what == "bind"
                        and (
                            at := next(
                                (at for at, one in enumerate(expected) if not one.bound), None
                            )
                        )
                        is not None
                    ):
                        expected[at] = row(expected[at].leaf, hash_bound(Q), time=expected[at].time)
                        ledger.append([expected[at]])
                    elif what in ("row", "waiting"):
                        number = next(leaf)
                        added.append(
                            row(
                                number,
                                None if what == "row" else hash_bound(b""),
                                time=1000 + number,
                            )
                        )
                ledger.append(added)
                expected += added
                assert ledger.rows == expected
            assert LedgerFile(folder / "ledger").rows == expected


class TestTorn:
    """A write that was cut short by a crash."""

    def test_a_batch_cut_at_any_byte(self, path):
        """Of the last batch the records before the cut are there, what was durable before it is
        untouched, and new rows follow.
        """
        data = written(path, *THREE[:2])
        for size in [*range(2 * SIZE, 5 * SIZE, 23), 3 * SIZE - 1, 3 * SIZE, 3 * SIZE + 1]:
            path.write_bytes(data[:size])
            assert LedgerFile(path).rows == ROWS[: size // SIZE]
            LedgerFile(path).append([row(9)])
            assert LedgerFile(path).rows == [*ROWS[: size // SIZE], row(9)]

    @pytest.mark.parametrize(
        "lost", [lost for lost in product([False, True], repeat=3) if any(lost)]
    )
    def test_a_batch_with_holes(self, path, lost):
        """Any records of the last batch may be missing, for a disk writes in any order; the others
        are there, now and ever after.
        """
        data = bytearray(written(path, *THREE[:2]))
        for number in [2 + at for at in range(3) if lost[at]]:
            data[number * SIZE : (number + 1) * SIZE] = bytes(SIZE)
        path.write_bytes(data)
        expected = [
            *ROWS[:2],
            *(each for each, gone in zip(ROWS[2:5], lost, strict=True) if not gone),
        ]
        assert LedgerFile(path).rows == expected
        LedgerFile(path).append([row(9), row(10)])

        assert LedgerFile(path).rows == [*expected, row(9), row(10)]

    def test_a_binding_cut_short(self, path):
        """A digest whose record was cut is not there: its leaf goes on waiting, as far as the
        ledger knows.
        """
        data = written(path, [waiting(0)], [bound(0)])
        for size in range(SIZE, 2 * SIZE, 5):
            path.write_bytes(data[:size])
            assert LedgerFile(path).rows == [waiting(0)]

    def test_a_first_batch(self, path):
        """Also the very first batch may be cut, at its first byte too."""
        data = written(path, THREE[0])
        for size in range(0, 2 * SIZE, 7):
            path.write_bytes(data[:size])
            assert LedgerFile(path).rows == ROWS[: size // SIZE]


class TestDamaged:
    """Bytes that changed long after they were written."""

    @pytest.mark.parametrize("number", range(5))
    def test_a_record_in_the_middle(self, path, number):
        """Any wrong bit in a record that a later write followed is noticed, and the file stays as
        it is.
        """
        data = written(path, *THREE)
        for at in range(number % 2, SIZE, 2):
            changed = flipped(data, 8 * (SIZE * number + at) + at % 8)
            path.write_bytes(changed)
            with pytest.raises(StateCorrupt, match=f"record {number} is damaged"):
                LedgerFile(path)
            assert path.read_bytes() == changed

    def test_a_bit_at_the_end(self, path):
        """A wrong bit in the last record costs that row; no row has other values than it had."""
        data = written(path, *THREE)
        for at in range(0, SIZE, 5):
            path.write_bytes(flipped(data, 8 * (SIZE * 5 + at) + at % 8))
            assert LedgerFile(path).rows == ROWS[:5]

    @pytest.mark.parametrize("start", range(5))
    def test_a_record_that_is_missing(self, path, start):
        """Records taken out of the middle leave the others, or are noticed; none of the others
        changes.
        """
        data = written(path, *THREE)
        path.write_bytes(data[: start * SIZE] + data[(start + 1) * SIZE :])

        assert LedgerFile(path).rows == [*ROWS[:start], *ROWS[start + 1 :]]

    def test_a_second_digest(self, path):
        """A leaf with two digests is a reason to refuse the ledger."""
        ledger = LedgerFile(path)
        ledger.append([waiting(0)])
        ledger.append([bound(0)])
        ledger.append([bound(0, OTHER_Q)])

        with pytest.raises(StateCorrupt, match="leaf 0 is bound twice"):
            LedgerFile(path)

    def test_a_message_and_a_digest(self, path):
        """A leaf that signs a message takes no digest either."""
        ledger = LedgerFile(path)
        ledger.append([row(0)])
        ledger.append([bound(0)])

        with pytest.raises(StateCorrupt, match="leaf 0 is bound twice"):
            LedgerFile(path)

    @pytest.mark.parametrize("pruned", [False, True])
    def test_after_a_rewriting(self, path, pruned):
        """Also a file that was rewritten as a whole does not lose a record in its
        middle unnoticed.
        """
        data = written(path, *THREE)
        if pruned:
            ledger = LedgerFile(path)
            ledger.append([bound(3)])
            ledger.prune(1)
        else:
            path.write_bytes(data[:-1])
            LedgerFile(path)
        data = path.read_bytes()
        path.write_bytes(flipped(data, 8 * SIZE + 77))

        with pytest.raises(StateCorrupt, match="record 1 is damaged"):
            LedgerFile(path)


class TestPruning:
    """Old rows go."""

    def test_older_rows_go(self, path):
        """Rows from before a time are gone, those of that time stay, for the next reader too, and
        new ones follow.
        """
        ledger = LedgerFile(path)
        ledger.append([row(leaf, time=leaf * 10) for leaf in range(6)])
        ledger.prune(30)
        ledger.append([row(9)])
        for again in (ledger, LedgerFile(path)):
            assert [each.leaf for each in again.rows] == [3, 4, 5, 9]
            assert again.find(row(0).token) is None

    def test_nothing_old_is_no_write(self, path):
        """Without an old row the file is left alone."""
        ledger = LedgerFile(path)
        ledger.append([row(0), row(1)])
        inode = path.stat().st_ino
        ledger.prune(1000)

        assert path.stat().st_ino == inode

    def test_all_rows_may_go(self, path):
        """A ledger without rows goes on."""
        ledger = LedgerFile(path)
        ledger.append([row(0)])
        ledger.prune(2000)
        assert LedgerFile(path).rows == []
        ledger.append([row(1)])

        assert LedgerFile(path).rows == [row(1)]


class Killed(BaseException):
    """The process died here."""


@pytest.fixture
def fault(monkeypatch):
    """A disk that fails on demand."""
    made = Fault()
    monkeypatch.setattr(durable, "os", FaultyOs(made))
    return made


def at_every_place(tmp_path):
    """A path for each place at which a write can fail. Stop it when there was no such place."""
    for place in count():
        folder = tmp_path / str(place)
        folder.mkdir()
        yield place, folder / "ledger"


class TestFailing:
    """A disk without room."""

    def test_what_a_failed_write_left(self, tmp_path, fault):
        """Rows of a write that failed are not there, in memory or on disk, once another one was
        written: their leaves are others' now.
        """
        for place, path in at_every_place(tmp_path):
            ledger = LedgerFile(path)
            ledger.append([row(0)])
            fault.arm(place, full=True)
            try:
                ledger.append([row(1), row(2), row(3)])
            except OSError:
                assert ledger.rows == [row(0)]
            else:
                assert place == 2
                return
            ledger.append([row(9)])
            assert ledger.rows == LedgerFile(path).rows == [row(0), row(9)], place

    def test_pruning_that_failed(self, tmp_path, fault):
        """Wherever pruning fails, what is appended afterwards is read again, behind the rows that
        were to stay.
        """
        for place, path in at_every_place(tmp_path):
            ledger = LedgerFile(path)
            ledger.append([row(leaf, time=leaf) for leaf in range(4)])
            ledger.append([waiting(5)])
            fault.arm(place, full=True)
            try:
                ledger.prune(2)
            except OSError:
                pass
            else:
                assert place > 2
                return
            ledger.append([bound(5)])
            ledger.append([row(6)])
            again = LedgerFile(path)
            assert ledger.rows == again.rows
            assert again.rows[-4:] == [row(2, time=2), row(3, time=3), bound(5), row(6)], place

    def test_dying_while_it_prunes(self, tmp_path, fault):
        """Wherever the process dies, either all rows are there or those that were to stay."""
        outcomes = set()
        for place, path in at_every_place(tmp_path):
            ledger = LedgerFile(path)
            ledger.append([row(leaf, time=leaf) for leaf in range(4)])
            fault.arm(place, hook=self._die)
            try:
                ledger.prune(2)
            except Killed:
                pass
            else:
                break
            leaves = [each.leaf for each in LedgerFile(path).rows]
            outcomes.add(len(leaves))
            assert leaves in ([0, 1, 2, 3], [2, 3]), place
        assert outcomes == {4, 2}

    @staticmethod
    def _die() -> None:
        raise Killed


def copying(ledger, before):
    """Prune a long ledger; after each step but the last it is said that there is more to do."""
    steps = 0
    while True:
        ledger.prune(before)
        yield (steps := steps + 1)
        if ledger.is_pruned:
            return


class TestInSteps:
    """A long ledger is written again two rows at a time, while others go on with it."""

    @pytest.fixture(autouse=True)
    def short_steps(self, monkeypatch):
        """Long are four records."""
        monkeypatch.setattr(ledger_file, "LONG", 4)
        monkeypatch.setattr(ledger_copy, "STEP", 2)

    @staticmethod
    def long(path):
        """Leaves 0 to 3 are old; 9 waits for its digest, and is not the last."""
        ledger = LedgerFile(path)
        ledger.append([row(leaf, time=leaf) for leaf in range(4)])
        ledger.append([waiting(9), *TestInSteps.STAY])
        return ledger

    STAY = (row(4, time=4), row(5, time=5), row(6, time=6))

    def test_the_file_stays_until_all_is_copied(self, path):
        """After each step all rows are there, and after the last those that were to stay."""
        ledger = self.long(path)
        before = list(ledger.rows)
        for step in copying(ledger, 4):
            meant = before if step < 4 else [waiting(9), *self.STAY]
            assert ledger.rows == LedgerFile(path).rows == meant
        assert step == 4
        assert ledger.find(row(0, time=0).token) is None
        assert ledger.find(waiting(9).token) == waiting(9)
        assert path.stat().st_size == 4 * SIZE
        assert [each.name for each in path.parent.iterdir()] == [path.name]

    @pytest.mark.parametrize("meanwhile", range(1, 5))
    def test_what_comes_meanwhile_stays(self, path, meanwhile):
        """A row and a digest that come after any of the steps are in the ledger after the last, in
        memory and on the disk.
        """
        ledger = self.long(path)
        for step in copying(ledger, 4):
            if step == meanwhile:
                ledger.append([bound(9)])
                ledger.append([row(8)])
            if step > 9:
                break
        assert ledger.rows == LedgerFile(path).rows == [bound(9), *self.STAY, row(8)]
        assert ledger.find(bound(9).token) == bound(9)
        ledger.append([row(10)])
        assert ledger.rows == LedgerFile(path).rows

    def test_a_row_of_that_very_time_that_is_bound_meanwhile_stays(self, path):
        """With its digest."""
        ledger = self.long(path)
        for step in copying(ledger, waiting(9).time):
            if step == 3:
                ledger.append([bound(9)])
        assert ledger.rows == LedgerFile(path).rows == [bound(9)]

    def test_an_old_row_that_is_bound_meanwhile_goes(self, path):
        """What is too old to stay is not brought back by its digest."""
        ledger = LedgerFile(path)
        ledger.append(
            [row(0, hash_bound(b""), time=0), *(row(leaf, time=leaf) for leaf in range(1, 7))]
        )
        for step in copying(ledger, 4):
            if step == 1:
                ledger.append([row(0, hash_bound(Q), time=0)])
        assert ledger.rows == LedgerFile(path).rows == list(self.STAY)

    def test_what_an_earlier_copy_left_is_written_over(self, path):
        """Also where no row stays: a copy takes the name with its own rows alone."""
        left = path.with_name(f".{path.name}.new")
        left.write_bytes(written(path.with_name("other"), [row(90), row(91), row(92)]))
        ledger = self.long(path)
        for _ in copying(ledger, 5000):
            pass
        assert LedgerFile(path).rows == ledger.rows == []

    @pytest.mark.parametrize(("rows", "left"), [(3, 2), (4, 4), (8, 8)])
    def test_few_old_rows_are_left_alone(self, path, rows, left):
        """A quarter of a long ledger is not worth the writing."""
        ledger = LedgerFile(path)
        ledger.append([row(leaf, time=leaf) for leaf in range(rows)])
        ledger.prune(1)
        while not ledger.is_pruned:
            ledger.prune(1)
        assert len(LedgerFile(path).rows) == left

    def test_a_copy_that_failed_is_not_gone_on_with(self, path, fault, monkeypatch):
        """Nothing of it stays in the folder, if the disk lets us; and if it does not, the next copy
        begins anew all the same.
        """
        for stuck in (False, True):
            ledger = self.long(path)
            ledger.prune(4)
            fault.arm(0, full=True)
            with monkeypatch.context() as patch:
                if stuck:
                    patch.setattr(type(path), "unlink", self._refused)
                with pytest.raises(OSError, match="No space left"):
                    ledger.prune(4)
            assert ledger.is_pruned
            assert [each.name for each in path.parent.iterdir() if each != path] == [
                ".ledger.new"
            ] * stuck
            for _ in copying(ledger, 4):
                pass
            assert ledger.rows == LedgerFile(path).rows == [waiting(9), *self.STAY]
            path.unlink()

    @staticmethod
    def _refused(*_given, **_named):
        raise OSError(errno.EROFS, "Read-only file system")

    @pytest.mark.parametrize("appended", [True, False])
    def test_failing_anywhere(self, tmp_path, fault, appended):
        """Wherever a step fails, no row is lost; what was appended is there, and the next try ends
        as if there had been none.
        """
        for place, path in at_every_place(tmp_path):
            ledger = self.long(path)
            fault.arm(place, full=True)
            failed = False
            try:
                for step in copying(ledger, 4):
                    if step == 3:
                        ledger.append([bound(9)])
            except OSError:
                failed = True
            fault.disarm()
            if not failed:
                assert place > 6
                return
            if appended:
                ledger.append([row(8)])
                assert ledger.rows == LedgerFile(path).rows, place
            for _ in copying(ledger, 4):
                pass
            assert ledger.rows == LedgerFile(path).rows, place
            assert [each.leaf for each in ledger.rows] == [9, 4, 5, 6, *[8] * appended], place

    def test_dying_anywhere(self, tmp_path, fault):
        """Wherever the process dies, all rows are there, or those that were to stay; a digest that
        was bound before is there.
        """
        outcomes = set()
        for place, path in at_every_place(tmp_path):
            ledger, was_bound = self.long(path), False
            fault.arm(place, hook=TestFailing._die)
            try:
                for step in copying(ledger, 4):
                    if step == 3:
                        ledger.append([bound(9)])
                        was_bound = True
            except Killed:
                pass
            else:
                break
            found = LedgerFile(path).rows
            leaves = tuple(each.leaf for each in found)
            assert leaves in ((0, 1, 2, 3, 9, 4, 5, 6), (9, 4, 5, 6)), place
            assert not was_bound or bound(9) in found, place
            outcomes.add(len(leaves))
        assert outcomes == {8, 4}


def test_it_is_nobody_elses(path):
    """The file is its owner's alone: it says who signed what."""
    written(path, [row(0)])
    LedgerFile(path).prune(2000)

    assert path.stat().st_mode & 0o777 == 0o600
