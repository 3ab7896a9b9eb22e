"""`make bench`: every figure in one run, as tables, as JSON and as a picture.

Best on an idle machine; `--full` adds what takes minutes.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import chart
import cold_start
import engines
import host
import libraries
import outside
import wire
from comparison import compare
from measure import Row, plain
from report import Results, markdown, publish

from seemachine.lms.parameters import lmots

DOCS = Path(__file__).resolve().parent.parent / "docs/explanation"


def main() -> None:
    """Measure, print, write."""
    options = _options()
    results = Results(host.describe())
    print(host.sentence(results.host))
    for part in options.only or PARTS:
        print(f"\n{part}", flush=True)
        others = host.Others()
        PARTS[part](results, options.full)
        results.others[part] = others.share()
    print(f"\n{markdown(results)}")
    written = publish(results, options.out)
    print(
        *(f"wrote {path}" for path in written),
        chart.draw(results, options.out / "bench.png"),
        sep="\n",
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=list(PARTS), help="one part of it; may come again"
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="h15/w8 with the slow libraries too, and h20/w8 through the daemon",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=DOCS,
        metavar="DIR",
        help="where the results go; default docs/explanation",
    )
    return parser.parse_args()


def _libraries(results: Results, full: bool) -> None:
    found, missing = outside.present()
    results.skipped += missing
    every = [*libraries.ours(), *found, *libraries.plain_python()]
    try:
        results.comparison = compare(every, full=full)
    finally:
        for library in every:
            library.close()
    _take(results, "libraries", results.comparison.rows())


def _engines(results: Results, _full: bool) -> None:
    results.contestants = engines.measure(lmots("sha256_n32_w8"))
    _take(results, "engine", engines.rows(results.contestants))


def _wire(results: Results, full: bool) -> None:
    _take(results, "through the daemon", wire.rows(full=full))


def _start(results: Results, _full: bool) -> None:
    _take(results, "cold start", cold_start.rows())


PARTS: dict[str, Callable[[Results, bool], None]] = {
    "libraries": _libraries,
    "engines": _engines,
    "wire": _wire,
    "start": _start,
}


def _take(results: Results, title: str, rows: Iterable[Row]) -> None:
    """Keep the rows, and print each as it comes."""
    results.rows[title] = []
    for row in rows:
        results.rows[title].append(row)
        print(f"  {row.name:<60} {plain(row.value):>10} {row.unit}", flush=True)


if __name__ == "__main__":
    main()
