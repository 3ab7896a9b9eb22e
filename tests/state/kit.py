"""What the tests of this folder share: leases without mathematics, the three stores, and disks that
fail when told to.
"""

import errno
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seemachine.state.disk import durable
from seemachine.state.errors import DiskFull, StateFailed
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.ledger import Order, message_bound
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.state.records import StoredLease
from seemachine.state.witness.folder import FolderWitness

# The child processes of these tests import this file too, and pytest would be most of their start.
if TYPE_CHECKING:
    import pytest

ESN, OTHER_ESN = "7852-268D-3BF9", "5F08-02E0-D947"


def lease(key: int = 1, first: int = 0, end: int = 32, n: int = 32) -> StoredLease:
    """Leaves `first` to `end` of a made-up key, told apart by its number.

    The seed is the same text in every test, easy to look for.
    """
    types = bytes.fromhex("0000000500000003" if n == 32 else "0000000a00000007")
    identifier, root = (
        hashlib.shake_256(b"I%d" % key).digest(16),
        hashlib.shake_256(b"T%d" % key).digest(n),
    )
    return StoredLease(
        types + identifier + root,
        first,
        end,
        f"seed {key} {first} {end} ".encode().ljust(n, b".")[:n],
        b"p" * n,
    )


def name(key: int = 1) -> bytes:
    """The NVRAM file of that key."""
    return lease(key).name


def order(
    of: bytes, token: bytes | None = None, message: bytes = b"message", client: str = "test"
) -> Order:
    """A new wish for a leaf, or one asked again."""
    return Order(of, token or os.urandom(16), message_bound(message), client)


def take(store: MirroredStore, names: list[bytes]) -> list[Any]:
    """Reserve a leaf of each named file, for orders that nobody asked before."""
    return store.reserve([order(each) for each in names])


def leaves(reserved: list[Any]) -> list[int | None]:
    """The leaves of a batch of reservations."""
    return [None if each is None else each.leaf for each in reserved]


@dataclass(frozen=True)
class Kind:
    """A kind of store and how to open it."""

    name: str
    open: Callable[[Path], MirroredStore]
    durable: bool


def witnessed(kind: Kind, folder: Path) -> MirroredStore:
    """A durable store with the witness that lies beside its folder."""
    witness = FolderWitness(folder.parent / "witness", ESN)
    try:
        return {"sqlite": SqliteStore, "file": FileStore}[kind.name](folder, witness)
    except BaseException:
        witness.release()
        raise


