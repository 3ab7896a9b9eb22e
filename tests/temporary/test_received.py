"""received.py: signals in place of what they would do."""

import os
import signal

import pytest

from seemachine.temporary import received as module
from seemachine.temporary.received import OwnSignals, Received


def test_signals_are_read_in_their_order() -> None:
    """Also one that was blocked; one that was ignored stays so, and all is as before then."""
    blocked, ignored = signal.SIGUSR1, signal.SIGUSR2
    before = signal.signal(ignored, signal.SIG_IGN)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [blocked])
    try:
        with Received() as received:
            for number in (signal.SIGHUP, ignored, blocked):
                os.kill(os.getpid(), number)
            assert received.wait(10) == bytes([signal.SIGHUP, blocked])
            assert received.wait(0) == b""
        assert blocked in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        assert signal.getsignal(ignored) is signal.SIG_IGN
        assert signal.getsignal(blocked) is signal.SIG_DFL
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(ignored, before)


def test_what_is_sent_to_the_group_comes_to_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each counts once, and only for a moment: one that came here alone stands for no other."""
    own = OwnSignals()
    own.note(bytes([signal.SIGINT, signal.SIGINT, signal.SIGTERM]))
    assert [own.had(signal.SIGINT) for _ in range(3)] == [True, True, False]
    assert not own.had(signal.SIGHUP)
    monkeypatch.setattr(module, "AT_ONCE", -1.0)
    assert not own.had(signal.SIGTERM)
