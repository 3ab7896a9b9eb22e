"""table.py: which functions become commands, and that none is missing."""

import pytest

from seemachine.commands.table import COMMANDS, check_whole, command
from seemachine.machine import Session
from seemachine.wire import messages as m


def test_each_command_is_the_function_that_names_its_request():
    """The table's keys are the classes in the heads of its functions."""
    for kind, handler in COMMANDS.items():
        assert handler.__annotations__["request"] is kind
        assert handler.__annotations__["return"] is kind.Reply


def test_a_request_without_a_function_fails_at_import(monkeypatch):
    """The last line of the import names all that are missing, and says what to do."""
    check_whole(m.REQUESTS.values())
    monkeypatch.delitem(COMMANDS, m.ListSlots)
    monkeypatch.delitem(COMMANDS, m.ReadLedger)
    with pytest.raises(TypeError, match="answers slot_list, nvram_ledger; write one under @comm"):
        check_whole(m.REQUESTS.values())


def test_a_function_that_names_no_request_is_no_command():
    """Neither without a word about it nor with some other class."""

    def silent(session, request):
        """Says nothing."""

    def other(session: Session, request: m.Greeting) -> m.Greeting:
        """Takes a reply."""

    for handler in (silent, other):
        with pytest.raises(TypeError, match=r"its `request` is of no class of requests$"):
            command(handler)


def test_a_function_returns_the_reply_of_its_request(monkeypatch):
    """Another promise would be a bug at the first request."""
    monkeypatch.delitem(COMMANDS, m.ListSlots)

    def listing(session: Session, request: m.ListSlots) -> m.Slot:
        """Promises one slot."""

    with pytest.raises(TypeError, match=r"must return SlotListing, the reply of slot_list$"):
        command(listing)
    assert m.ListSlots not in COMMANDS


def test_a_request_has_one_function():
    """A second one would silently take the place of the first."""

    def listing(session: Session, request: m.ListSlots) -> m.SlotListing:
        """Comes second."""

    before = COMMANDS[m.ListSlots]
    with pytest.raises(TypeError, match=r"is the second command for slot_list$"):
        command(listing)
    assert COMMANDS[m.ListSlots] is before
