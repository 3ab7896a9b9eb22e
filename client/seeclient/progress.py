"""The bar of a long generation on a terminal, with rate and time left.

The guide's chunk lines scroll by above it.
"""

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from seemachine.wire.printable import printable

# Shorter generations are over before a bar can be read.
WORTH_SECONDS = 2.0


class Bar:
    """One generation of `steps` steps; the last of them has no leaves."""

    def __init__(self, steps: int, leaves_per_step: int) -> None:
        self._chunks = steps - 1
        self._leaves = leaves_per_step
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._progress = Progress(
            TextColumn("  {task.fields[rate]}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=self._chunks, rate="")
        self._shown = False

    def print(self, line: str) -> None:
        """A line above the bar."""
        self._console.print(printable(line), soft_wrap=True)

    def step(self, seconds: float, remaining: int) -> None:
        """A step of so many seconds is done, `remaining` are left."""
        if not self._shown and seconds * remaining > WORTH_SECONDS:
            self._progress.start()
            self._shown = True
        if remaining:
            rate = self._leaves / seconds if seconds else 0.0
            self._progress.update(
                self._task, completed=self._chunks - remaining + 1, rate=f"{rate:,.0f} leaves/s"
            )

    def stop(self) -> None:
        """Take the bar away."""
        if self._shown:
            self._progress.stop()
            self._shown = False
