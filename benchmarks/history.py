"""docs/explanation/bench.json: every run that was kept, by machine and commit."""

import json
import re
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 2


@dataclass(slots=True)
class Measured:
    """What the rounds of a run gave."""

    unit: str
    samples: list[float]
    note: str = ""

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(self.samples)


@dataclass(slots=True)
class Run:
    """One tree on one machine. `host` is that of host.describe; `others` the shares of the cores
    that others had, by part; `missing` what could not be measured, by part; `beside` the commit of
    a tree that was measured in turn with this one, or empty.
    """

    host: dict[str, Any]
    commit: str
    clean: bool | None
    beside: str = ""
    others: dict[str, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    parts: dict[str, dict[str, Measured]] = field(default_factory=dict)

    @property
    def figures(self) -> dict[str, float]:
        """Values by name."""
        return {name: each.value for part in self.parts.values() for name, each in part.items()}

    @property
    def place(self) -> tuple[str, int, str]:
        """The machine, and the Python on it."""
        return self.host["cpu"], self.host["cores"], self.host["python"]

    def take(self, other: "Run") -> None:
        """Parts that a later run of the same tree measured again."""
        self.host, self.beside = other.host, other.beside
        for part in (*other.parts, *other.missing):
            self.missing.pop(part, None)
            self.parts.pop(part, None)
        self.others |= other.others
        self.missing |= other.missing
        self.parts |= other.parts


def read(path: Path) -> list[Run]:
    """The runs of a file, in the order in which they were kept; none where there is no file.

    Raises ValueError.
    """
    if not path.exists():
        return []
    document = json.loads(path.read_text())
    if document.get("format") != FORMAT:
        raise ValueError(f"{path} is not of format {FORMAT}")
    return [_run(each) for each in document["runs"]]


def write(path: Path, runs: Iterable[Run]) -> None:
    """Keep them, each figure on a line of its own."""
    document = {"format": FORMAT, "runs": [asdict(run) for run in runs]}
    text = json.dumps(document, indent=1)
    text = re.sub(r"\n {5}([}\]])", r"\1", re.sub(r"\n {6,}", " ", text))
    path.write_text(f"{text}\n")


def kept(runs: list[Run], new: Run) -> Run:
    """Add a run, or its parts to the one that is there of its tree and machine; that one."""
    for run in runs:
        if (run.place, run.commit, run.clean) == (new.place, new.commit, new.clean):
            run.take(new)
            return run
    runs.append(new)
    return new


def earlier(runs: Iterable[Run], than: Run) -> dict[str, tuple[float, str]]:
    """Of each figure the last value of another commit on such a machine, and that commit."""
    found: dict[str, tuple[float, str]] = {}
    for run in sorted(runs, key=lambda run: run.host["date"]):
        if run.place == than.place and run.commit != than.commit and run.clean is not False:
            found |= {name: (value, run.commit) for name, value in run.figures.items()}
    return found


def _run(document: dict[str, Any]) -> Run:
    parts = {
        part: {name: Measured(**each) for name, each in figures.items()}
        for part, figures in document["parts"].items()
    }
    return Run(**{**document, "parts": parts})
