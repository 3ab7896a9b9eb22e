"""status.py: what a refusal says."""

import pytest

from seemachine.wire.status import LocalMisuse, PeerMisuse, ProtocolError, Status, StatusError

# Printed by the guide, or first in the vendor's published list.
NUMBERS = {
    "OK": 0,
    "UnknownCommand": 1,
    "Malformed": 3,
    "UnknownID": 4,
    "AccessDenied": 5,
    "ObjectInUse": 6,
    "UseLimitExceeded": 7,
    "VerifyFailed": 11,
    "InvalidParameter": 24,
    "OSErrorErrno": 57,
    "NotAvailable": 73,
}


@pytest.mark.parametrize(("name", "number"), NUMBERS.items())
def test_a_known_status_prints_name_and_number(name, number):
    """As in the guide: NotAvailable(73)."""
    assert Status[name] == number
    assert Status[name].printed == f"{name}({number})"


def test_a_status_without_a_public_number_prints_its_name_alone():
    """No number is made up for Failed."""
    assert Status.Failed.printed == "Failed"


def test_no_two_statuses_share_a_number():
    """A number on the wire is one status."""
    assert len({int(status) for status in Status.__members__.values()}) == len(Status.__members__)


@pytest.mark.parametrize("status", Status)
def test_an_error_prints_status_and_sentence(status):
    """Status, a colon, the sentence; the place is kept beside it."""
    error = StatusError(status, "no blank card in slot 2", "command_see_provisionLMS")

    assert str(error) == f"{status.printed}: no blank card in slot 2"
    assert (error.status, error.name, error.detail, error.where) == (
        status,
        status.name,
        "no blank card in slot 2",
        "command_see_provisionLMS",
    )


def test_an_error_need_not_say_where():
    """The place is empty when none is given."""
    assert StatusError(Status.Failed, "gone").where == ""


def test_a_peer_s_misuse_has_last_words():
    """They carry its status and its sentence, Malformed unless it says otherwise, and blame request
    0 unless it is known.
    """
    plain = PeerMisuse("not a frame")
    exact = PeerMisuse("unknown command", Status.UnknownCommand, 7)

    assert (plain.refusal.status, plain.refusal.detail, plain.number) == (
        Status.Malformed,
        "not a frame",
        0,
    )
    assert (exact.refusal.status, exact.refusal.detail, exact.number) == (
        Status.UnknownCommand,
        "unknown command",
        7,
    )
    assert str(exact) == "unknown command"


def test_both_misuses_are_told_from_an_ordinary_no():
    """A shell closes on ProtocolError and goes on after StatusError."""
    assert issubclass(LocalMisuse, ProtocolError)
    assert issubclass(PeerMisuse, ProtocolError)
    assert not issubclass(StatusError, ProtocolError)
