"""What a message is of: bytes, a file of any size, or a pipe, which gives its bytes once."""

from collections.abc import Iterator
from pathlib import Path

from seeclient.message import PIECE_BYTES, unreadable

from seemachine.cms.errors import CmsError

Content = bytes | Path
# Of what is put into a message, or must be kept because it comes once. A message of this size takes
# some hundreds of MiB of memory.
MOST_KEPT = 64 << 20


def pieces(content: Content) -> Iterator[bytes]:
    """Its bytes, not kept. Raises StatusError for a file that can't be read."""
    if isinstance(content, bytes):
        yield content
        return
    try:
        with content.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece
    except OSError as error:
        raise unreadable(content, error) from None


def whole(content: Content) -> bytes:
    """All of its bytes. Raises CmsError where they are too many; StatusError."""
    found = bytearray()
    for piece in pieces(content):
        found += piece
        if len(found) > MOST_KEPT:
            raise CmsError(
                f"more than {MOST_KEPT >> 20} MiB are not kept; name a file, and leave it detached"
            )
    return bytes(found)


def repeatable(content: Content) -> Content:
    """The same, to be read as often as is wanted. Raises CmsError, StatusError."""
    if isinstance(content, bytes) or content.is_file() or not content.exists():
        return content
    return whole(content)


def beginning(content: Content, size: int) -> bytes:
    """So many bytes of one that can be read again, or all where there are fewer."""
    found = bytearray()
    for piece in pieces(content):
        found += piece
        if len(found) >= size:
            break
    return bytes(found[:size])
