"""Every engine and kernel on one core: leaves, one-time signatures and verifications per second.

Part of `make bench`, and on its own as `python benchmarks/engines.py [parameter set]`. Each figure
is the best of some short trials, all trials going round the engines in turn.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from host import CORES, one_thread
from measure import once

from seemachine.lms import engines
from seemachine.lms.engines import Engine, EngineError, RecoverJob, SignJob
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.parameters import OtsParameters, lmots, lms

TRIALS = 3
TRIAL_SECONDS = 0.1
BATCH = 64
CHOSEN = "chosen"
KINDS = ("leaves", "sign", f"sign {BATCH}", "verify", f"verify {BATCH}")
IDENTIFIER, SEED = bytes(range(16)), bytes(range(32))


@dataclass
class Contestant:
    """What one engine has reached, per second."""

    name: str
    work: dict[str, Callable[[], int]]
    best: dict[str, float] = field(default_factory=dict)

    def try_once(self, duration: float) -> None:
        """One trial of each kind of work, so many seconds long."""
        for kind, do in self.work.items():
            made, spent = 0, 0.0
            while spent < duration:
                done: list[int] = []
                spent += once(lambda do=do, done=done: done.append(do()))
                made += done[0]
            self.best[kind] = max(self.best.get(kind, 0), made / spent)


def contestant(name: str, engine: Engine, ots: OtsParameters, leaves: int) -> Contestant:
    """An engine of ours: whole runs of leaves, then signatures one by one and in batches."""
    tree = lms(f"{ots.hash}_m{ots.n}_h20")
    jobs = [SignJob(IDENTIFIER, SEED, leaf, os.urandom(ots.n)) for leaf in range(BATCH)]
    checks = [
        RecoverJob(job.identifier, job.leaf, job.digest, made)
        for job, made in zip(jobs, engine.sign(ots, jobs), strict=True)
    ]
    turn = iter(range(1 << 60))
    work: tuple[Callable[[], int], ...] = (
        lambda: len(engine.leaf_nodes(tree, ots, IDENTIFIER, SEED, range(leaves))) // ots.n,
        lambda: len(engine.sign(ots, [jobs[next(turn) % BATCH]])),
        lambda: len(engine.sign(ots, jobs)),
        lambda: len(engine.recover(ots, [checks[next(turn) % BATCH]])),
        lambda: len(engine.recover(ots, checks)),
    )
    return Contestant(name, dict(zip(KINDS, work, strict=True)))


def contestants(ots: OtsParameters) -> list[Contestant]:
    """Everything that works here; the last ones are what is chosen, on one thread and on all."""
    found = [contestant("portable", PortableEngine(), ots, 4)]
    try:
        from seemachine.lms.engines.native import NativeEngine
        from seemachine.lms.engines.pool import Pool
    except ImportError:
        return [*found, contestant(CHOSEN, one_thread(), ots, 4)]
    for name in ("scalar", "x4", "avx2", "sha_ni", "avx512"):
        try:
            found.append(contestant(name, NativeEngine(name, Pool(1)), ots, 64))
        except EngineError as reason:
            print(reason)
    return [
        *found,
        contestant(CHOSEN, one_thread(), ots, 64),
        contestant(f"{CHOSEN}, {CORES} threads", engines.select(), ots, 1024),
    ]


def go_round(found: list[Contestant], duration: float) -> None:
    """All trials."""
    for _ in range(TRIALS):
        for each in found:
            each.try_once(duration)


def measure(ots: OtsParameters, duration: float = TRIAL_SECONDS) -> list[Contestant]:
    """Everything that works here, tried."""
    found = contestants(ots)
    go_round(found, duration)
    return found


def main() -> None:
    """Print the table."""
    ots = lmots(sys.argv[1] if len(sys.argv) > 1 else "sha256_n32_w8")
    print(f"{ots.name:22}" + "".join(f"{kind:>12}" for kind in KINDS))
    for each in measure(ots):
        print(f"{each.name:22}" + "".join(f"{each.best[kind]:12,.0f}" for kind in KINDS))


if __name__ == "__main__":
    main()
