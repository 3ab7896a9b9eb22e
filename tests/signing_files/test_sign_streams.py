"""`seemachine sign` of standard input and pipes, and to standard output."""

import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from signing_files.named_files import check, put

from seemachine.signing_files import sources
from seemachine.testing import BlockingFleet

Run = Callable[[str], str]
Leaves = Callable[[], int]


def test_standard_input(
    fleet: BlockingFleet, done: Run, refused: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is signed to a file or to standard output; an empty one is refused."""

    def piped(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    piped(b"from a pipe")
    done("sign rel - --out made")
    check(fleet, b"from a pipe", "made")
    piped(b"from a pipe")
    Path("made2").write_text(done("sign rel - --format base64 --out -"))
    assert check(fleet, b"from a pipe", "made2") == "base64"
    piped(b"")
    assert "standard input is empty; nothing was signed" in refused("sign rel - --out made3")
    piped(b"x")
    assert "has no place beside it; name a file" in refused("sign rel -")
    put("a")
    piped(b"x")
    assert "has no place in sigs; name it alone" in refused("sign rel - a --out sigs")


ENDLESS = {
    "rel - --out made": "standard input has more than 1 MiB; put it into a file, and name that",
    "rel /dev/zero --out made": "/dev/zero has more than 1 MiB; put it into a file, and name that",
    "rel --manifest - --out made": "standard input has more than 1 MiB",
    "rel --manifest /dev/zero --out made": "/dev/zero has more than 64 MiB, which no list of dig",
}


@pytest.mark.parametrize("words", ENDLESS)
def test_what_never_ends_is_refused(
    words: str, refused: Run, leaves: Leaves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before memory is."""
    monkeypatch.setattr(sources, "MOST_KEPT", 1 << 20)
    with Path("/dev/zero").open() as endless:
        monkeypatch.setattr(sys, "stdin", endless)
        assert ENDLESS[words] in refused(f"sign {words}")
    assert leaves() == 0


def test_a_pipe_that_gives_nothing_is_refused(refused: Run, leaves: Leaves) -> None:
    """As standard input is: a command that failed may have left it so."""
    assert "/dev/null is empty; nothing was signed" in refused("sign rel /dev/null --out made")
    assert leaves() == 0


def test_a_closed_standard_output_takes_no_leaf(
    refused: Run, leaves: Leaves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would have the signature."""
    put("a")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "__stdout__", None)
        assert "standard output is closed; name a file with --out" in refused("sign rel a --out -")
    assert leaves() == 0


class FullPipe(io.BytesIO):
    """Takes nothing."""

    def flush(self) -> None:
        """Nothing is left behind either."""

    def write(self, _data: object) -> int:
        """As the system says it."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("alias", "lost"), [("rel", "the signature is lost, and so is its leaf"), ("ml", "is lost")]
)
def test_a_signature_that_nobody_gets_is_said_to_be_lost(
    alias: str, lost: str, refused: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not to be made; of ML-DSA no leaf is."""
    put("a")
    full = io.TextIOWrapper(FullPipe())
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        told = refused(f"sign {alias} a --out - --format base64").strip()
    assert "standard output: No space left on device" in told
    assert told.endswith(lost)
    assert "signed over" not in told
