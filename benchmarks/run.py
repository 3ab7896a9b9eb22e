"""`make bench`: every figure in one run, as a table and as JSON beside it."""

import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

import cold_start
import wire
from measure import Row

from seemachine.lms import engines

PARTS = {"cold start": cold_start.rows, "through the wire": wire.rows}


def main() -> None:
    """Measure, print, and write results.json into the folder given (or build/)."""
    chosen = sys.argv[1:] or list(PARTS)
    engine = engines.select()
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores, engine {engine.name}/{engine.kernel}")
    results: dict[str, list[Row]] = {}
    for part in chosen:
        print(f"\n{part}")
        results[part] = []
        for row in PARTS[part]():
            results[part].append(row)
            print(f"  {row.name:<64} {row.value:>10,.2f} {row.unit:<11} {row.beside}".rstrip(), flush=True)
    folder = Path("build")
    folder.mkdir(exist_ok=True)
    document = {part: [asdict(row) for row in rows] for part, rows in results.items()}
    (folder / "bench.json").write_text(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
