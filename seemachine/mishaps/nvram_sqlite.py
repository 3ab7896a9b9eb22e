"""The database of an NVRAM on a disk that is full on demand."""

from seemachine.mishaps.nvram import FaultyNvram
from seemachine.state.nvram.sqlite import SqliteStore


class FaultySqlite(FaultyNvram, SqliteStore):
    """See SqliteStore."""

    def _no_room(self) -> str:
        return f"{self._path}: database or disk is full"
