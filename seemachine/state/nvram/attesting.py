"""How an NVRAM is opened: what its witness remembers is compared, and the opening is counted.

Order, never to be changed, in `_attest`: what is doubted is in quarantine, durably; then the
opening is durable, with its doubt; then the witness learns of it. A crash in between finds the same
doubt again.
"""

import os
from dataclasses import replace

from seemachine.state.nvram.batch import Changes
from seemachine.state.nvram.contents import OpenNvram
from seemachine.state.records import NvramFile
from seemachine.state.witness.absent import NoWitness
from seemachine.state.witness.protocol import Mark, Past, Witness
from seemachine.wire.names import printed_name


class AttestedNvram(OpenNvram):
    """The part of a store that its opening calls, once."""

    def _attest(self, past: Past, witness: Witness | None, place: bytes) -> None:
        """Compare with what the witness remembers, put into quarantine what does not agree, and
        count this opening.
        """
        self._witness = witness or NoWitness()
        doubt = self._witness.meet(past, place) or past.doubt
        # Before the opening is counted: a crash in between must find the same doubt again.
        self._commit(self._suspended(doubt))
        self._skip_to_floors()
        before = self._witness.last(past.last.identity) or past.last
        mark = Mark(
            past.last.identity, max(before.epoch, past.last.epoch) + 1, os.urandom(8), place
        )
        self._write_past(Past(mark, (before.epoch, before.nonce), doubt))
        self._witness.advance(mark, doubt)
        for file in self._files.values():
            self._witness.note(file.name, file.lease.first, file.next)
        self.mark, self.doubt = mark, doubt

    def _suspended(self, doubt: str) -> Changes:
        against = self._witness.against
        reasons = {
            name: doubt or against(name, file.lease.first, file.next)
            for name, file in self._files.items()
            if not file.quarantine
        }
        files: dict[bytes, NvramFile | None] = {
            name: replace(self._files[name], quarantine=reason)
            for name, reason in reasons.items()
            if reason
        }
        forgotten = self._spent if doubt else []
        self._spent = [] if doubt else self._spent
        return Changes(files=files, forgotten=forgotten)

    def _skip_to_floors(self) -> None:
        """Past leaves that the last opening may have used, as nobody can tell any more: a few are
        lost.
        """
        files = [file for file in self._files.values() if not file.quarantine]
        floors = [
            (file, min(self._witness.floor(file.name, file.lease.first), file.lease.end))
            for file in files
        ]
        lagging = [(file, floor) for file, floor in floors if floor > file.next]
        self._commit(
            Changes(
                {
                    file.name: NvramFile(file.lease, floor) if floor < file.lease.end else None
                    for file, floor in lagging
                }
            )
        )
        for file, floor in lagging:
            # Also of one that ends here.
            self._witness.note(file.name, file.lease.first, floor)
            self.skipped.append(_given_up(file, floor))


def _given_up(file: NvramFile, floor: int) -> str:
    lost = (
        f"leaf {file.next} of"
        if floor == file.next + 1
        else f"leaves {file.next} to {floor - 1} of"
    )
    return (
        f"{lost} {printed_name(file.name)} may have been used before the machine ended without"
        " order, so nothing is signed with it"
    )
