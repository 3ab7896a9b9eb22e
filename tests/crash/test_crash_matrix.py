"""A sample of the crash matrix, and proof that it can fail.

All of it: `make crash-matrix`, see docs/explanation/reliability.md.
"""

import sys
from collections.abc import Callable

import pytest
from crash.matrix import Recording, Tally, run
from crash.operations import Mark, Rename, SyncFolder, Write
from crash.recorder import HAS_APSW, PAGE
from crash.recordings import Break, operations, record, record_full, record_killed
from crash.scenarios import SCENARIOS, STORES, Scenario

from seemachine.commands import generate, provision
from seemachine.state.cards.slots import Slots
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.disk import durable
from seemachine.state.nvram import database
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.batch import Changes
from seemachine.state.nvram.contents import OpenNvram
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.ledger_record import RECORD
from seemachine.state.witness import card_witness

NEEDS_APSW = {
    "sqlite": [pytest.mark.skipif(not HAS_APSW, reason="apsw is not installed")],
    "file": [],
}
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
PAIRS = [
    pytest.param(scenario, store, id=f"{scenario.name} {store}", marks=NEEDS_APSW[store])
    for scenario in SCENARIOS
    for store in scenario.stores
]
# How many states of a scenario are tried, about: there are some 30 at each operation.
STATES = 50


def sample(recording: Recording, states: int = STATES) -> Tally:
    """The verdicts on some states of a recording."""
    return run(recording, share=states / (30 * operations(recording)))


