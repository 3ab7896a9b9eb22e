"""Witnesses that are lost on demand."""

from pathlib import Path

from seemachine.faults.injector import Injector
from seemachine.faults.kinds import WITNESS
from seemachine.mishaps.errors import broken
from seemachine.state.errors import StateFailed, reason
from seemachine.state.witness.comparing import doubt_about
from seemachine.state.witness.folder import FolderWitness
from seemachine.state.witness.protocol import Past


def doubt_of_lost(faults: Injector, past: Past, place: bytes) -> str:
    """What a witness that never saw it has against an NVRAM; empty while none is lost."""
    return doubt_about(past, None, place) if faults.meet_at(WITNESS) is not None else ""


class FaultyFolderWitness(FolderWitness):
    """See FolderWitness.

    While it is lost it notes nothing durably, which its machine logs; an opening finds a witness
    that never saw the NVRAM, as where the folder is another one.
    """

    def __init__(self, folder: Path, esn: str, faults: Injector) -> None:
        super().__init__(folder, esn)
        self._faults, self._folder = faults, folder

    def meet(self, past: Past, place: bytes) -> str:
        """See Witness."""
        return super().meet(past, place) or doubt_of_lost(self._faults, past, place)

    def beat(self) -> str:
        """See Witness."""
        if self._faults.meet_at(WITNESS) is not None:
            lost = reason(broken(self._folder))
            raise StateFailed(f"the witness could not be written: {lost}")
        return super().beat()
