"""What a machine finds at its start in a file that is in quarantine already."""

import pytest
from kit.commands import hash_key

from seemachine.commands import quarantine
from seemachine.machine import Machine, Session


def test_the_first_reason_stays(
    machine: Machine, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else is wrong with its lease: a person decided nothing yet."""
    key, other = hash_key(session), hash_key(session)
    machine.store.quarantine(key.file, "the first reason")
    monkeypatch.setattr(quarantine, "problem_of", lambda _lease: "no lease of any key")

    assert quarantine.inspect(machine) == ["no lease of any key", "the first reason"]
    found = [machine.store.get(each.file) for each in (key, other)]
    assert [file and file.quarantine for file in found] == [
        "the first reason",
        "no lease of any key",
    ]
