"""The bar of a folder that is signed."""

import time

from rich.progress import MofNCompleteColumn

from seeclient.progress import TerminalBar

# What is over sooner needs no bar.
WORTH_SECONDS = 1.0


class Bar(TerminalBar):
    """So many files."""

    def __init__(self, files: int) -> None:
        self._files = files
        self._began = time.monotonic()
        super().__init__(files, MofNCompleteColumn())

    def step(self, remaining: int) -> None:
        """So many are left."""
        done, seconds = self._files - remaining, time.monotonic() - self._began
        if seconds > WORTH_SECONDS:
            self.show()
        self.update(done, f"{done / seconds:,.0f} files/s" if seconds else "")
