"""Half-made keys on a disk that is full on demand."""

from pathlib import Path

from seemachine.faults.injector import Injector
from seemachine.faults.kinds import DISK_WRITE
from seemachine.mishaps.errors import no_space
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.half_made import Head


class FaultyCheckpoints(FolderCheckpoints):
    """See Checkpoints."""

    def __init__(self, folder: Path, faults: Injector) -> None:
        super().__init__(folder)
        self._faults = faults

    def rewrite(self, label: str, head: Head) -> None:
        """See Checkpoints."""
        self._meet_full_disk(self._path(label, "key"))
        super().rewrite(label, head)

    def append(self, label: str, index: int, row: bytes) -> None:
        """See Checkpoints."""
        self._meet_full_disk(self._path(label, "rows"))
        super().append(label, index, row)

    def _meet_full_disk(self, path: Path) -> None:
        if self._faults.meet_at(DISK_WRITE) is not None:
            raise no_space(path)
