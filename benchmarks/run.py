"""`make bench`: every figure in one run, as tables, as JSON and as a picture.

Best on an idle machine. `--against COMMIT` measures an older tree in turn with this one, so that
ratios are honest where the machine is slow or busy. Ctrl-C ends it and keeps the parts that are
done.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import history
import host
import trees
from extents import EXTENTS, FULL, QUICK, USUAL, Extent
from history import Measured, Run
from measure import Figure, plain
from parts import PARTS
from publishing import HISTORY, publish
from trees import Tree

DOCS = trees.ROOT / "docs/explanation"
PART = Path(__file__).resolve().with_name("part.py")


def main() -> int:
    """Measure, print, write. Returns the exit code: 1 when a part failed."""
    options = _options()
    extent: Extent = EXTENTS[options.extent]
    folder = options.out or _folder(extent)
    with contextlib.ExitStack() as stack:
        measured = [trees.here()]
        if options.against:
            measured.append(stack.enter_context(trees.checked_out(options.against)))
        runs = [_run_of(tree, measured) for tree in measured]
        print(f"{host.sentence(runs[0].host)} Tree {measured[0].commit}.")
        earlier = history.earlier(history.read(folder / HISTORY), runs[0])
        failed = []
        for part in options.only or PARTS:
            try:
                failed += [] if _measure(part, runs, measured, extent) else [part]
            except KeyboardInterrupt:
                failed.append(_forget(part, runs))
                break
            _tell(part, runs, earlier)
    text, written = publish(runs, folder)
    print(f"\n{text}\n", *(f"wrote {path}" for path in written), sep="\n")
    print(*(f"FAILED: {part}" for part in failed), sep="\n")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--only", action="append", choices=list(PARTS), help="one part of it; may come again")
    add("--against", metavar="COMMIT", default="", help="an older tree to measure in turn")
    extent = parser.add_mutually_exclusive_group()
    for each, words in (
        (FULL, "all: slow libraries, h20/w8, 1,000 machines, 100,000 signatures to audit"),
        (QUICK, "a second or two of each part; only shows that it runs"),
    ):
        extent.add_argument(
            f"--{each.name}", dest="extent", action="store_const", const=each.name, help=words
        )
    parser.set_defaults(extent=USUAL.name)
    add("--out", type=Path, metavar="DIR", help="where results go; default docs/explanation")
    return parser.parse_args()


def _folder(extent: Extent) -> Path:
    return trees.ROOT / "build/bench" if extent is QUICK else DOCS


def _run_of(tree: Tree, measured: list[Tree]) -> Run:
    beside = next((other.commit for other in measured if other is not tree), "")
    return Run(host.describe(), tree.commit, tree.clean, beside)


def _measure(name: str, runs: list[Run], measured: list[Tree], extent: Extent) -> bool:
    """One part of all trees, in turn. Returns whether it went through in all of them."""
    part, well = PARTS[name], True
    print(f"\n{part.title} ({name})", flush=True)
    others = host.Others()
    for _ in range(part.times(extent)):
        for tree, run in zip(measured, runs, strict=True):
            if tree is measured[0] or part.against:
                well &= _measured_once(name, run, tree, extent)
    for run in runs if not part.detached else ():
        run.others[name] = others.share()
    return well


def _tell(name: str, runs: list[Run], earlier: Mapping[str, tuple[float, str]]) -> None:
    """Each figure of a part, with that of the other tree and the last one of this machine."""
    for figure, each in runs[0].parts.get(name, {}).items():
        told = [
            f"{plain(run.parts[name][figure].value)} ({run.commit} in turn)"
            for run in runs[1:]
            if figure in run.parts.get(name, {})
        ]
        if figure in earlier:
            told.append(f"{plain(earlier[figure][0])} ({earlier[figure][1]} before)")
        print(f"  {figure:<66} {plain(each.value):>10} {each.unit:<12}", *told, flush=True)
    for run in runs:
        for why in run.missing.get(name, "").splitlines():
            print(f"  {run.commit}: {why}", flush=True)


def _forget(name: str, runs: list[Run]) -> str:
    """Drop what a part has so far: half of its rounds would count for all. Returns what failed."""
    for run in runs:
        run.parts.pop(name, None)
    return f"{name}, where it was stopped"


def _measured_once(name: str, run: Run, tree: Tree, extent: Extent) -> bool:
    """Adds what one process measures. Returns whether it went through."""
    with tree.python(str(PART), name, extent.name) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told = json.loads(line)
            if "missing" in told:
                run.missing[name] = told["missing"]
            else:
                _add(run.parts.setdefault(name, {}), Figure(**told["figure"]))
    if process.returncode:
        run.missing[name] = f"{name}: failed"
    return process.returncode == 0


def _add(figures: dict[str, Measured], figure: Figure) -> None:
    measured = figures.setdefault(figure.name, Measured(figure.unit, []))
    measured.samples.append(float(f"{figure.value:.6g}"))
    measured.note = figure.note


if __name__ == "__main__":
    sys.exit(main())
