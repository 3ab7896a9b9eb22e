"""Why state could not be used. Each text is a sentence for the person who runs the machine."""

import os
from pathlib import Path


class StateError(Exception):
    """The family."""


class StateLocked(StateError):
    """Another process holds the state folder."""


class StateCorrupt(StateError):
    """What is stored breaks its own rules. It is left as it is and never signed with."""


class StateForeign(StateCorrupt):
    """Encrypted under a key that is not here: another world's, or this one's while that
    is missing.
    """


class StateOtherVersion(StateForeign):
    """Written by another version of seemachine. Not damaged, and not to be given up."""


class StateCopied(StateCorrupt):
    """A file that is not the one that was written last: a copy of it, or an older one from a
    backup.
    """


class StateLinked(StateCopied):
    """A file with a second name: what is taken from it could be taken from it there too."""


class StateUnsafe(StateError):
    """The storage does not keep the promise of durability, so nothing is served from it."""


class StateFailed(StateError):
    """A write did not become durable. What it would have allowed did not happen."""


class DiskFull(StateFailed):
    """A write found no room. The disk is otherwise in order: later writes may succeed."""


class FileExists(StateError):
    """The NVRAM already holds a file of that name."""


class LeaseSpent(StateError):
    """Some of these leaves were in this NVRAM before."""


class LeaseQuarantined(StateError):
    """Whether its leaves were used elsewhere is not known; an operator decides."""


class NotAcknowledged(StateError):
    """A lease is down to its threshold, and nobody says why to use one more of its leaves."""


class NothingToAcknowledge(StateError):
    """A reason is given for what needs none: given always, it would be none when it is needed."""


class TokenSpent(StateError):
    """A request token that was used for something else."""


class LeaseGone(StateError):
    """What is asked for again can't be made again: its leaves are used up and the time for that is
    over.
    """


class CardError(StateError):
    """A card or slot is not as the operation needs it."""


def counted(number: int, what: str) -> str:
    """`1 lease`, `2 leases`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def reason(error: BaseException) -> str:
    """Why something was refused, in a sentence; for what the system refuses too, without its
    numbers.
    """
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    if not isinstance(error.filename, str | bytes):
        return error.strerror
    path = Path(os.fsdecode(error.filename))
    if isinstance(error, FileExistsError | NotADirectoryError):
        file = next(
            (
                each
                for each in (*reversed(path.parents), path)
                if each.exists() and not each.is_dir()
            ),
            None,
        )
        if file is not None:
            return f"{file} is not a folder"
    return f"{path}: {error.strerror}"
