"""The table of commands: every request has one, every error becomes a status, and nothing else
comes out.
"""

import errno
import threading
from dataclasses import replace

import pytest
from kit.commands import SLOT, ask, generate, hash_key, refuse

import seemachine
from seemachine.commands import COMMANDS, answer, refusal
from seemachine.lms.generation import Stopped
from seemachine.lms.parameters import ParameterError
from seemachine.machine import DEFAULT_LIMITS, Session
from seemachine.state import errors
from seemachine.state.cards import rack
from seemachine.state.cards.cardsets import SetCard, write_set_card
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.state.witness.protocol import Mark
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.names import PROTOCOL
from seemachine.wire.status import Status, StatusError

HELLO = m.Hello(protocol=PROTOCOL, client="a test")


def test_every_request_has_a_command():
    """The table is the contract: no request of the protocol without a command, no command without a
    request.
    """
    assert set(COMMANDS) == set(m.REQUESTS.values())


class TestHello:
    """Who is there."""

    def test_the_machine_introduces_itself(self, world):
        """The greeting has the machine's own figures: serial number, model, limits, operator, and
        how often its state was opened.
        """
        store = MemoryStore()
        store.mark = Mark(b"n" * 16, 7, b"opening!")
        limits = replace(DEFAULT_LIMITS, message=1000)
        session = Session(
            world.machine(store=store, model="xc", limits=limits, operator="auto", signer=b"signer")
        )
        greeting = ask(session, HELLO)

        assert (greeting.protocol, greeting.esn, greeting.model) == (PROTOCOL, ESN, "xc")
        assert (greeting.epoch, greeting.operator, greeting.signer, greeting.limits) == (
            7,
            "auto",
            b"signer",
            limits,
        )
        assert (greeting.nvram, greeting.opening) == (b"n" * 16, b"opening!")
        assert greeting.software == f"seemachine {seemachine.__version__}"
        assert greeting.engine == "portable/portable"

    @pytest.mark.parametrize("protocol", [PROTOCOL + 1, 0xFFFFFFFF])
    def test_another_protocol_is_refused(self, session, protocol):
        """A client of another version learns which one is spoken here."""
        refused = refuse(session, m.Hello(protocol=protocol, client="a test"))

        assert refused.status is Status.InvalidParameter
        older, newer = ("the client", "this machine")[:: 1 if protocol < PROTOCOL else -1]
        assert refused.detail == (
            f"the client speaks protocol {protocol}, this machine {PROTOCOL} in hello; {older} is"
            f" older: bring it to the version of seemachine that {newer} has"
        )


class TestSlots:
    """slot_list."""

    def test_slots_are_listed(self, world, session):
        """Occupied slots come in order with what is on their cards; an unreadable card is there as
        an unknown one.
        """
        key = hash_key(session, expcards=0, explease=2)
        names = {slot: world.feed_blank(slot=slot) for slot in (5, 0, SLOT)}
        ask(session, m.ContinueLmsCard(handle=key.handle, slot=SLOT))
        session.machine.slots.occupant(0).write_bytes(b"scratched")

        assert ask(session, m.ListSlots()).slots == [
            m.Slot(slot=0, ic=1, kind="unknown", card=names[0], leases=0),
            m.Slot(slot=SLOT, ic=1, kind="lms", card=names[SLOT], leases=4),
            m.Slot(slot=5, ic=1, kind="blank", card=names[5], leases=0),
        ]

    def test_no_card_is_an_empty_list(self, session):
        """A machine without cards lists none."""
        assert ask(session, m.ListSlots()).slots == []

    def test_a_card_counts_each_time(self, world, session):
        """The insertion counter that is listed rises when a card is taken out and put in again."""
        for ic in (1, 2, 3):
            world.feed_blank()
            assert [slot.ic for slot in ask(session, m.ListSlots()).slots] == [ic]


