"""A run as Markdown tables: goals first, then every part, with earlier figures beside the new."""

from collections.abc import Sequence
from dataclasses import dataclass

from goals import BASE, verdicts
from history import Measured, Run
from host import sentence
from measure import plain
from parts import PARTS

HEADLINES = {
    "sign h15/w8, 64 clients": "signatures, 64 clients, w=8",
    "sign h15/w4, 64 clients": "signatures, 64 clients, w=4",
    "sign_many h15/w8, 2 connections of 64": "signatures in batches, two connections, w=8",
    "sign_many h15/w4, 2 connections of 64": "signatures in batches, two connections, w=4",
    "sign h15/w8, one client, p50": "a signature of one client, w=8, median",
    "sign h15/w8, one commit of SQLite, flushed": "of that, a flushed commit of SQLite",
    "leaves, sha256_n32_w8": "leaves made on one core, w=8",
    "keygen h15/w8, through the daemon": "an h15/w8 key on all cores",
    "daemon ready, from process start to published": "a machine ready, from its start",
    "pipsqueak banner, one machine": "`pipsqueak`, which lists one machine",
    "100 machines, a process each: ready": "100 machines up, each in a process of its own",
    "100 machines, a process each: memory (PSS)": "their memory",
    "100 machines in one process: ready": "100 machines up, all in one process",
    "100 machines in one process: memory (PSS)": "the memory of these",
    "a machine of its own: ready, p50": "a machine for a test, ready",
    "a machine of its own: gone, p50": "the same, gone",
    "1000 tests with a machine each": "1,000 tests, each with a machine, a key and a signature",
    "verification in bulk, h10/w8, on a core": "verifications in bulk on one core, w=8",
    "audit, signatures a second": "signatures audited, all cores",
}


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the figures of a run: those of a tree that was measured in turn, and the
    last ones of this kind of machine with their commits.
    """

    other: Run | None
    earlier: dict[str, tuple[float, str]]

    def figures(self) -> dict[str, float]:
        """Of the other tree."""
        return self.other.figures if self.other else {}


def markdown(run: Run, beside: Beside) -> str:
    """The whole report."""
    sections = [_head(run), goals(run, beside)]
    for name, figures in run.parts.items():
        if name in PARTS and figures:
            part = PARTS[name]
            sections += [f"## {part.title}", *_part(figures, beside, matrix=part.table)]
    if run.missing:
        missing = "\n".join(
            f"* {each}" for why in run.missing.values() for each in why.splitlines()
        )
        sections += ["## Not measured", missing]
    return "\n\n".join(sections) + "\n"


def goals(run: Run, beside: Beside) -> str:
    """What was to be reached, and whether it was."""
    base = beside.figures() if beside.other and beside.other.commit.startswith(BASE) else {}
    lines = [
        [each.goal.figure, plain(each.value), each.goal.words, each.ratio, each.words]
        for each in verdicts(run.host, run.figures, base)
    ]
    head = ["goal", "figure", "to reach", f"times {BASE}", "result"]
    return f"## Goals\n\n{table(head, lines)}" if lines else ""


def headlines(run: Run) -> str:
    """What most readers want to know."""
    found = {name: each for part in run.parts.values() for name, each in part.items()}
    lines = [
        [words, plain(found[name].value), found[name].unit]
        for name, words in HEADLINES.items()
        if name in found
    ]
    return f"{sentence(run.host)}\n\n{table(['what', '', ''], lines)}\n"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table that is readable as text too, without columns that are empty."""
    full = [
        column
        for column in range(len(head))
        if head[column] == "" or any(line[column] for line in lines)
    ]
    rows = [[line[column] for column in full] for line in (head, *lines)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(full))]
    rows.insert(1, ["-" * max(3, width) for width in widths])
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(max(3, width)) for cell, width in zip(row, widths, strict=True))
        + " |"
        for row in rows
    )


def _head(run: Run) -> str:
    state = {True: ", as committed", False: ", with changes that are not committed", None: ""}
    beside = f" In turn with it: {run.beside}." if run.beside else ""
    shares = ", ".join(f"{share:.0%} ({part})" for part, share in run.others.items())
    return (
        f"{sentence(run.host)} Tree {run.commit}{state[run.clean]}.{beside} Meanwhile others used"
        f" of the cores: {shares}."
    )


def _part(figures: dict[str, Measured], beside: Beside, *, matrix: bool) -> list[str]:
    cells = {name: each for name, each in figures.items() if matrix and ": " in name}
    lines = [_line(name, each, beside) for name, each in figures.items() if name not in cells]
    other = beside.other.commit if beside.other else ""
    head = ["figure", "now", "unit", "spread", "before", other or "other", "times", "note"]
    return [*([_matrix(cells)] if cells else []), *([table(head, lines)] if lines else [])]


def _line(name: str, each: Measured, beside: Beside) -> list[str]:
    before = beside.earlier.get(name)
    other = beside.figures().get(name)
    return [
        name,
        plain(each.value),
        each.unit,
        f"{plain(min(each.samples))}..{plain(max(each.samples))}" if len(each.samples) > 1 else "",
        f"{plain(before[0])} ({before[1]})" if before else "",
        "" if other is None else plain(other),
        f"{each.value / other:.2f}" if other else "",
        each.note,
    ]


def _matrix(cells: dict[str, Measured]) -> str:
    """Figures called `column: row`; the note of one, such as ~, stands before it."""
    columns = list(dict.fromkeys(name.split(": ")[0] for name in cells))
    rows = list(dict.fromkeys(name.split(": ")[1] for name in cells))
    lines = [[row, *(_cell(cells.get(f"{column}: {row}")) for column in columns)] for row in rows]
    return table(["", *columns], lines)


def _cell(each: Measured | None) -> str:
    return "" if each is None else f"{each.note}{plain(each.value)}"
