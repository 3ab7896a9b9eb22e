"""Card sets whose secret a machine holds: loaded with their cards, used without them.

A secret is in memory alone, under a handle of random bytes that whoever loaded it may pass on. It
is there until that connection ends.
"""

import threading
from collections.abc import Callable

from seemachine.wire.names import HANDLE_BYTES
from seemachine.wire.status import Status, StatusError


class Tokens:
    """The loaded card sets of one machine. Safe to use from several threads."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._loaded: dict[bytes, tuple[bytes, bytes]] = {}
        self._lock = threading.Lock()

    def add(self, cardset: bytes, secret: bytes) -> bytes:
        """Hold the secret of the set with this hash, and return its handle."""
        handle = self._random(HANDLE_BYTES)
        with self._lock:
            self._loaded[handle] = cardset, secret
        return handle

    def secret(self, handle: bytes, cardset: bytes) -> bytes:
        """The secret of a set. Raises StatusError AccessDenied: this handle does not have it."""
        found, secret = self._loaded.get(handle, (b"", b""))
        if not found:
            raise StatusError(
                Status.AccessDenied,
                f"the card set {cardset.hex()} is not loaded; load it again, with its cards in the"
                " slots",
            )
        if found != cardset:
            raise StatusError(
                Status.AccessDenied,
                f"another card set is loaded, {found.hex()}; the key is protected by"
                f" {cardset.hex()}",
            )
        return secret

    def forget(self, handle: bytes) -> None:
        """Hold it no longer. Once more does no harm."""
        with self._lock:
            self._loaded.pop(handle, None)

    def __len__(self) -> int:
        return len(self._loaded)
