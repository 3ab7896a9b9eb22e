"""Card sets whose secret a machine holds: loaded with their cards, used without them.

A secret is in memory alone, under a handle of random bytes that whoever loaded it may pass on. It
is there until that connection ends.
"""

from collections.abc import Callable

from seemachine.frozen import field, frozen
from seemachine.wire.names import HANDLE_BYTES


@frozen
class LoadedSet:
    """A card set, by its hash, and its secret."""

    cardset: bytes
    secret: bytes = field(repr=False)


class Tokens:
    """The loaded card sets of one machine. Calls may come from several threads: each is one step of
    a dictionary.
    """

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._loaded: dict[bytes, LoadedSet] = {}

    def add(self, loaded: LoadedSet) -> bytes:
        """Hold a set, and return its handle."""
        handle = self._random(HANDLE_BYTES)
        self._loaded[handle] = loaded
        return handle

    def get(self, handle: bytes) -> LoadedSet | None:
        """What is loaded under a handle."""
        return self._loaded.get(handle)

    def forget(self, handle: bytes) -> None:
        """Hold it no longer. Once more does no harm."""
        self._loaded.pop(handle, None)

    def __len__(self) -> int:
        return len(self._loaded)