@pytest.mark.parametrize(("scenario", "store"), PAIRS)
class TestNoLeafTwice:
    """Whatever a crash leaves on the disk, no leaf is given away again, none is in two places, and
    none is lost but the one in hand.
    """

    def test_a_power_cut(self, scenario: Scenario, store: str):
        """After a power cut at any operation, in a sample of the states that the disk may then be
        in.
        """
        tally = sample(record(scenario, store))
        assert tally.states
        assert tally.faults == []

    def test_a_full_disk_and_then_a_kill(self, scenario: Scenario, store: str):
        """The disk is full for the time of a command, the process goes on and is killed, another
        one goes on; then the power goes.
        """
        total = operations(record(scenario, store))
        recording = record_full(scenario, store, total // 3, total // 3)
        assert recording is not None
        assert sample(recording, STATES // 2).faults == []

    def test_a_kill_and_then_a_power_cut(self, scenario: Scenario, store: str):
        """Another process goes on with what a killed one wrote and did not flush; then the power
        goes.
        """
        total = operations(record(scenario, store))
        recording = record_killed(scenario, store, total // 2)
        assert recording is not None
        assert sample(recording, STATES // 2).faults == []


def everywhere(patch: pytest.MonkeyPatch, function: str) -> None:
    """A function of `durable` does nothing, whoever imported it by name."""
    real = getattr(durable, function)
    for module in [
        module for name, module in sys.modules.items() if name.startswith("seemachine.")
    ]:
        if getattr(module, function, None) is real:
            patch.setattr(module, function, lambda *_: None)


def no_flush(patch: pytest.MonkeyPatch) -> None:
    """Files are written and not flushed."""
    everywhere(patch, "flush")


def no_folder_flush(patch: pytest.MonkeyPatch) -> None:
    """Names are changed and not flushed."""
    everywhere(patch, "flush_folder")


def known_in_memory_alone(patch: pytest.MonkeyPatch) -> None:
    """A start reads from the ledger what a file does not say, and does not write it."""
    recovered = FileStore._recovered

    def read(store: FileStore) -> Changes:
        found = recovered(store)
        store._files.update({name: file for name, file in found.files.items() if file is not None})
        return Changes(
            {name: None for name, file in found.files.items() if file is None}, found.spent
        )

    patch.setattr(FileStore, "_recovered", read)


def never_late(patch: pytest.MonkeyPatch) -> None:
    """What found no room is not written when there is some."""
    patch.setattr(MirroredStore, "_ready", OpenNvram._refuse_after_failure)


def synchronous(setting: int) -> Break:
    """SQLite flushes less: 0 never, 1 not at a commit."""
    return lambda patch: patch.setitem(database.SETTINGS, "synchronous", setting)


def nvram_before_card(patch: pytest.MonkeyPatch) -> None:
    """A lease is installed before it is off its card."""

    def move(machine, slot, lease):
        machine.store.install(lease)
        return machine.slots.take_lease(slot, lease)

    patch.setattr(provision, "_move", move)


def card_before_checkpoint(patch: pytest.MonkeyPatch) -> None:
    """Leases are on their card before they are off the checkpoint."""
    write = Slots.write_leases

    def written_first(slots, slot, leases, before):
        name = write(slots, slot, leases)
        before()
        return name

    patch.setattr(Slots, "write_leases", written_first)


def nvram_before_checkpoint(patch: pytest.MonkeyPatch) -> None:
    """A singular key is in NVRAM while its seed is still in the checkpoint."""
    patch.setattr(generate, "save_head", lambda _machine, _pending: None)


def handed_out_before_durable(patch: pytest.MonkeyPatch) -> None:
    """The write of a reservation is done with the next one."""
    write, late = MirroredStore._guarded, []

    def later(store, act):
        late.append(act)
        if len(late) > 1:
            write(store, late.pop(0))

    patch.setattr(MirroredStore, "_guarded", later)


def head_without_rows(patch: pytest.MonkeyPatch) -> None:
    """A new half-made key takes over the rows of an older one."""
    patch.setattr(FolderCheckpoints, "create", FolderCheckpoints.rewrite)
    patch.setattr(
        FolderCheckpoints,
        "discard",
        lambda folder, label: durable.remove_file(folder._path(label, "key")),
    )


def mutation(
    name: str, broken: Break, scenario: str, *faults: str, stores: tuple[str, ...] = STORES
) -> list[object]:
    """A mutation for each store, with the faults of which it must show one."""
    return [
        pytest.param(
            broken, scenario, store, set(faults), id=f"{name}, {store}", marks=NEEDS_APSW[store]
        )
        for store in stores
    ]


@pytest.mark.parametrize(
    ("broken", "scenario", "store", "faults"),
    [
        *mutation("no flush of files", no_flush, "sign", "lost", "refused", stores=("file",)),
        *mutation("no flush of folders", no_folder_flush, "sign", "reused", stores=("file",)),
        *mutation("no flush of cards", no_folder_flush, "provision", "doubled", stores=("sqlite",)),
        *mutation("synchronous=off", synchronous(0), "sign", "reused", stores=("sqlite",)),
        *mutation("synchronous=normal", synchronous(1), "sign", "reused", stores=("sqlite",)),
        *mutation(
            "synchronous=normal, checkpoints",
            synchronous(1),
            "checkpoint of the log",
            "reused",
            "lost",
            stores=("sqlite",),
        ),
        *mutation("NVRAM before the card", nvram_before_card, "provision", "doubled"),
        *mutation(
            "card before the checkpoint", card_before_checkpoint, "generate onto cards", "doubled"
        ),
        *mutation(
            "NVRAM before the checkpoint", nvram_before_checkpoint, "generate, singular", "doubled"
        ),
        *mutation("handed out before durable", handed_out_before_durable, "sign", "reused"),
        *mutation(
            "batch handed out before durable",
            handed_out_before_durable,
            "sign in batches",
            "reused",
        ),
        *mutation("rows of another key", head_without_rows, "replace and resume", "broken", "lost"),
    ],
)
def test_the_matrix_can_fail(broken: Break, scenario: str, store: str, faults: set[str]):
    """Recorded with one promise broken, a sample of the states shows it."""
    recording = record(BY_NAME[scenario], store, broken)
    assert run(recording, share=0.05, until=faults).counts.keys() & faults


# The share of the states in which enough of them show it.
UNFLUSHED = 0.3
LATER = 0.05
CARD_SHARE = 0.12
# Signatures one by one, with a ledger that forgets.
SIGN = BY_NAME["forgotten after a kill"]


def is_ledger_written(change: object) -> bool:
    """A record of the ledger, which is not flushed yet."""
    return isinstance(change, Write) and len(change.data) == RECORD.size


def is_mark_named(change: object) -> bool:
    """The witness's mark has its name, which is not flushed yet."""
    return isinstance(change, Rename) and change.target.endswith(".record")


def is_card_flushed(change: object) -> bool:
    """The names in a slot are flushed."""
    return isinstance(change, SyncFolder) and "slots" in change.path


def is_commit_written(change: object) -> bool:
    """A page in the log of SQLite, the first of which is a commit, and is not flushed yet."""
    return isinstance(change, Write) and len(change.data) == PAGE


def after_the_first(scenario: Scenario, last: Callable[[object], bool], store: str = "file") -> int:
    """How many operations it is until a change of a kind is done."""
    done = [
        operation for operation in record(scenario, store).log if not isinstance(operation, Mark)
    ]
    return next(number for number, change in enumerate(done, 1) if last(change))


def full_after(scenario: Scenario, last: Callable[[object], bool]) -> Recording:
    """The scenario with the file store, on a disk that is full after the first change of a kind is
    flushed.
    """
    recording = record_full(scenario, "file", after_the_first(scenario, last) + 2, 1000)
    assert recording is not None
    return recording


def killed_after(
    scenario: Scenario, last: Callable[[object], bool], store: str = "file"
) -> Recording:
    """The scenario, killed after the first change of a kind."""
    recording = record_killed(scenario, store, after_the_first(scenario, last, store))
    assert recording is not None
    return recording


@pytest.mark.parametrize(
    ("scenario", "last"), [("sign", is_ledger_written), ("delete", is_mark_named)]
)
class TestBuiltOnWhatWasNotFlushed:
    """A process finds what a killed one wrote and did not flush.

    The power cut comes while it goes on from there.
    """

    def test_is_made_durable_first(self, scenario: str, last: Callable[[object], bool]):
        """Every machine starts again, with all that it had."""
        tally = run(killed_after(BY_NAME[scenario], last), share=UNFLUSHED)
        assert tally.states
        assert tally.faults == []

    def test_else_it_would_be_missed(
        self, scenario: str, last: Callable[[object], bool], monkeypatch: pytest.MonkeyPatch
    ):
        """Without that a machine refuses its damaged ledger, or distrusts its NVRAM."""
        everywhere(monkeypatch, "settle")
        faults = {"refused", "broken"}
        recording = killed_after(BY_NAME[scenario], last)
        assert run(recording, share=UNFLUSHED, until=faults).counts.keys() & faults


@pytest.mark.skipif(not HAS_APSW, reason="apsw is not installed")
class TestACommitWithoutAFlush:
    """The same with the log of SQLite, where the commit that counts an opening was written."""

    def test_is_made_durable_first(self):
        """A witness that lags is told of an opening that a power cut can't take back."""
        tally = run(killed_after(BY_NAME["sign"], is_commit_written, "sqlite"), share=LATER)
        assert tally.handed
        assert tally.faults == []

    def test_else_it_would_be_missed(self, monkeypatch: pytest.MonkeyPatch):
        """Without that the machine distrusts its NVRAM."""
        everywhere(monkeypatch, "settle")
        recording = killed_after(BY_NAME["sign"], is_commit_written, "sqlite")
        assert "broken" in run(recording, share=LATER, until={"broken"}).counts


class TestACardWithoutAFlush:
    """A disk that is full when the new name of a card is to be flushed; then there is room, and the
    card is written again.
    """

    @pytest.fixture
    def card(self) -> Callable[..., Tally]:
        """The next lease taken off a card, on such a disk."""

        def tried(**until: set[str]) -> Tally:
            recording = record_full(
                BY_NAME["provision"],
                "file",
                after_the_first(BY_NAME["provision"], is_card_flushed) - 1,
                1000,
            )
            assert recording is not None
            return run(recording, share=CARD_SHARE, **until)

        return tried

    def test_is_flushed_first(self, card: Callable[..., Tally]):
        """No state of the disk makes a copy of the card."""
        tally = card()
        assert tally.handed
        assert tally.faults == []

    def test_else_it_would_be_missed(
        self, card: Callable[..., Tally], monkeypatch: pytest.MonkeyPatch
    ):
        """Without that its older file is refused."""
        monkeypatch.setattr(card_witness, "flush_folder", lambda _path: None)
        assert "refused" in card(until={"refused"}).counts


class TestKnownInTheLedgerAlone:
    """A leaf that the ledger knows and the file does not: after a kill between the two, or where
    the file found no room.

    Then its order is asked again, the ledger forgets, and another process signs.
    """

    def test_after_a_kill(self):
        """No leaf signs two messages, in what was recorded and after a power cut."""
        tally = run(killed_after(SIGN, is_ledger_written), share=LATER)
        assert tally.handed
        assert tally.faults == []

    def test_after_a_full_disk(self):
        """The same."""
        tally = run(full_after(SIGN, is_ledger_written), share=LATER)
        assert tally.handed
        assert tally.faults == []

    def test_after_a_kill_it_would_be_missed(self, monkeypatch: pytest.MonkeyPatch):
        """If a start knew it in memory alone it would be signed with again."""
        known_in_memory_alone(monkeypatch)
        recording = killed_after(SIGN, is_ledger_written)
        assert "reused" in run(recording, share=LATER, until={"reused"}).counts

    def test_after_a_full_disk_it_would_be_missed(self, monkeypatch: pytest.MonkeyPatch):
        """If the file was not written when there is room it would be signed with again."""
        never_late(monkeypatch)
        recording = full_after(SIGN, is_ledger_written)
        assert "reused" in run(recording, share=LATER, until={"reused"}).counts