SQLITE = Kind("sqlite", SqliteStore, durable=True)
FILE = Kind("file", FileStore, durable=True)
MEMORY = Kind("memory", lambda _folder: MemoryStore(), durable=False)
KINDS = (SQLITE, FILE, MEMORY)
DURABLE = (SQLITE, FILE)


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder for tests that open stores hundreds of times: in memory where the system offers
    that.
    """
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


class Fault:
    """A failure that waits.

    Every place where a write can fail calls `strike`; the one that was chosen with `arm` does.
    """

    def __init__(self) -> None:
        self.full = False
        self.fired = False
        self.hook: Callable[[], None] | None = None
        self._left: int | None = None

    def arm(self, at: int, *, full: bool = False, hook: Callable[[], None] | None = None) -> None:
        """At the place number `at` from now call `hook`, or fail, for want of room or for another
        reason.
        """
        self._left, self.full, self.hook, self.fired = at, full, hook, False

    def disarm(self) -> None:
        """All is well again."""
        self._left, self.fired = None, False

    def strike(self, error: Callable[[bool], Exception]) -> None:
        """A place where a write can fail."""
        if self._left is None:
            return
        if self._left:
            self._left -= 1
            return
        self._left, self.fired = None, True
        if self.hook is None:
            raise error(self.full)
        self.hook()


def os_error(full: bool) -> OSError:
    """What the system says."""
    number = errno.ENOSPC if full else errno.EIO
    return OSError(number, os.strerror(number))


def sqlite_error(full: bool) -> sqlite3.OperationalError:
    """What SQLite says."""
    error = sqlite3.OperationalError("database or disk is full" if full else "disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_IOERR_FSYNC
    return error


class FaultyOs:
    """The `os` of seemachine.state.disk.durable, with a disk behind it that fails on demand."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def __getattr__(self, attribute: str) -> Any:
        return getattr(os, attribute)

    def write(self, descriptor: int, data: bytes) -> int:
        """Write all of it, or half of it and fail."""
        try:
            self._fault.strike(os_error)
        except OSError:
            os.write(descriptor, data[: len(data) // 2])
            raise
        return os.write(descriptor, data)

    def pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        """Write all of it, or half of it and fail."""
        try:
            self._fault.strike(os_error)
        except OSError:
            os.pwrite(descriptor, data[: len(data) // 2], offset)
            raise
        return os.pwrite(descriptor, data, offset)

    def fsync(self, _descriptor: int) -> None:
        """Fail. What was written stays where it is, as on a real system: nobody knows."""
        self._fault.strike(os_error)


class FaultyDatabase:
    """A connection whose disk fails on demand: at each statement that writes, and after the commit
    reached the disk.
    """

    def __init__(self, database: sqlite3.Connection, fault: Fault) -> None:
        self._database = database
        self._fault = fault

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._database, attribute)

    def execute(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Fail, or do it; or, for a commit, do it and fail."""
        if not sql.startswith(("SELECT", "PRAGMA")):
            self._fault.strike(sqlite_error)
        done = self._database.execute(sql, values)
        if sql == "COMMIT":
            self._fault.strike(sqlite_error)
        return done


class BrokenPragma:
    """A connection that answers one setting otherwise than it was told, as a build or a file system
    without it would.
    """

    def __init__(self, database: sqlite3.Connection, setting: str, answer: object) -> None:
        self._database = database
        self._question = f"PRAGMA {setting}"
        self._answer = answer

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._database, attribute)

    def execute(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Ask the database, but for that one question."""
        return (
            self._database.execute("SELECT ?", (self._answer,))
            if sql == self._question
            else self._database.execute(sql, values)
        )


class NoSuchPlace(Exception):
    """The operation ended before it came to the place where it was to fail."""


class Disk:
    """Opens stores of one kind on a disk that fails on demand, at place number `place` of an
    operation.
    """

    def __init__(
        self, kind: Kind, folder: Path, patch: "pytest.MonkeyPatch", place: int = 0
    ) -> None:
        self.kind, self.folder, self.place, self.fault = kind, folder, place, Fault()
        if kind is FILE:
            patch.setattr(durable, "os", FaultyOs(self.fault))

    def open(self) -> MirroredStore:
        """The store as it lies on this disk. Opening it never fails."""
        self.fault.disarm()
        store = self.kind.open(self.folder)
        if isinstance(store, SqliteStore):
            store._database = FaultyDatabase(store._database, self.fault)  # type: ignore[assignment]
        if isinstance(store, MemoryStore):
            for write in ("_write_install", "_write"):
                setattr(store, write, self._struck(getattr(store, write)))
        return store

    def _struck(self, write: Callable[[Any], None]) -> Callable[[Any], None]:
        def first_strike(what: Any) -> None:
            self.fault.strike(lambda full: DiskFull("full") if full else StateFailed("broken"))
            write(what)

        return first_strike

    def fail(self, operation: Callable[[], object], *, full: bool) -> StateFailed:
        """Do something with the failure in it, and return what it raised. Raises NoSuchPlace."""
        self.fault.arm(self.place, full=full)
        try:
            operation()
        except StateFailed as error:
            assert self.fault.fired
            return error
        raise NoSuchPlace

    def crash(self, operation: Callable[[], object], copy: Path) -> None:
        """Do something, and keep in `copy` what a process that was killed at that place would leave
        behind.

        Raises NoSuchPlace.
        """
        self.fault.arm(self.place, hook=lambda: shutil.copytree(self.folder, copy) and None)
        operation()
        if not self.fault.fired:
            raise NoSuchPlace


def at_every_place(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test for each durable store with a disk that fails at the first place of an operation,
    at the second, and so on.
    """

    def everywhere(self: object, durable_kind: Kind, monkeypatch: "pytest.MonkeyPatch") -> None:
        for place in count():
            with quick_folder() as folder:
                try:
                    test(self, Disk(durable_kind, folder / "disk", monkeypatch, place))
                except NoSuchPlace:
                    assert place
                    return
                except BaseException as error:
                    error.add_note(f"the operation failed at place {place}")
                    raise

    everywhere.__doc__ = test.__doc__
    return everywhere


def flipped(data: bytes, bit: int) -> bytes:
    """The same bytes but for one bit."""
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


def child(*words: object, within: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start state.children with these words, `within` another command if given.

    Its standard output is a pipe.
    """
    command = [*within, sys.executable, "-m", "state.children", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_after(lines: int, *words: object) -> list[int]:
    """Let a child say that many numbers and kill it. Returns all that it said before it died."""
    process = child(*words)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        said = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        # By the same reader: lines that it took from the pipe ahead of time are in nobody else's
        # hands.
        said += process.stdout.read().splitlines(keepends=True)
        assert process.wait(timeout=30) == -signal.SIGKILL, process.stderr.read()
    finally:
        process.kill()
        process.communicate()
    # The last line may have been cut by the kill.
    return [int(line) for line in said if line.endswith("\n")]
