"""A witness in a folder: witness/<ESN>.record of the world, or of a folder on another disk that
many machines share.
"""

import contextlib
import errno
from pathlib import Path
from typing import Any

from seemachine.state.disk.durable import private_folder, settle
from seemachine.state.errors import StateCorrupt, StateFailed, StateLocked, reason
from seemachine.state.witness.comparing import LaggingWitness, OpeningWitness, overlaps
from seemachine.state.witness.protocol import Mark
from seemachine.state.witness.record_file import WitnessFile


class FolderWitness(OpeningWitness, LaggingWitness):
    """See Witness.

    The folder should not be copied or put back together with the machines; if it is, that is
    noticed.
    """

    def __init__(self, folder: Path, esn: str, boot: bytes | None = None) -> None:
        self._file = _opened(folder, esn, boot)
        self._ours = False
        try:
            if self._file.is_new:
                self._file.renew({})
            self._mark = _mark(self._file.head, folder / f"{esn}.record")
        except BaseException:
            self._file.close()
            raise

    def _own_fault(self) -> str:
        return self._file.fault

    def advance(self, mark: Mark, doubt: str) -> None:
        """See Witness.

        A doubt is in the NVRAM by now, so a record that was put back may be written anew.
        """
        del doubt
        self._file.renew(_values(mark))
        self._mark, self._ours = mark, True

    def claim(self, name: bytes, first: int, end: int) -> None:
        """See Witness. Whether it was in another machine is for the witness of its card."""
        del end
        self._file.note(name, first, first)

    def is_spent(self, name: bytes, first: int, end: int) -> bool:
        """See Witness."""
        return overlaps(self._file.noted(name), first, end)

    def note(self, name: bytes, first: int, following: int) -> None:
        """See Witness."""
        self._file.note(name, first, following)

    def noted(self, name: bytes) -> dict[int, int]:
        """See Witness."""
        return self._file.noted(name)

    def beat(self) -> str:
        """See Witness."""
        try:
            self._file.renew_if_changed()
        except OSError as error:
            raise StateFailed(f"the witness could not be written: {reason(error)}") from error
        return ""

    def release(self) -> None:
        """See Witness.

        At an orderly end the record is another file than any that was saved while the machine ran.
        """
        try:
            # Not before this opening is in the NVRAM: a doubt would be written over.
            if self._ours:
                with contextlib.suppress(OSError, StateLocked):
                    self._file.renew(self._file.head)
        finally:
            self._file.close()


def _opened(folder: Path, esn: str, boot: bytes | None) -> WitnessFile:
    try:
        private_folder(folder)
        # A record whose name the last process did not flush: the NVRAM will refer to it, and must
        # not outlive it.
        settle(folder)
        return WitnessFile(folder / f"{esn}.record", boot)
    except StateLocked:
        raise StateLocked(
            f"an NVRAM of {esn} is in use already: {folder} vouches for one at a time; stop the"
            " other first"
        ) from None
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        raise StateFailed(
            f"the witness in {folder} can't be written: to this process its file system is"
            " read-only; a service of systemd is let write there by ReadWritePaths= in its unit"
        ) from error


def _values(mark: Mark) -> dict[str, Any]:
    return {
        "identity": mark.identity,
        "epoch": mark.epoch,
        "nonce": mark.nonce,
        "place": mark.place,
    }


def _mark(head: dict[str, Any], path: Path) -> Mark | None:
    try:
        return Mark(**head) if head else None
    except StateCorrupt as error:
        raise StateCorrupt(f"{path}: {error}") from None
    except TypeError:
        raise StateCorrupt(f"{path}: not a record of this version") from None
