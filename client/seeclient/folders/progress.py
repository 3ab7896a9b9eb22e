"""The bar of a folder that is signed, on a terminal, with rate and time left."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seemachine.wire.printable import printable

# What is over sooner needs no bar.
WORTH_SECONDS = 1.0


class Bar:
    """So many files."""

    def __init__(self, files: int) -> None:
        self._files = files
        self._began = time.monotonic()
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._progress = Progress(
            TextColumn("  {task.fields[rate]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=files, rate="")
        self._shown = False

    def print(self, line: str) -> None:
        """A line above the bar."""
        self._console.print(printable(line), soft_wrap=True)

    def step(self, remaining: int) -> None:
        """So many are left."""
        done, seconds = self._files - remaining, time.monotonic() - self._began
        if not self._shown and seconds > WORTH_SECONDS:
            self._progress.start()
            self._shown = True
        rate = f"{done / seconds:,.0f} files/s" if seconds else ""
        self._progress.update(self._task, completed=done, rate=rate)

    def stop(self) -> None:
        """Take the bar away."""
        if self._shown:
            self._progress.stop()
            self._shown = False