class TestWaiting:
    """slot_wait, as far as it is answered at once."""

    def test_a_blank_card(self, world, session):
        """In the slot that is asked for, or in any; the first of several."""
        names = {slot: world.feed_blank(slot=slot) for slot in (5, 3)}
        for slot, found in ((None, 3), (3, 3), (5, 5)):
            told = ask(session, m.WaitForCard(kind="blank", slot=slot))
            assert (told.slot, told.kind, told.card) == (found, "blank", names[found])
        refused = refuse(session, m.WaitForCard(kind="blank", slot=0))
        assert refused.status is Status.NotAvailable
        assert "there is no card in slot 0" in refused.detail

    def test_a_card_of_a_key(self, world, session):
        """One with leases left: neither a blank one nor one that is used up."""
        key = hash_key(session, expcards=0, explease=1)
        world.feed_blank(slot=0)
        waited = m.WaitForCard(kind="lms")
        assert "slot 2; insert one" in refuse(session, waited).detail.replace(" in slot_wait", "")
        world.feed_blank()
        assert "is blank; insert a card of the key" in refuse(session, waited).detail.replace(
            " in slot_wait", ""
        )
        ask(session, m.ContinueLmsCard(handle=key.handle, slot=SLOT))
        assert (ask(session, waited).slot, ask(session, waited).leases) == (SLOT, 2)
        for _ in range(2):
            session.machine.slots.take_lease(SLOT, session.machine.slots.next_lease(SLOT))
        assert refuse(session, waited).status is Status.NotAvailable
        used_up = refuse(session, m.WaitForCard(kind="lms", slot=SLOT)).detail
        assert used_up.startswith("the card in slot 2 is used up in slot_wait; take it out with: ")

    def test_there_are_two_kinds(self, session):
        """Any other is refused with those that there are."""
        refused = refuse(session, m.WaitForCard(kind="unknown"))
        assert (refused.status, refused.detail) == (
            Status.InvalidParameter,
            "kind takes blank or lms in slot_wait",
        )

    @pytest.mark.parametrize("slot", [None, 4])
    def test_a_machine_with_an_operator_puts_one_in(self, world, slot):
        """In place of what is there; never for who wants a card of a key."""
        session = Session(world.machine(operator="auto"))
        asked = m.WaitForCard(kind="blank", slot=slot)
        where = SLOT if slot is None else slot
        first = ask(session, asked)
        assert (first.slot, first.kind, first.ic) == (where, "blank", 1)
        assert ask(session, asked) == first
        key = hash_key(session, expcards=0, explease=1)
        ask(session, m.ContinueLmsCard(handle=key.handle, slot=where))
        second = ask(session, asked)
        assert (second.slot, second.ic) == (where, 2)
        assert second.card != first.card
        assert [found.card for found in world.rack.listing() if found.kind == "lms"] == [first.card]
        assert refuse(session, m.WaitForCard(kind="lms")).status is Status.NotAvailable

    def test_a_card_of_the_security_world_stays(self, world):
        """The blank one goes into the next slot; where the slot is named, that is meant."""
        session = Session(world.machine(operator="auto"))
        made = SetCard("testOCS-1", "operator", "testOCS", "h", 1, 1, False, b"", b"")
        write_set_card(world.world, made)
        world.rack.insert("testOCS-1", session.machine.esn, SLOT)
        assert ask(session, m.WaitForCard(kind="blank")).slot == SLOT + 1
        assert session.machine.slots.occupant(SLOT).stem == "testOCS-1"

    def test_a_full_disk_is_told(self, world, monkeypatch):
        """A machine that can't put in a card says why, and does not let its client wait for it."""
        session = Session(world.machine(operator="auto"))

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(rack, "write_card", full)
        refused = refuse(session, m.WaitForCard(kind="blank"))
        assert refused.status is Status.OSErrorErrno
        assert "No space left" in refused.detail


LATER = " in nvmemfile_list; try again later"
CASES = [
    (ParameterError("too high"), Status.InvalidParameter, "too high in nvmemfile_list"),
    (Stopped(), Status.TimeLimitExceeded, "Stopped in nvmemfile_list"),
    (errors.FileExists("there"), Status.ObjectInUse, "there in nvmemfile_list"),
    (errors.LeaseSpent("spent"), Status.UseLimitExceeded, "spent in nvmemfile_list"),
    (
        errors.CardError("no card; insert one"),
        Status.NotAvailable,
        "no card in nvmemfile_list; insert one",
    ),
    (errors.StateFailed("broken"), Status.OSErrorErrno, "broken in nvmemfile_list"),
    (errors.DiskFull("full"), Status.OSErrorErrno, "full in nvmemfile_list"),
    (errors.StateCorrupt("damaged"), Status.Malformed, "damaged in nvmemfile_list"),
    (errors.StateUnsafe("unsafe"), Status.Malformed, "unsafe in nvmemfile_list"),
    (errors.StateLocked("locked"), Status.Malformed, "locked in nvmemfile_list"),
    (
        OSError(5, "Input/output error"),
        Status.OSErrorErrno,
        "[Errno 5] Input/output error in nvmemfile_list",
    ),
    (MemoryError(), Status.OSErrorErrno, f"the machine is out of memory{LATER}"),
    (OSError(24, "Too many"), Status.OSErrorErrno, f"the machine is out of descriptors{LATER}"),
    (
        StatusError(Status.UnknownID, "who; ask again"),
        Status.UnknownID,
        "who in nvmemfile_list; ask again",
    ),
]


