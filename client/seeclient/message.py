"""What is signed and verified."""

from collections.abc import Iterator
from pathlib import Path

from seeclient import files
from seemachine.wire.status import Status, StatusError

PIECE_BYTES = 1 << 20
# Of what can be read only once, and so is kept in memory.
MOST_KEPT = 256 << 20


class Message:
    """Bytes, or a file of any size that is read in pieces as often as needed.

    Raises StatusError when the file can't be read.

    What gives its bytes only once, such as a pipe, is kept in memory: at most MOST_KEPT bytes.
    """

    def __init__(self, source: bytes | Path) -> None:
        if not isinstance(source, bytes | Path):
            raise TypeError(
                f"a message is bytes, or the Path of a file, not {type(source).__name__}"
            )
        self._source = source

    def pieces(self) -> Iterator[bytes]:
        """The message from its beginning."""
        self._keep()
        if isinstance(self._source, bytes):
            yield self._source
            return
        try:
            with self._source.open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece
        except OSError as error:
            raise unreadable(self._source, error) from None

    def at_most(self, size: int) -> bytes | None:
        """The whole message, or None when it is longer than `size` bytes."""
        self._keep()
        if isinstance(self._source, bytes):
            return self._source if len(self._source) <= size else None
        try:
            with self._source.open("rb") as file:
                data = file.read(size + 1)
        except OSError as error:
            raise unreadable(self._source, error) from None
        return data if len(data) <= size else None

    def first(self, size: int) -> bytes:
        """The first bytes of the message, at most so many."""
        if isinstance(self._source, bytes):
            return self._source[:size]
        try:
            with self._source.open("rb") as file:
                return file.read(size)
        except OSError as error:
            raise unreadable(self._source, error) from None

    def _keep(self) -> None:
        source = self._source
        if isinstance(source, bytes) or source.is_file() or not source.exists():
            return
        try:
            with source.open("rb") as stream:
                kept = stream.read(MOST_KEPT + 1)
        except OSError as error:
            raise unreadable(source, error) from None
        if len(kept) > MOST_KEPT:
            raise _endless(source)
        self._source = kept


def unreadable(path: Path, error: OSError) -> StatusError:
    """A file of the user's that can't be read."""
    return files.refusal(path, error, "read_file")


def _endless(path: Path) -> StatusError:
    reason = f"{path}: it has more than {MOST_KEPT >> 20} MiB; put them into a file, and name that"
    return StatusError(Status.OSErrorErrno, reason, "read_file")
