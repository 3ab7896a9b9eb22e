"""received.py: signals in place of what they would do."""

import os
import signal

from seemachine.temporary.received import Received


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