class TestErrors:
    """What a command raises, and what leaves the machine."""

    @pytest.mark.parametrize(
        ("error", "status", "detail"), CASES, ids=lambda value: type(value).__name__
    )
    def test_errors_become_statuses(self, session, error, status, detail, monkeypatch):
        """Each error of the machine has its status; the command is named in the sentence, before
        any advice.
        """

        def fail(_session, _request):
            raise error

        monkeypatch.setitem(COMMANDS, m.ListNvmemfiles, fail)
        refused = refuse(session, m.ListNvmemfiles())

        assert (refused.status, refused.detail, refused.where) == (status, detail, "nvmemfile_list")

    @pytest.mark.parametrize(
        "error", [ZeroDivisionError("division"), KeyError("x"), AssertionError(), RecursionError()]
    )
    def test_bugs_become_failed(self, session, error, monkeypatch):
        """Anything else is a bug: Failed, without its text, which stays with the error and its
        traceback as the cause for the log.
        """

        def fail(_session, _request):
            raise error

        monkeypatch.setitem(COMMANDS, m.ListNvmemfiles, fail)
        refused = refuse(session, m.ListNvmemfiles())

        assert refused.status is Status.Failed
        assert refused.detail == "an internal error in nvmemfile_list; the machine's log has it"
        assert refused.__cause__ is error
        assert error.__traceback__ is not None

    def test_a_bug_is_one_requests_matter(self, session, monkeypatch):
        """After a bug the session goes on with what it had."""
        key = hash_key(session)
        with monkeypatch.context() as patch:
            patch.setitem(COMMANDS, m.ListNvmemfiles, lambda _session, _request: 1 // 0)
            refuse(session, m.ListNvmemfiles())

        assert [file.file for file in ask(session, m.ListNvmemfiles()).files] == [key.file]

    def test_every_state_error_has_a_status(self):
        """No error of the state's family is taken for a bug."""
        family = [
            kind
            for kind in vars(errors).values()
            if isinstance(kind, type) and issubclass(kind, errors.StateError)
        ]

        assert len(family) > 8
        for kind in family:
            assert refusal(m.ListSlots(), kind("text")).status is not Status.Failed

    def test_a_process_that_ends_is_not_held(self, session, monkeypatch):
        """What is not an Exception, such as the order to end the process, goes through."""

        def end(_session, _request):
            raise SystemExit(3)

        monkeypatch.setitem(COMMANDS, m.ListNvmemfiles, end)
        with pytest.raises(SystemExit):
            answer(session, m.ListNvmemfiles())

    def test_an_unknown_request_is_a_bug(self, session):
        """A request that is in no table is Failed, not an exception in the caller's face."""

        class Stranger:
            """A request of nobody."""

            NAME = WHERE = "stranger"

        assert answer(session, Stranger()).status is Status.Failed

    @pytest.mark.parametrize("request_class", COMMANDS, ids=lambda made: made.NAME)
    def test_refusals_name_their_command(self, request_class):
        """The name is the request's own, but for the one that the guide prints otherwise."""
        where = (
            "command_see_provisionLMS" if request_class is m.ProvisionLms else request_class.NAME
        )

        assert refusal(request_class, ParameterError("x")).where == where


def test_sessions_do_not_wait_for_each_other(machine):
    """While one session hashes another one is answered."""
    started, go = threading.Event(), threading.Event()
    original = machine.engine.leaf_nodes

    def slow(*arguments):
        started.set()
        assert go.wait(10)
        return original(*arguments)

    machine.engine.leaf_nodes = slow
    one = Session(machine)
    handle = ask(one, generate()).handle
    replies = []
    thread = threading.Thread(
        target=lambda: replies.append(answer(one, m.ContinueLms(handle=handle)))
    )
    thread.start()
    assert started.wait(10)
    for request in (HELLO, m.ListNvmemfiles(), m.ListSlots(), generate()):
        ask(Session(machine), request)
    assert replies == []
    go.set()
    thread.join()

    assert replies[0].remaining == 4
