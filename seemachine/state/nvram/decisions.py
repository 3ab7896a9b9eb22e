"""What a person, or the machine for one, decides of the files of an NVRAM: destroyed, in
quarantine, at a later leaf, with another threshold; and the end of a doubt. None of it brings a
leaf back.
"""

from collections.abc import Mapping
from dataclasses import replace

from seemachine.state.errors import LeaseSpent, NotAcknowledged, counted
from seemachine.state.nvram.batch import Changes
from seemachine.state.nvram.contents import OpenNvram
from seemachine.state.records import NvramFile
from seemachine.state.witness.protocol import Past, Use
from seemachine.wire.names import nvram_name, printed_name


class Decisions(OpenNvram):
    """The part of a store that hands out no leaf and takes no lease in."""

    def delete(self, name: bytes) -> None:
        """See Store."""
        with self._lock:
            self._ready()
            file = self._files.get(name)
            if file is not None:
                self._commit(Changes(files={name: None}))
                self._witness.note(name, file.lease.first, file.lease.end)

    def destroy(self, public_key: bytes) -> int:
        """See Store."""
        name = nvram_name(public_key)
        with self._lock:
            self._ready()
            file = self._files.get(name)
            if file is not None and file.lease.public_key != public_key:
                file = None
            # Off in memory first, as whatever else ends.
            used_up = [spent for spent in self._spent if spent.lease.public_key == public_key]
            self._spent = [spent for spent in self._spent if spent not in used_up]
            self._commit(Changes(files={name: None} if file else {}, forgotten=used_up))
            if file is None:
                return 0
            self._witness.note(name, file.lease.first, file.lease.end)
            return file.remaining

    def quarantine(self, name: bytes, reason: str) -> None:
        """See Store."""
        with self._lock:
            self._ready()
            self._commit(Changes(files={name: replace(self._files[name], quarantine=reason)}))

    def skip(self, name: bytes, leaf: int) -> None:
        """See Store."""
        self._check_skip(name, leaf)
        file = self._files[name]
        self._vouch([Use(name, file.lease.first, leaf, file.lease.end)])
        with self._lock:
            self._ready()
            file = self._check_skip(name, leaf)
            # Also of a file that ends here, and so has no note of its own.
            self._witness.note(name, file.lease.first, leaf)
            self._commit(
                Changes(
                    files={name: NvramFile(file.lease, leaf) if leaf < file.lease.end else None}
                )
            )

    def _check_skip(self, name: bytes, leaf: int) -> NvramFile:
        file = self._files[name]
        first = file.lease.first
        least = max(
            file.next + 1, self._witness.noted(name).get(first, 0), self._witness.floor(name, first)
        )
        if not least <= leaf <= file.lease.end:
            raise LeaseSpent(
                f"{printed_name(name)} can go on at a leaf from {least} to {file.lease.end}, not"
                f" {leaf}; never back"
            )
        return file

    def warn_at(self, name: bytes, count: int) -> None:
        """See Store."""
        with self._lock:
            self._ready()
            file = self._files.get(name)
            if file is not None:
                changed = _warned_at(file, count)
                self._commit(Changes(files={name: changed}, stays=True))

    def put_back(self, reason: str, floors: Mapping[bytes, int]) -> None:
        """See Store."""
        with self._lock:
            self._ready()
            # The doubt first: after a crash in between the next opening puts all into quarantine.
            self._guarded(
                lambda: self._write_past(
                    Past(self.mark, (self.mark.epoch, self.mark.nonce), self.doubt or reason)
                )
            )
            self.doubt = self.doubt or reason
            forgotten, self._spent = self._spent, []
            changed = {
                name: _held(file, floors.get(name, 0), reason) for name, file in self._files.items()
            }
            self._commit(Changes(files=changed, forgotten=forgotten))

    def end_doubt(self) -> None:
        """See Store."""
        with self._lock:
            self._ready()
            if self.doubt:
                self._guarded(
                    lambda: self._write_past(Past(self.mark, (self.mark.epoch, self.mark.nonce)))
                )
                self.doubt = ""


def _warned_at(file: NvramFile, count: int) -> NvramFile:
    """A file with another threshold. Raises NotAcknowledged where that would end a warning."""
    standing = file.lease.warnat
    if file.remaining <= standing > count:
        left = counted(file.remaining, "signature")
        what = f"{printed_name(file.name)} has {left} left, so its threshold of {standing} stands"
        how = "acknowledge each signature instead, or bring in another lease"
        raise NotAcknowledged(f"{what}; {how}")
    return replace(file, lease=replace(file.lease, warnat=count))


def _held(file: NvramFile, floor: int, reason: str) -> NvramFile | None:
    """A file in quarantine that goes on at `floor` at the earliest; None when that is its end."""
    following = max(file.next, floor)
    return (
        replace(file, next=following, quarantine=file.quarantine or reason)
        if following < file.lease.end
        else None
    )
