"""Messages that are to be signed, several in one go, and what becomes of each."""

from collections.abc import Callable, Sequence

from seeclient.message import Message
from seeclient.results import Signed
from seemachine.frozen import frozen
from seemachine.wire.status import StatusError


class Wanted:
    """A message, its place among those that are to be signed, and the outcome.

    `token`, 16 bytes, is the caller's name for the signature, or the client's from when it is asked
    for; another one takes its place where its leaf is lost. `asked` is the note of whoever was
    asked for it before: see seeclient.signing_options.SigningOptions.
    """

    __slots__ = ("asked", "message", "outcome", "place", "token")

    def __init__(self, place: int, message: Message, token: bytes = b"", asked: str = "") -> None:
        self.place = place
        self.message = message
        self.token = token
        self.asked = asked
        self.outcome: Signed | StatusError | None = None


# Called with some of what is wanted and a note, before the machine of the note is asked for it.
Asking = Callable[[Sequence[Wanted], str], None]
# Called with each that is signed, when it is.
Progress = Callable[[int, Signed], None]


def unseen(place: int, signed: Signed) -> None:
    """For those who wait for the end."""


@frozen
class Watch:
    """Who hears of it; `asking` is None where nobody keeps notes."""

    progress: Progress = unseen
    asking: Asking | None = None


UNWATCHED = Watch()


def left(wanted: Sequence[Wanted]) -> list[Wanted]:
    """Those without an outcome."""
    return [each for each in wanted if each.outcome is None]
