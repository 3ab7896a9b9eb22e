"""One file outside of an NVRAM that remembers it: its last opening, and how far each of its leases
has come.

It has a head, flushed notes that became durable with the head, and later notes that were written
in place without a flush (`record_layout`). `renew` writes all of it anew, into another file that
takes the name: at each opening, every few seconds while leaves are taken, and at an orderly end. A
head names the very file that it is in, so a file that was put back says of itself that it is not
the one that was written last:

    its content written over the file that is here     the head names another file
    a new file with the old content (tar, rsync, cp)   the head names another file
    a hard link to the old file itself                 `renew` left SUPERSEDED in it

Unnoticed here stays content that is put back into the very file that it was read from: that of the
last few seconds before a machine ended without order.

Order in `renew`, never to be changed: the new file is locked and durable, then it takes the name,
then the old one is superseded. Until the name is taken the old file counts; superseded earlier, a
crash would leave none.
"""

import contextlib
import fcntl
import os
import threading
from pathlib import Path
from typing import Any

from seemachine.state.disk.durable import PRIVATE_FILE, flush, flush_folder, write_all
from seemachine.state.disk.file_identity import boot_of_host, filesystem_of, handle_of, same_file
from seemachine.state.errors import StateLocked
from seemachine.state.witness.record_layout import (
    HEAD_BYTES,
    OWN,
    SLOT,
    SUPERSEDED,
    Notes,
    encoded,
    head_in,
    notes_in,
    slot,
)

TRIES = 16
CLOSED = -1


