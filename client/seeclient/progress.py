"""Bars on a terminal, with rate and time left. Lines scroll by above them."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from seemachine.wire.printable import printable

# Shorter generations are over before a bar can be read.
WORTH_SECONDS = 2.0


class TerminalBar:
    """A bar of `total` steps, with `done` as words beside it. It is not seen before `show`."""

    def __init__(self, total: int, done: ProgressColumn) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._progress = Progress(
            TextColumn("  {task.fields[rate]}"),
            BarColumn(),
            done,
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=total, rate="")
        self._shown = False

    def print(self, line: str) -> None:
        """A line above the bar."""
        self._console.print(printable(line), soft_wrap=True)

    def show(self) -> None:
        """From here on."""
        if not self._shown:
            self._progress.start()
            self._shown = True

    def update(self, completed: int, rate: str) -> None:
        """So many steps are done."""
        self._progress.update(self._task, completed=completed, rate=rate)

    def stop(self) -> None:
        """Take the bar away."""
        if self._shown:
            self._progress.stop()
            self._shown = False


class Bar(TerminalBar):
    """One generation of `steps` steps; the last of them has no leaves."""

    def __init__(self, steps: int, leaves_per_step: int) -> None:
        self._chunks = steps - 1
        self._leaves = leaves_per_step
        super().__init__(self._chunks, TaskProgressColumn())

    def step(self, seconds: float, remaining: int) -> None:
        """A step of so many seconds is done, `remaining` are left."""
        if seconds * remaining > WORTH_SECONDS:
            self.show()
        if remaining:
            rate = self._leaves / seconds if seconds else 0.0
            self.update(self._chunks - remaining + 1, f"{rate:,.0f} leaves/s")
