"""What this host remembers of machines and leases, so that one that went back in time is noticed
before a signature is released.

    seen/<ESN>                 its NVRAMs: name, how often opened, which opening was the last
    seen/<NVRAM file>-<ESN>    per lease of the key on that machine: number, highest leaf

That is version 1. A file of a later one would begin with its name and number, such as
`sightings 2`.

$SEEMACHINE_SEEN names another folder, or is `off`. Nothing here is flushed: what a power cut takes
is one chance less to notice.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from seeclient import files, memory_files
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.memory_files import Change, Lines
from seemachine.formats import Format, OtherVersion
from seemachine.frozen import frozen
from seemachine.wire.messages import Greeting, NvmemfileInfo
from seemachine.wire.names import printed_name
from seemachine.wire.status import Status, StatusError
from seemachine.world import OFF, SEEN_VARIABLE

WHERE = "dispatch_see_memory"
ADVICE = "seemachine quarantine explain"
FORMAT = Format("sightings")
KEPT_NVRAMS = 16

# Lease number: highest leaf.
Leases = dict[int, int]


@frozen
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

        def compare(lines: Lines) -> Lines:
            known = {
                bytes.fromhex(nvram): (int(epoch), bytes.fromhex(opening))
                for nvram, epoch, opening in lines
            }
            if greeting.nvram in known:
                _compare(greeting, *known[greeting.nvram], folder)
            return _with(greeting, lines)

        _change(f"{folder}/{greeting.esn}", compare)

    def accept(self, greeting: Greeting, files: Iterable[NvmemfileInfo]) -> None:
        """A person has decided: `meet` is to take a machine, which has these files, as it is now.

        Leaves that were seen stay remembered.

        Raises StatusError (AccessDenied) when one of those would come again.
        """
        folder = self.folder
        if folder is None or not greeting.epoch:
            return
        for file in files:
            highest = _leases_in(_path(folder, file.file, greeting.esn)).get(
                file.first // max(1, file.end - file.first), -1
            )
            if highest >= file.next:
                what = (
                    f"{printed_name(file.file)} of {greeting.esn} stands at leaf {file.next}, but"
                    f" its leaf {highest} was seen here"
                )
                raise StatusError(Status.AccessDenied, f"{what}; see: {ADVICE}", WHERE)
        _change(f"{folder}/{greeting.esn}", partial(_with, greeting))

    def recall(self, esn: str, key: LmsKeyFile) -> Leases:
        """What is known of a key's leases on a machine; to be asked before a request.

        Raises StatusError.
        """
        if self.folder is None:
            return {}
        return _leases_in(_path(self.folder, key.name, esn))

    def used_up(self, key: LmsKeyFile) -> set[int]:
        """The leases of a key whose last leaf was seen, on any machine. Raises StatusError."""
        if self.folder is None:
            return set()
        size = key.sectors.signatures_per_lease
        return {
            lease
            for path in self.folder.glob(f"{key.name.hex()}-*")
            for lease, leaf in _leases_in(str(path)).items()
            if leaf == (lease + 1) * size - 1
        }

    def check(self, esn: str, key: LmsKeyFile, before: Leases, leaf: int) -> None:
        """Compare the leaf of a signature with what was known before it was asked for, and
        remember it.

        Raises StatusError (AccessDenied).
        """
        self.check_all(esn, key, before, [leaf])

    def check_all(self, esn: str, key: LmsKeyFile, before: Leases, leaves: Sequence[int]) -> None:
        """The same for the leaves of several signatures that were asked for at once."""
        folder = self.folder
        if folder is None or not leaves:
            return
        highest: Leases = {}
        lease_of = key.sectors.lease_of
        for leaf in leaves:
            lease = lease_of(leaf)
            highest[lease] = max(leaf, highest.get(lease, -1))
            if leaf <= before.get(lease, -1):
                raise _refusal(
                    f"{esn} signed with leaf {leaf} of {printed_name(key.name)}, but its leaf"
                    f" {before[lease]} was seen here before",
                    folder,
                )
        for lease in highest.keys() - before.keys():
            _check_elsewhere(folder, esn, key, lease)

        def remember(lines: Lines) -> Lines:
            known = _leases(lines)
            for lease, leaf in highest.items():
                known[lease] = max(leaf, known.get(lease, -1))
            return [[str(lease), str(leaf)] for lease, leaf in known.items()]

        _change(_path(folder, key.name, esn), remember)


NOTHING = Sightings(None)


def _with(greeting: Greeting, lines: Lines) -> Lines:
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
        if other != esn and lease in _leases_in(str(path)):
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


def _path(folder: Path, name: bytes, esn: str) -> str:
    return f"{folder}/{name.hex()}-{esn}"


def _leases_in(path: str) -> Leases:
    found: Leases = {}

    def read(lines: Lines) -> Lines:
        found.update(_leases(lines))
        return lines

    _change(path, read)
    return found


def _leases(lines: Lines) -> Leases:
    return {int(lease): int(leaf) for lease, leaf in lines}


def _change(path: str, alter: Change) -> Lines:
    try:
        return memory_files.change(path, FORMAT, alter)
    except OtherVersion as other:
        raise StatusError(Status.NotYetImplemented, str(other), WHERE) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        number = error.errno if isinstance(error, OSError) else None
        way = files.ADVICE.get(number or 0, "make it usable")
        raise StatusError(
            Status.OSErrorErrno,
            f"{path}: {reason}; {way}, or choose another folder by {SEEN_VARIABLE}, or"
            f" {SEEN_VARIABLE}={OFF}",
            WHERE,
        ) from None
