"""Every engine and kernel in one run: leaves, signatures and verifications per second, and how many times faster than pyhsslms.

Run as `python benchmarks/engines.py [parameter set]`, best on an idle machine. Each figure is the best of some short trials, all trials
going round the engines in turn, so that a slow moment of the machine meets them all.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from seemachine.lms.engines import Engine, EngineError, RecoverJob, SignJob
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.parameters import OtsParameters, lmots, lms

TRIALS = 5
TRIAL_SECONDS = 0.3
IDENTIFIER, SEED = bytes(range(16)), bytes(range(32))


@dataclass
class Row:
    """What one engine has reached, per second."""

    name: str
    work: dict[str, Callable[[], int]]
    best: dict[str, float] = field(default_factory=dict)

    def try_once(self) -> None:
        """One trial of each kind of work."""
        for kind, do in self.work.items():
            begun, made = time.perf_counter(), 0
            while (spent := time.perf_counter() - begun) < TRIAL_SECONDS:
                made += do()
            self.best[kind] = max(self.best.get(kind, 0), made / spent)


def engine_row(name: str, engine: Engine, ots: OtsParameters, leaves: int) -> Row:
    """An engine of ours: whole runs of leaves, then signatures one by one and in batches."""
    tree = lms(f"{ots.hash}_m{ots.n}_h20")
    jobs = [SignJob(IDENTIFIER, SEED, leaf, os.urandom(ots.n)) for leaf in range(64)]
    checks = [RecoverJob(job.identifier, job.leaf, job.digest, made) for job, made in zip(jobs, engine.sign(ots, jobs), strict=True)]
    turn = iter(range(1 << 60))

    def leaf_nodes() -> int:
        return len(engine.leaf_nodes(tree, ots, IDENTIFIER, SEED, range(leaves))) // ots.n

    return Row(
        name,
        {
            "leaves": leaf_nodes,
            "sign": lambda: len(engine.sign(ots, [jobs[next(turn) % 64]])),
            "sign 64": lambda: len(engine.sign(ots, jobs)),
            "verify": lambda: len(engine.recover(ots, [checks[next(turn) % 64]])),
            "verify 64": lambda: len(engine.recover(ots, checks)),
        },
    )


def pyhsslms_row(ots: OtsParameters) -> Row:
    """The reference: one-time keys of pyhsslms, which has no batches."""
    import pyhsslms

    typecode = ots.typecode.to_bytes(4, "big")

    def leaf() -> int:
        pyhsslms.LmotsPrivateKey(IDENTIFIER, (0).to_bytes(4, "big"), SEED[: ots.n], typecode).publicKey()
        return 1

    return Row("pyhsslms", {"leaves": leaf})


def rows(ots: OtsParameters) -> list[Row]:
    """Everything that works here."""
    found = [pyhsslms_row(ots), engine_row("portable", PortableEngine(), ots, 4)]
    try:
        from seemachine.lms.engines.native import NativeEngine, usable_cores
        from seemachine.lms.engines.pool import Pool
    except ImportError:
        return found
    for name in ("scalar", "x4", "avx2", "sha_ni", "avx512", None):
        try:
            found.append(engine_row(name or "chosen", NativeEngine(name, Pool(1)), ots, 64))
        except EngineError as reason:
            print(reason)
    found.append(engine_row(f"chosen, {usable_cores()} threads", NativeEngine(), ots, 1024))
    return found


def main() -> None:
    """Print the table."""
    ots = lmots(sys.argv[1] if len(sys.argv) > 1 else "sha256_n32_w8")
    table = rows(ots)
    for _ in range(TRIALS):
        for row in table:
            row.try_once()
    kinds = list(table[1].work)
    base = table[0].best["leaves"]
    print(f"{ots.name:20}" + "".join(f"{kind:>12}" for kind in kinds) + "  leaves, times pyhsslms   h10, s")
    for row in table:
        figures = "".join(f"{row.best[kind]:12,.0f}" if kind in row.best else " " * 12 for kind in kinds)
        print(f"{row.name:20}{figures}{row.best['leaves'] / base:15,.1f}{1024 / row.best['leaves']:18.4f}")


if __name__ == "__main__":
    main()
