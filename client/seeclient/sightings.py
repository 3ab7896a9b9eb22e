"""What this host remembers of machines and leases, so that one that went back in time is noticed
before a signature is released.

    seen/<ESN>                 its NVRAMs: name, how often opened, which opening was the last
    seen/<NVRAM file>-<ESN>    per lease of the key on that machine: number, highest leaf

That is version 1. A file of a later one would begin with its name and number, such as
`sightings 2`.

$SEEMACHINE_SEEN names another folder, or is `off`. Nothing here is flushed: what a power cut takes
is one chance less to notice.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seemachine.formats import Format, OtherVersion
from seemachine.wire.messages import Greeting, NvmemfileInfo
from seemachine.wire.names import printed_name
from seemachine.wire.status import Status, StatusError
from seemachine.world import OFF, SEEN_VARIABLE

WHERE = "dispatch_see_memory"
ADVICE = "seemachine quarantine explain"
FORMAT = Format("sightings")
MAX_OPEN = 64
# A file in which nothing is remembered yet, so that it has its room on the disk.
NEW = b"\n"
KEPT_NVRAMS = 16

# Lease number: highest leaf.
Leases = dict[int, int]

_files: dict[Path, int] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Sightings:
    """What is remembered in a folder; nothing without one."""

    folder: Path | None

    def meet(self, greeting: Greeting) -> None:
        """Compare a machine that just said hello with what is known of it.

        Raises StatusError (AccessDenied) when it went back.
        """
        folder = self.folder
        if folder is None or not greeting.epoch:
            return

        def compare(lines: list[list[str]]) -> list[list[str]]:
            known = {
                bytes.fromhex(nvram): (int(epoch), bytes.fromhex(opening))
                for nvram, epoch, opening in lines
            }
            if greeting.nvram in known:
                _compare(greeting, *known[greeting.nvram], folder)
            return _with(greeting, lines)

        _change(folder / greeting.esn, compare)

    def accept(self, greeting: Greeting, files: Iterable[NvmemfileInfo]) -> None:
        """A person has decided: `meet` is to take a machine, which has these files, as it is now.

        Leaves that were seen stay remembered.

        Raises StatusError (AccessDenied) when one of those would come again.
        """
        folder = self.folder
        if folder is None or not greeting.epoch:
            return
        for file in files:
            highest = _leases_in(folder / f"{file.file.hex()}-{greeting.esn}").get(
                file.first // max(1, file.end - file.first), -1
            )
            if highest >= file.next:
                what = (
                    f"{printed_name(file.file)} of {greeting.esn} stands at leaf {file.next}, but"
                    f" its leaf {highest} was seen here"
                )
                raise StatusError(Status.AccessDenied, f"{what}; see: {ADVICE}", WHERE)
        _change(folder / greeting.esn, partial(_with, greeting))

    def recall(self, esn: str, key: LmsKeyFile) -> Leases:
        """What is known of a key's leases on a machine; to be asked before a request.

        Raises StatusError.
        """
        if self.folder is None:
            return {}
        return _leases_in(self.folder / f"{key.name.hex()}-{esn}")

    def used_up(self, key: LmsKeyFile) -> set[int]:
        """The leases of a key whose last leaf was seen, on any machine. Raises StatusError."""
        if self.folder is None:
            return set()
        size = key.sectors.signatures_per_lease
        return {
            lease
            for path in self.folder.glob(f"{key.name.hex()}-*")
            for lease, leaf in _leases_in(path).items()
            if leaf == (lease + 1) * size - 1
        }

    def check(self, esn: str, key: LmsKeyFile, before: Leases, leaf: int) -> None:
        """Compare the leaf of a signature with what was known before it was asked for, and
        remember it.

        Raises StatusError (AccessDenied).
        """
        folder = self.folder
        if folder is None:
            return
        lease = key.sectors.lease_of(leaf)
        if leaf <= before.get(lease, -1):
            raise _refusal(
                f"{esn} signed with leaf {leaf} of {printed_name(key.name)}, but its leaf"
                f" {before[lease]} was seen here before",
                folder,
            )
        if lease not in before:
            _check_elsewhere(folder, esn, key, lease)

        def remember(lines: list[list[str]]) -> list[list[str]]:
            known = _leases(lines)
            known[lease] = max(leaf, known.get(lease, -1))
            return [[str(number), str(highest)] for number, highest in known.items()]

        _change(folder / f"{key.name.hex()}-{esn}", remember)


NOTHING = Sightings(None)


def _with(greeting: Greeting, lines: list[list[str]]) -> list[list[str]]:
    rest = [line for line in lines if line[0] != greeting.nvram.hex()]
    return [
        *rest[1 - KEPT_NVRAMS :],
        [greeting.nvram.hex(), str(greeting.epoch), greeting.opening.hex()],
    ]


def _compare(greeting: Greeting, epoch: int, opening: bytes, folder: Path) -> None:
    if greeting.epoch < epoch:
        raise _refusal(
            f"{greeting.esn} counts {greeting.epoch} starts, but {epoch} were seen here: its NVRAM"
            " was put back",
            folder,
        )
    if greeting.epoch == epoch and greeting.opening != opening:
        raise _refusal(
            f"two machines say that they are {greeting.esn}: one of them is a copy", folder
        )


def _check_elsewhere(folder: Path, esn: str, key: LmsKeyFile, lease: int) -> None:
    """A lease is in one machine for life."""
    for path in folder.glob(f"{key.name.hex()}-*"):
        other = path.name.partition("-")[2]
        if other != esn and lease in _leases_in(path):
            raise _refusal(
                f"{esn} signed with lease {lease} of {printed_name(key.name)}, which was in"
                f" {other}: one of them has a copy",
                folder,
            )


def _refusal(what: str, folder: Path) -> StatusError:
    return StatusError(
        Status.AccessDenied,
        f"{what}; the signature is not released. What to do: {ADVICE}; what was seen is in"
        f" {folder}",
        WHERE,
    )


def _leases_in(path: Path) -> Leases:
    found: Leases = {}

    def read(lines: list[list[str]]) -> list[list[str]]:
        found.update(_leases(lines))
        return lines

    _change(path, read)
    return found


def _leases(lines: list[list[str]]) -> Leases:
    return {int(lease): int(leaf) for lease, leaf in lines}


def _change(path: Path, change: Callable[[list[list[str]]], list[list[str]]]) -> list[list[str]]:
    """Read a file's lines of words, change and write them, with nobody in between."""
    try:
        with _lock:
            descriptor = _opened(path)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                return _rewritten(path, descriptor, change)
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OtherVersion as other:
        raise StatusError(Status.NotYetImplemented, str(other), WHERE) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StatusError(
            Status.OSErrorErrno,
            f"{path}: {reason}; make it usable, or choose another folder by {SEEN_VARIABLE}, or"
            f" {SEEN_VARIABLE}={OFF}",
            WHERE,
        ) from None


