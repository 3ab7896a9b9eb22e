"""What is remembered of a machine's NVRAM outside of it, so that an NVRAM that was copied or put back is noticed.

    witness/<ESN>.mark      the last opening: which NVRAM, how manieth time, where it lay; replaced as a whole
    witness/<ESN>.leaves    per lease the next leaf, as far as known; written after the NVRAM, without a flush

The first is exact. The second may lag behind after a power cut, never run ahead. The lock on it lasts as long as the machine runs, so that
of an NVRAM and its copy only one is in use.
"""

import contextlib
import fcntl
import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seemachine.state.durable import PRIVATE_FILE, private_folder, replace_file, settle
from seemachine.state.errors import StateCorrupt, StateLocked
from seemachine.state.places import same_file
from seemachine.state.sealed import seal, unseal

IDENTITY_BYTES, NONCE_BYTES = 16, 8


@dataclass(frozen=True, slots=True)
class Mark:
    """One opening of an NVRAM. `identity` is the NVRAM's for life, `nonce` this opening's alone, `place` tells a folder from its copy."""

    identity: bytes
    epoch: int
    nonce: bytes
    place: bytes = b""

    def __post_init__(self) -> None:
        types = [type(part) for part in (self.identity, self.epoch, self.nonce, self.place)]
        if types != [bytes, int, bytes, bytes] or (len(self.identity), len(self.nonce)) != (IDENTITY_BYTES, NONCE_BYTES) or self.epoch < 0:
            raise StateCorrupt("an opening of an NVRAM that is none")


@dataclass(frozen=True, slots=True)
class Past:
    """What an NVRAM says of itself: its last opening, what the witness held before that, and a doubt that is not settled."""

    last: Mark
    before: tuple[int, bytes] = (0, b"")
    doubt: str = ""


class Witness(Protocol):
    """The memory of one machine's NVRAM. Raises OSError, StateLocked, StateCorrupt."""

    def last(self) -> Mark | None:
        """The last opening that it saw."""

    def advance(self, before: Mark | None, after: Mark) -> None:
        """Remember an opening, durably, in place of the one that `last` gave. Raises StateLocked when somebody else was faster."""

    def note(self, name: bytes, first: int, following: int) -> None:
        """A lease, by its file and first leaf, has its next leaf at `following`. Quick; never raises."""

    def noted(self, name: bytes) -> dict[int, int]:
        """The next leaf of each lease of a file, by first leaf: not less than this is gone."""

    def refresh(self) -> None:
        """Now and then: what was noted is made sure of. Raises StateLocked when somebody else vouches for another by now, StateFailed."""

    def release(self) -> None:
        """The machine stops."""


class NoWitness:
    """For an NVRAM that forgets, or that nobody vouches for."""

    def last(self) -> Mark | None:
        """See Witness."""
        return None

    def advance(self, before: Mark | None, after: Mark) -> None:
        """See Witness."""

    def note(self, name: bytes, first: int, following: int) -> None:
        """See Witness."""

    def noted(self, name: bytes) -> dict[int, int]:
        """See Witness."""
        del name
        return {}

    def refresh(self) -> None:
        """See Witness."""

    def release(self) -> None:
        """See Witness."""


SLOT = struct.Struct(">12sQQ12s")
CHECKED = SLOT.size - 12


class FolderWitness:
    """See Witness. `folder` may be shared by all machines of a world, and should not be copied or put back together with them."""

    def __init__(self, folder: Path, esn: str) -> None:
        self._path = private_folder(folder) / f"{esn}.mark"
        self._leaves = os.open(folder / f"{esn}.leaves", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            fcntl.flock(self._leaves, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._leaves)
            raise StateLocked(f"an NVRAM of {esn} is in use already: {folder} vouches for one at a time; stop the other first") from None
        self._slots: dict[bytes, dict[int, tuple[int, int]]] = {}
        try:
            # A mark whose name the last process did not flush: the NVRAM will refer to it, and must not outlive it.
            settle(folder)
            self._count = self._read_leaves()
        except BaseException:
            os.close(self._leaves)
            raise

    def last(self) -> Mark | None:
        """See Witness."""
        if not self._path.exists():
            return None
        values = unseal(self._path.read_bytes(), str(self._path))
        try:
            return Mark(**values)
        except (TypeError, StateCorrupt):
            raise StateCorrupt(f"{self._path}: not a record of this version") from None

    def advance(self, before: Mark | None, after: Mark) -> None:
        """See Witness."""
        if self.last() != before:
            raise StateLocked(f"{self._path} was changed meanwhile; start again")
        values = {"identity": after.identity, "epoch": after.epoch, "nonce": after.nonce, "place": after.place}
        replace_file(self._path, seal(values))

    def note(self, name: bytes, first: int, following: int) -> None:
        """See Witness."""
        slots = self._slots.setdefault(name, {})
        if first not in slots:
            slots[first] = (self._count, following)
            self._count += 1
        number, known = slots[first]
        slots[first] = (number, max(known, following))
        # A note that is lost is one chance less to notice; the signature is in order.
        with contextlib.suppress(OSError):
            os.pwrite(self._leaves, _slot(name, first, max(known, following)), number * SLOT.size)

    def noted(self, name: bytes) -> dict[int, int]:
        """See Witness."""
        return {first: following for first, (_, following) in self._slots.get(name, {}).items()}

    def refresh(self) -> None:
        """See Witness. The lock is the process's, so nobody else can have it."""

    def release(self) -> None:
        """See Witness."""
        try:
            with contextlib.suppress(OSError):
                os.fsync(self._leaves)
        finally:
            os.close(self._leaves)

    def _read_leaves(self) -> int:
        """The notes, and how many places for them there are. A torn one counts as none: what it said was a lower bound."""
        data = os.pread(self._leaves, os.fstat(self._leaves).st_size, 0)
        for number, start in enumerate(range(0, len(data) - SLOT.size + 1, SLOT.size)):
            name, first, following, check = SLOT.unpack_from(data, start)
            if check == _check(data[start : start + CHECKED]):
                self._slots.setdefault(name[:11], {})[first] = (number, following)
        return -(-len(data) // SLOT.size)


def _slot(name: bytes, first: int, following: int) -> bytes:
    packed = SLOT.pack(name, first, following, b"")[:CHECKED]
    return packed + _check(packed)


def _check(packed: bytes) -> bytes:
    return hashlib.sha256(packed).digest()[:12]


def doubt_about(past: Past, last: Mark | None, place: bytes) -> str:
    """Why an NVRAM may not be the one that was used last; empty when all is well."""
    fresh = past.last.epoch == 0
    if last is None or last.identity != past.last.identity:
        return "" if fresh else "its witness has never seen it: it was copied or put back, or the witness was lost"
    seen, known = (last.epoch, last.nonce), ((past.last.epoch, past.last.nonce), past.before)
    if seen not in known:
        return f"it was opened {last.epoch} times as its witness knows, but this one counts {past.last.epoch}: it was put back, or copied"
    if last.place and not same_file(last.place, place):
        return "its folder is not the one that it was in: this is a copy, or was put back from one"
    return ""
