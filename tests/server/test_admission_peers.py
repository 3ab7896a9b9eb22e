"""Which of the peers that are gone is forgotten first."""

import pytest
from trio.testing import MockClock

from seemachine.config import LimitSettings
from seemachine.server import admission
from seemachine.server.admission import Admission


async def test_who_was_here_last_is_remembered(
    monkeypatch: pytest.MonkeyPatch, mock_clock: MockClock
) -> None:
    """Of three, two of which may be remembered, the one that came again stays: what it spent is not
    given back by another's coming.
    """
    monkeypatch.setattr(admission, "PEERS_REMEMBERED", 2)
    places = Admission(LimitSettings())
    for host in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3"):
        places.admit(host).leave()
    assert list(places._peers) == ["192.0.2.1", "192.0.2.3"]