def _rewritten(
    path: Path, descriptor: int, change: Callable[[list[list[str]]], list[list[str]]]
) -> list[list[str]]:
    data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    _refuse_other_version(data, path)
    if not data:
        # On a full disk this fails, before a leaf is taken that could not be remembered.
        os.pwrite(descriptor, NEW, 0)
    lines = [] if data == NEW else [line.split() for line in data.decode().splitlines()]
    changed = change(lines)
    if changed != lines:
        written = "".join(" ".join(line) + "\n" for line in changed).encode()
        os.pwrite(descriptor, written, 0)
        os.ftruncate(descriptor, len(written))
    return changed


def _refuse_other_version(data: bytes, path: Path) -> None:
    """Raises OtherVersion."""
    first = data.partition(b"\n")[0].decode(errors="replace")
    if first.startswith(FORMAT.name):
        FORMAT.check(first, str(path))


def _forget_files() -> None:
    """A child of this process does not lock by the parent's descriptors: a lock is theirs both."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    for descriptor in _files.values():
        os.close(descriptor)
    _files.clear()


os.register_at_fork(after_in_child=_forget_files)


def _opened(path: Path) -> int:
    """Files stay open: a signature comes every half a millisecond."""
    if path in _files and not os.fstat(_files[path]).st_nlink:
        os.close(_files.pop(path))  # somebody deleted it, to begin anew
    if path not in _files:
        if len(_files) >= MAX_OPEN:
            for descriptor in _files.values():
                os.close(descriptor)
            _files.clear()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _files[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    return _files[path]
