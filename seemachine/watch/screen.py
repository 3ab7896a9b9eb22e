"""A fleet on a terminal: drawn anew with each look, on a screen that is gone at the end."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from seemachine.printing import has_colors
from seemachine.watch.keyboard import Keyboard
from seemachine.watch.layout import sections
from seemachine.watch.paper import DIM, Line, Paper, fitted
from seemachine.watch.watched import Change, Watched
from seemachine.wire.printable import printable

# Lines of a screen that has room for a title.
LEAST_TITLED = 6
# What a narrow screen must show stands first.
LEAVING = "q or Ctrl-C ends"


class Screen:
    """What is shown until the block that `opened` it ends."""

    def __init__(self, console: Console, keyboard: Keyboard, title: str = "") -> None:
        self._console = console
        self._keyboard = keyboard
        self._title = title
        # Until the first look is there: a machine that hangs is waited for.
        waiting = _shown(Line(f"{LEAVING}   asking the machines", DIM))
        self._live = Live(waiting, console=console, screen=True, auto_refresh=False)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Ctrl-Z gives the terminal back, too; `fg` draws it again."""
        before = signal.signal(signal.SIGTSTP, self._pause)
        try:
            self._keyboard.take()
            with self._live:
                yield
        finally:
            self._keyboard.give_back()
            signal.signal(signal.SIGTSTP, before)

    def draw(self, watched: Watched, changes: Sequence[Change]) -> None:
        """As much as there is room for."""
        size = self._console.size
        paper = Paper(size.width, blocks=_has_blocks(self._console))
        titled = bool(self._title) and size.height >= LEAST_TITLED
        lines = fitted(sections(watched, changes, paper), size.height - titled)
        if titled:
            lines.insert(0, Line(f"{LEAVING}   {self._title}", DIM))
        self._live.update(Group(*map(_shown, lines)), refresh=True)

    def _pause(self, _number: int, _frame: FrameType | None) -> None:
        self._live.stop()
        self._keyboard.give_back()
        signal.raise_signal(signal.SIGSTOP)
        self._keyboard.take()
        self._live.start(refresh=True)


def console_of(environ: Mapping[str, str]) -> Console:
    """The terminal of standard output, with colours where it and its user want them."""
    colors = has_colors(environ)
    return Console(highlight=False, markup=False, emoji=False, no_color=not colors)


def _has_blocks(console: Console) -> bool:
    return console.encoding.startswith("utf")


def _shown(line: Line) -> Text:
    return Text(printable(line.text), style=line.style, no_wrap=True, overflow="ellipsis")
