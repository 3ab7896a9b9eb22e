"""Half-made keys: what they are called, and what is asked of whatever keeps them."""

import re
from typing import Any, Protocol

MAX_LABELS = 64
MAX_LABEL = 64
_LABEL = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)

Head = dict[str, Any]


class Checkpoints(Protocol):
    """Where half-made keys are kept, by label.

    Changes are durable when a call returns. Raises OSError, StateCorrupt.
    """

    def labels(self) -> list[str]:
        """The labels of all half-made keys, sorted."""

    def create(self, label: str, head: Head) -> None:
        """Begin a key, in place of any other of that label."""

    def rewrite(self, label: str, head: Head) -> None:
        """Replace what is known of a key.

        Called without the seeds of a lease before that lease is written anywhere else.
        """

    def append(self, label: str, index: int, row: bytes) -> None:
        """Add the row of chunk `index`; all rows of a key have one length."""

    def load(self, label: str, row_bytes: int) -> list[bytes]:
        """The rows of the chunks that are done, from the first on; what follows a torn one is cut
        off.
        """

    def head(self, label: str) -> Head | None:
        """What is known of a key; None when there is none of that label."""

    def discard(self, label: str) -> None:
        """Forget a key, or find it forgotten."""

    def suspend(self, reason: str) -> None:
        """Destroy all half-made keys, whose seeds may have been given away elsewhere, and remember
        that it was done.
        """

    def suspended(self) -> list[tuple[str, str]]:
        """Labels of those keys, each with a number after it, and why."""

    def discard_suspended(self, label: str) -> None:
        """Remember one of those no longer."""


class NoCheckpoints:
    """For machines that forget everything anyway."""

    def labels(self) -> list[str]:
        """See Checkpoints."""
        return []

    def create(self, label: str, head: Head) -> None:
        """See Checkpoints."""

    def rewrite(self, label: str, head: Head) -> None:
        """See Checkpoints."""

    def append(self, label: str, index: int, row: bytes) -> None:
        """See Checkpoints."""

    def load(self, label: str, row_bytes: int) -> list[bytes]:
        """See Checkpoints."""
        del label, row_bytes
        return []

    def head(self, label: str) -> Head | None:
        """See Checkpoints."""
        del label
        return None

    def discard(self, label: str) -> None:
        """See Checkpoints."""

    def suspend(self, reason: str) -> None:
        """See Checkpoints."""

    def suspended(self) -> list[tuple[str, str]]:
        """See Checkpoints."""
        return []

    def discard_suspended(self, label: str) -> None:
        """See Checkpoints."""


def is_label(text: str) -> bool:
    """Whether a key in the making may be called so: up to 64 lower-case letters, digits and
    hyphens.
    """
    return _LABEL.fullmatch(text) is not None
