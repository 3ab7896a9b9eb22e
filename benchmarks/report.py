"""The results as Markdown tables, ratios first, and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from comparison import KEYGENS, RATE_SECONDS, RATES, TRIALS, Comparison
from engines import KINDS, Contestant
from host import sentence
from libraries import Library, Ours
from measure import Row, plain

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
COMPARED = [*KEYGENS.values(), *RATES]


@dataclass(slots=True)
class Results:
    """Everything that one run measured."""

    host: dict[str, Any]
    others: dict[str, float] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    comparison: Comparison | None = None
    contestants: list[Contestant] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """All of it, for JSON."""
        compared = self.comparison
        return {
            "host": self.host,
            "others": self.others,
            "skipped": self.skipped,
            "libraries": compared.trials if compared else {},
            "extrapolated": sorted(compared.estimated) if compared else [],
            "engines": {each.name: each.best for each in self.contestants},
            "rows": {
                part: [asdict(row) | {"goal": row.goal, "met": row.met} for row in rows]
                for part, rows in self.rows.items()
            },
        }


def markdown(results: Results) -> str:
    """The whole report."""
    parts = [f"{sentence(results.host)} {_others(results.others)}"]
    if results.comparison:
        parts += _ratios(results.comparison)
    parts += [
        "**Goals**",
        table(
            ["goal", "figure", "unit", "to reach", ""],
            [_goal(row) for row in _with_goals(results.rows)],
        ),
    ]
    if results.comparison:
        parts += _libraries(results.comparison)
    if results.contestants:
        parts += _engines(results.contestants)
    for part, rows in results.rows.items():
        if all(row.goal for row in rows):
            continue  # said above
        parts += [
            f"**{part.capitalize()}**",
            table(["figure", "", "unit", "note"], [_plain_row(row) for row in rows]),
        ]
    return "\n\n".join([*parts, *results.skipped]) + "\n"


def publish(results: Results, folder: Path) -> list[Path]:
    """Write bench.json, and the tables between the marks of performance.md, or into bench.md where
    there are no marks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data, page, alone = folder / "bench.json", folder / "performance.md", folder / "bench.md"
    data.write_text(json.dumps(results.document(), indent=1) + "\n")
    text, before = markdown(results), page.read_text() if page.exists() else ""
    if BEGIN in before and END in before:
        head, tail = before.split(BEGIN, 1)[0], before.split(END, 1)[1]
        page.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}")
        return [data, page]
    alone.write_text(text)
    return [data, alone]


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table that is readable as text too."""
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in [head, rule, *lines]
    )


def _others(shares: dict[str, float]) -> str:
    return (
        "Meanwhile others used of the cores: "
        + ", ".join(f"{share:.0%} ({part})" for part, share in shares.items())
        + "."
    )


def _ratios(compared: Comparison) -> list[str]:
    peers = [library for library in compared.libraries if not isinstance(library, Ours)]
    lines = [
        [f"than {peer.name}", *(_times(compared, peer, kind) for kind in COMPARED)]
        for peer in peers
    ]
    return [
        (
            "**How many times faster seemachine is** (one thread against one, all cores against"
            " all; ~ is extrapolated)"
        ),
        table(["times faster", *COMPARED], lines),
    ]


def _times(compared: Comparison, peer: Library, kind: str) -> str:
    times = compared.times_faster(peer, kind)
    return "" if times is None else f"{_about(compared, peer.name, kind)}{plain(times)}"


def _libraries(compared: Comparison) -> list[str]:
    lines = [
        [each.name, *(_figure(compared, each.name, kind) for kind in COMPARED)]
        for each in compared.libraries
    ]
    caveats = [
        f"Signing with {each.name} is not compared: {each.caveat}."
        for each in compared.libraries
        if each.signs and each.caveat
    ]
    return [
        (
            "**Absolute**: seconds to make a key, signatures and verifications of 32 bytes per"
            f" second (h10, {RATE_SECONDS} s each); medians of {TRIALS} trials that go round all"
            " libraries; ~ is 32 times h10"
        ),
        table(["library", *COMPARED], lines),
        *caveats,
    ]


def _figure(compared: Comparison, name: str, kind: str) -> str:
    figure = compared.figure(name, kind)
    return "" if figure is None else f"{_about(compared, name, kind)}{plain(figure)}"


def _about(compared: Comparison, name: str, kind: str) -> str:
    return "~" if (name, kind) in compared.estimated else ""


def _engines(found: list[Contestant]) -> list[str]:
    lines = [[each.name, *(plain(each.best[kind]) for kind in KINDS)] for each in found]
    return [
        (
            "**Engines**, sha256 n32 w8, per second on one core but for the last line; the number"
            " after a kind is its batch"
        ),
        table(["kernel", *KINDS], lines),
    ]


def _with_goals(parts: dict[str, list[Row]]) -> list[Row]:
    return [row for rows in parts.values() for row in rows if row.goal]


def _goal(row: Row) -> list[str]:
    return [row.name, plain(row.value), row.unit, row.goal, "met" if row.met else "MISSED"]


def _plain_row(row: Row) -> list[str]:
    return [row.name, plain(row.value), row.unit, row.note]