class WitnessFile:
    """See above.

    One holder at a time, for as long as it is open. Calls may come from several threads.

    `head` is what its user keeps in it; `fault` says why all of it may be out of date, and is empty
    when all is well. `boot` tells one boot of the host from another. Raises StateLocked,
    StateCorrupt, OSError.
    """

    def __init__(self, path: Path, boot: bytes | None = None) -> None:
        self._path = path
        self._boot = boot_of_host() if boot is None else boot
        self._lock, self._renewing = threading.Lock(), threading.Lock()
        self._notes: Notes = {}
        # Where in the file the later notes are, and where the next one goes.
        self._places: dict[tuple[bytes, int], int] = {}
        self._next, self._handle = -1, b""
        self._changed = False
        self.head: dict[str, Any] = {}
        self.fault = ""
        self._descriptor = _locked(path)
        try:
            size = os.fstat(self._descriptor).st_size
            self._read(os.pread(self._descriptor, size, 0))
        except BaseException:
            os.close(self._descriptor)
            raise

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever written to it."""
        return self._next < 0 and not self.fault

    def note(self, name: bytes, first: int, following: int) -> None:
        """A lease of a file has its next leaf at `following`, or after it. Never raises.

        A note that is lost is one chance less to notice; the signature is in order.
        """
        with self._lock:
            if following > self._notes.get((name, first), -1):
                self._notes[name, first], self._changed = following, True
                self._write_note(name, first)

    def noted(self, name: bytes) -> dict[int, int]:
        """The next leaf of each lease of a file, by first leaf: no leaf before it is left."""
        with self._lock:
            return {
                first: following
                for (noted, first), following in self._notes.items()
                if noted == name
            }

    def renew(self, head: dict[str, Any]) -> None:
        """Write a new file with this head and all notes, durably, and supersede this one.

        Raises OSError.
        """
        with self._renewing:
            if self._descriptor == CLOSED:
                return
            old = self._take_name(head)
            self.head, self.fault = head, ""
            try:
                flush_folder(self._path.parent)
                _supersede(old)
            finally:
                os.close(old)

    def _take_name(self, head: dict[str, Any]) -> int:
        """Let a new file take the name, once it is locked and durable.

        Returns the old one's descriptor. Whatever fails, the old one counts.
        """
        with self._lock:
            flushed = dict(self._notes)
            self._changed = False
        scratch = self._path.with_name(f".{self._path.name}.new")
        scratch.unlink(missing_ok=True)
        descriptor = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        try:
            self._refuse_replaced()
            # Before it has a name that others look at.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            handle = handle_of(scratch)
            write_all(descriptor, self._encoded(head, scratch, handle, flushed))
            flush(descriptor)
            return self._replace(scratch, descriptor, handle, flushed)
        except BaseException:
            self._changed = True
            os.close(descriptor)
            scratch.unlink(missing_ok=True)
            raise

    def renew_if_changed(self) -> None:
        """The same, if anything was noted since. Raises OSError."""
        if self._changed:
            self.renew(self.head)

    def close(self) -> None:
        """Let go of it, as it is."""
        with self._renewing, self._lock:
            if self._descriptor != CLOSED:
                os.close(self._descriptor)
            self._descriptor = CLOSED

    def _refuse_replaced(self) -> None:
        """What was put in its place while it was in use is left there, to be noticed at the next
        start.
        """
        try:
            ours = os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            ours = False
        if not ours:
            raise StateLocked(
                f"{self._path} was replaced or deleted while the machine ran; stop it, and start it"
                " again"
            )

    def _encoded(self, head: dict[str, Any], path: Path, handle: bytes, flushed: Notes) -> bytes:
        own = {"handle": handle, "filesystem": filesystem_of(path), "boot": self._boot}
        return encoded(head, own, flushed, self._path)

    def _replace(self, scratch: Path, descriptor: int, handle: bytes, flushed: Notes) -> int:
        """Let a new file take the name, with what was noted meanwhile.

        Returns the old one's descriptor.
        """
        with self._lock:
            scratch.replace(self._path)
            old, self._descriptor = self._descriptor, descriptor
            self._places, self._next, self._handle = {}, len(flushed), handle
            for (name, first), following in self._notes.items():
                if flushed.get((name, first)) != following:
                    self._write_note(name, first)
        return old

    def _write_note(self, name: bytes, first: int) -> None:
        if self._next < 0 or self._descriptor == CLOSED:
            return  # There is no file to add it to; `renew` takes it along, if it comes to that.
        place = self._places.get((name, first), self._next)
        packed = slot(self._handle, name, first, self._notes[name, first])
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, packed, HEAD_BYTES + place * SLOT.size)
            # Only then: a place that was never written would read as a damaged note.
            self._places[name, first] = place
            self._next = max(self._next, place + 1)

    def _read(self, data: bytes) -> None:
        if data == SUPERSEDED:
            self.fault = "the file of its witness was superseded: an older one was put back"
        elif data:
            values = head_in(data, self._path)
            self._handle = values["handle"]
            self.head = {name: value for name, value in values.items() if name not in OWN}
            same_boot = values["boot"] == self._boot != b""
            found = notes_in(
                data[HEAD_BYTES:], self._handle, values["settled"], same_boot=same_boot
            )
            self._notes, self._places, self._next = found.notes, found.places, found.following
            damage = "" if found.whole else "notes of its witness are damaged or missing"
            self.fault = _fault_of_place(values, self._path) or damage


def _locked(path: Path) -> int:
    """Open a file, made if there is none, and lock it. Raises StateLocked."""
    for _ in range(TRIES):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        # Held by another, or replaced by its holder before we had it.
        os.close(descriptor)
    raise StateLocked(f"{path} is held by another process")


def _fault_of_place(values: dict[str, Any], path: Path) -> str:
    if not same_file(values["handle"], handle_of(path)):
        return (
            "the file of its witness is not the one that was written last: it was put back, or"
            " copied"
        )
    here = filesystem_of(path)
    if values["filesystem"] and here and values["filesystem"] != here:
        return (
            "its witness lies on another kind of file system than before: this is a copy, or an"
            " overlay"
        )
    return ""


def _supersede(descriptor: int) -> None:
    """Where the old file has another name, by a hard link, that must not come back as
    what it was.
    """
    if os.fstat(descriptor).st_nlink:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, SUPERSEDED, 0)
        flush(descriptor)
