"""Why state could not be used. Each text is a sentence for the person who runs the machine."""


class StateError(Exception):
    """The family."""


class StateLocked(StateError):
    """Another process holds the state folder."""


class StateCorrupt(StateError):
    """What is stored breaks its own rules. It is left as it is and never signed with."""


class StateForeign(StateCorrupt):
    """Encrypted under a key that is not here: another world's, or this one's while that is missing."""


class StateCopied(StateCorrupt):
    """A file that is not the one that was written last: a copy of it, or an older one from a backup."""


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


class TokenSpent(StateError):
    """A request token that was used for something else."""


class LeaseGone(StateError):
    """What is asked for again can't be made again: its leaves are used up and the time for that is over."""


class CardError(StateError):
    """A card or slot is not as the operation needs it."""
