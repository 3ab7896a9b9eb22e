"""A second witness, in the host's runtime folder: not on the disk of the world, gone with a reboot.

    <identity>.record    notes of one NVRAM, named after what it is called for life; held while a
                         machine has it open
    <identity>.tips      the last openings of it, see below
    version              of all of them
    leases/<file>        which leases of a key came into which NVRAM, in machines of this user on
                         this host; in a seeded world, whose keys are made again in others, its
                         identifier comes before the name

A restore of the world, of its disk, or of a snapshot that keeps inodes does not reach it. It speaks
only of what it saw: a machine may have been started where it was not in use, so an NVRAM that went
further than it knows is believed. Where its folder is full, or taken away, it remembers less and
stops nobody.

One NVRAM may go on in two places, an original and a copy that a person let go on; tips are the last
openings of each. An opening in doubt adds a tip and replaces none, so that a copy that is started
does no harm to its original.
"""

import contextlib
import os
import struct
from pathlib import Path

from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.durable import private_folder, write_all
from seemachine.state.errors import LeaseSpent, StateFailed, StateLocked, reason
from seemachine.state.witness.comparing import LaggingWitness
from seemachine.state.witness.protocol import IDENTITY_BYTES, Mark, Past
from seemachine.state.witness.record_file import WitnessFile
from seemachine.state.witness.record_layout import head_in
from seemachine.state.witness.runtime_folder import FORMAT, check_folder, forget_oldest, held_file
from seemachine.wire.names import printed_name

MOST_TIPS = 16
LEASES = "leases"
# First leaf, leaf after the last, identity of the NVRAM.
CLAIM = struct.Struct(f">QQ{IDENTITY_BYTES}s")

# How often an NVRAM was opened, and the nonce of that opening.
Tip = tuple[int, bytes]


class RuntimeWitness(LaggingWitness):
    """See Witness. `folder` is the user's own. Leases of one `scope` have nothing to do with those
    of another: two worlds of one seed make the same keys.

    Raises StateFailed where it can't be used.
    """

    def __init__(self, folder: Path, boot: bytes | None = None, scope: bytes = b"") -> None:
        self._folder, self._boot, self._scope = folder, boot, scope
        self._file: WitnessFile | None = None
        self._identity = b""
        # The openings that this one follows, and this one.
        self._came_from: list[Tip] = []
        self._live: Tip = (0, b"")
        try:
            private_folder(folder / LEASES)
            check_folder(folder)
        except OSError as error:
            raise StateFailed(f"the runtime witness can't be used: {reason(error)}") from error

    def meet(self, past: Past, place: bytes) -> str:
        """See Witness."""
        del place
        self._identity = past.last.identity
        known = (_tip(past.last), past.before)
        tips: list[Tip] = []
        with contextlib.suppress(OSError), held_file(self._tips_file) as descriptor:
            tips = _tips(descriptor)
        self._came_from = [tip for tip in tips if tip in known]
        newest = max((epoch for epoch, _ in tips), default=0)
        if not self._came_from and newest < past.last.epoch:
            # It was opened where this witness was not in use.
            self._came_from = tips
        doubt = self._open(known)
        if self._came_from or not tips:
            return doubt
        counted = (
            f"it was opened {newest} times as its runtime witness knows, but this one counts"
            f" {past.last.epoch}"
        )
        return f"{counted}: it was put back, or copied"

    def _open(self, known: tuple[Tip, Tip]) -> str:
        path = self._folder / f"{self._identity.hex()}.record"
        try:
            if not path.exists():
                forget_oldest(self._folder, ".record")
            self._file = WitnessFile(path, self._boot)
        except StateLocked:
            # Beside another process only a copy may run that a person let go on.
            live = head_in(path.read_bytes(), path).get("live", [0, b""])
            if self._came_from and tuple(live) not in known:
                return ""
            return (
                "another process on this host has an NVRAM of this identity open: one of the two is"
                " a copy"
            )
        except OSError:
            return ""
        return self._file.fault

    def last(self, identity: bytes) -> Mark | None:
        """See Witness. It has no say in what the next opening is: it compares in `meet`."""
        del identity
        return None

    def advance(self, mark: Mark, doubt: str) -> None:
        """See Witness."""
        with contextlib.suppress(OSError), held_file(self._tips_file) as descriptor:
            kept = [tip for tip in _tips(descriptor) if doubt or tip not in self._came_from]
            _rewrite(descriptor, [*kept[1 - MOST_TIPS :], _tip(mark)])
        self._came_from, self._live = [_tip(mark)], _tip(mark)
        self._renew()
        if doubt and self._file is not None:
            # A copy must not keep its original from this. Once its leaves are let go on, the next
            # start notes them.
            self._file.close()
            self._file = None

    def claim(self, name: bytes, first: int, end: int) -> None:
        """See Witness."""
        with contextlib.suppress(OSError), held_file(self._claims_file(name)) as descriptor:
            if _claimed(descriptor, first, end):
                raise LeaseSpent(
                    f"leaves {first} to {end - 1} of {printed_name(name)} came into an NVRAM of"
                    " this host before"
                )
            os.lseek(descriptor, 0, os.SEEK_END)
            write_all(descriptor, CLAIM.pack(first, end, self._identity))

    def is_spent(self, name: bytes, first: int, end: int) -> bool:
        """See Witness."""
        if self._claims_file(name).exists():
            with contextlib.suppress(OSError), held_file(self._claims_file(name)) as descriptor:
                return _claimed(descriptor, first, end)
        return False

    def note(self, name: bytes, first: int, following: int) -> None:
        """See Witness."""
        if self._file is not None:
            self._file.note(name, first, following)

    def noted(self, name: bytes) -> dict[int, int]:
        """See Witness."""
        return self._file.noted(name) if self._file is not None else {}

    def beat(self) -> str:
        """See Witness."""
        if self._file is not None:
            with contextlib.suppress(OSError, StateLocked):
                self._file.renew_if_changed()
        return ""

    def release(self) -> None:
        """See Witness."""
        if self._file is not None:
            if self._live[0]:
                self._renew()
            self._file.close()

    def _renew(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError, StateLocked):
                self._file.renew({"live": list(self._live)})

    @property
    def _tips_file(self) -> Path:
        return self._folder / f"{self._identity.hex()}.tips"

    def _claims_file(self, name: bytes) -> Path:
        return self._folder / LEASES / (self._scope + name).hex()


def _tip(mark: Mark) -> Tip:
    return mark.epoch, mark.nonce


def _tips(descriptor: int) -> list[Tip]:
    data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    values = unseal(data, "the runtime witness", FORMAT) if data else {"tips": []}
    return [(epoch, nonce) for epoch, nonce in values["tips"]]


def _rewrite(descriptor: int, tips: list[Tip]) -> None:
    data = seal({"tips": [list(tip) for tip in tips]}, FORMAT)
    os.pwrite(descriptor, data, 0)
    os.ftruncate(descriptor, len(data))


def _claimed(descriptor: int, first: int, end: int) -> bool:
    data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    whole = len(data) - len(data) % CLAIM.size
    return any(
        first < its_end and start < end for start, its_end, _ in CLAIM.iter_unpack(data[:whole])
    )
