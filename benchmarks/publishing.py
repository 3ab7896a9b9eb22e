"""Where a run goes: the history, and between the marks of the pages that show figures."""

from collections.abc import Sequence
from pathlib import Path

import chart
import history
from history import Run
from report import Beside, goals, headlines, markdown

HISTORY = "bench.json"
PICTURE = "bench.png"
FIGURES = "performance-figures.md"
EXPECTATIONS = "performance.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def publish(runs: Sequence[Run], folder: Path) -> tuple[str, list[str]]:
    """Keep the runs, the first of which is that of this tree, and show that one. Returns which
    goals it reached, and what was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    past = history.read(folder / HISTORY)
    kept = [history.kept(past, run) for run in runs]
    history.write(folder / HISTORY, past)
    beside = _beside(kept, past)
    _show(folder / FIGURES, markdown(kept[0], beside))
    _show(folder / EXPECTATIONS, headlines(kept[0]))
    written = [str(folder / name) for name in (HISTORY, FIGURES, EXPECTATIONS)]
    return goals(kept[0], beside), [*written, chart.draw(kept[0], folder / PICTURE)]


def _beside(kept: Sequence[Run], past: Sequence[Run]) -> Beside:
    other = kept[1] if len(kept) > 1 else None
    rest = [run for run in past if run is not other]
    return Beside(other, history.earlier(rest, kept[0]))


def _show(page: Path, text: str) -> None:
    """Between the marks; a page without marks is made anew."""
    before = page.read_text() if page.exists() else ""
    if BEGIN not in before or END not in before:
        before = f"{BEGIN}{END}\n"
    head, tail = before.split(BEGIN, 1)[0], before.split(END, 1)[1]
    page.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}")
