"""`seemachine sign` of standard input and pipes, and to standard output."""

import errno
import io
import os
import sys
from pathlib import Path

import pytest
from kit.typed import Command, Leaves, Run, pipe_in
from signing_files.named_files import check, put

from seemachine.signing_files import sources
from seemachine.signing_files.places import FormedPlaces
from seemachine.testing import BlockingFleet
from seemachine.wire.status import Status, StatusError


def test_standard_input(
    fleet: BlockingFleet, done: Run, refused: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is signed to a file or to standard output; an empty one is refused."""
    pipe_in(monkeypatch, b"from a pipe")
    done("sign rel - --out made")
    check(fleet, b"from a pipe", "made")
    pipe_in(monkeypatch, b"from a pipe")
    Path("made2").write_text(done("sign rel - --format base64 --out -"))
    assert check(fleet, b"from a pipe", "made2") == "base64"
    pipe_in(monkeypatch, b"")
    assert "standard input is empty; nothing was signed" in refused("sign rel - --out made3")
    pipe_in(monkeypatch, b"x")
    assert "has no place beside it; name a file" in refused("sign rel -")
    put("a")
    pipe_in(monkeypatch, b"x")
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


class ClosedPipe(FullPipe):
    """Nobody reads it."""

    def write(self, _data: object) -> int:
        """As the system says it."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


@pytest.mark.parametrize(
    ("alias", "lost"), [("rel", "the signature is lost, and so is leaf "), ("ml", "is lost")]
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
    assert lost in told
    assert "signed over" not in told


def test_a_leaf_whose_signature_nobody_reads_is_named(
    refused: Run, leaves: Leaves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever closed the pipe: no other command asks again for what is lost."""
    put("a")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(ClosedPipe()))
        told = refused("sign rel a --out - --format base64")
    assert "nobody reads standard output; the signature is lost, and so is leaf " in told
    assert leaves() == 1


def test_what_goes_to_standard_output_has_its_leaf_named(command: Command, leaves: Leaves) -> None:
    """On standard error."""
    put("a")
    _, _, told = command("sign rel a --out - --format base64")
    assert "a: signed with leaf " in told
    assert told.endswith("left, over the bytes of the file\n")
    assert leaves() == 1


@pytest.mark.parametrize("pipe", [FullPipe, ClosedPipe])
@pytest.mark.parametrize("words", ["", " --json"])
def test_signatures_that_standard_output_can_not_tell_of(
    words: str,
    pipe: type[FullPipe],
    command: Command,
    leaves: Leaves,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Are all made, and standard error says where; of many the first, and how many."""
    put("a", "b", "c", "d")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(pipe()))
        code, _, told = command(f"sign rel a{words}")
        assert (code, leaves()) == (1, 1)
        assert "seemachine sign: a.sig: signed with leaf " in told
        assert "seemachine sign: 1 signed\n" in told
        assert ("No space left on device" in told) is (pipe is FullPipe)
        code, _, told = command(f"sign rel a b c d --yes{words}")
    assert (code, leaves()) == (1, 3)
    assert "a.sig: already signed\n" in told
    assert "3 more lines are lost\n" in told
    assert "seemachine sign: 3 signed, 1 already signed\n" in told
    assert [Path(f"{name}.sig").exists() for name in "abcd"] == [True] * 4


def test_a_refusal_is_said_though_standard_output_is_full(
    command: Command, leaves: Leaves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was signed, too, and why the rest was not."""
    put("a", "b")
    taken = FormedPlaces.write

    def write(self: FormedPlaces, name: str, signature: bytes) -> None:
        if name == "b.sig":
            raise StatusError(Status.OSErrorErrno, "b.sig: the disk is gone", "sign_folder")
        taken(self, name, signature)

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(FullPipe()))
        patch.setattr(FormedPlaces, "write", write)
        code, _, told = command("sign rel a b --yes")
    assert (code, leaves()) == (1, 2)
    assert "b.sig: the disk is gone; what was asked for is kept; run the same command" in told
    assert "1 of 2 are not signed" in told
    assert "a.sig: signed with leaf" in told
