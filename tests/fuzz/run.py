"""Fuzz all targets, each in a process of its own: python -m fuzz.run SECONDS [TARGET ...].

What is found lies in .fuzz/findings, and what the fuzzer learned in .fuzz/corpus; `python -m
fuzz.keep` takes the best of that along.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fuzz.target import CORPUS, SCRATCH_VARIABLE, Target
from fuzz.targets import TARGETS

WORK = Path(__file__).parents[2] / ".fuzz"
AT_A_TIME = 2
# One input: seconds, and MiB of the whole process. The slowest targets hash some hundred leaves.
OPTIONS = ("-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1")
# libFuzzer ends by itself; this is for a target that hangs where it can't look.
GRACE_SECONDS = 120


@dataclass(frozen=True)
class Outcome:
    """What became of one target.

    `first` and `last` are the edges covered by the inputs at hand and at the end.
    """

    name: str
    executions: int
    first: int
    last: int
    finding: str
    output: str

    def __str__(self) -> str:
        covered = f"coverage {self.first} + {self.last - self.first}"
        line = f"{self.name:<18} {self.executions:>11,} executions   {covered}   {self.finding}"
        return line.rstrip()


def folders(target: Target) -> list[Path]:
    """The fuzzer's own corpus with the seeds in it, then the kept one."""
    work = WORK / "corpus" / target.name
    work.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (work / f"seed-{number}").write_bytes(seed)
    return [work, *(path for path in [CORPUS / target.name] if path.is_dir())]


def fuzz(target: Target, seconds: int) -> Outcome:
    """Fuzz one target for some seconds, or until something is found."""
    prefix = WORK / "findings" / f"{target.name}-"
    options = (*OPTIONS, f"-max_total_time={seconds}", f"-artifact_prefix={prefix}")
    with tempfile.TemporaryDirectory(
        dir="/dev/shm" if Path("/dev/shm").is_dir() else None
    ) as scratch:
        command = [
            "nice",
            "-n",
            "10",
            sys.executable,
            "-m",
            "fuzz.one",
            target.name,
            *options,
            *map(str, folders(target)),
        ]
        environment = os.environ | {SCRATCH_VARIABLE: scratch}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            output, _ = process.communicate(timeout=seconds + GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
    return outcome(target.name, output.decode(errors="replace"), process.returncode)


def outcome(name: str, output: str, code: int) -> Outcome:
    """Read what libFuzzer printed."""
    executed = re.findall(r"^(?:stat::number_of_executed_units: |#)(\d+)", output, re.MULTILINE)
    covered = [int(edges) for edges in re.findall(r"cov: (\d+)", output)] or [0]
    left = re.findall(r"Test unit written to (\S+)", output)
    finding = "" if not code else f"FOUND {left[0] if left else f'exit code {code}'}"
    return Outcome(
        name, max(map(int, executed), default=0), covered[0], covered[-1], finding, output
    )


def main() -> int:
    """0 when nothing was found."""
    seconds, names = int(sys.argv[1]), sys.argv[2:] or list(TARGETS)
    (WORK / "findings").mkdir(parents=True, exist_ok=True)
    outcomes = []
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for done in pool.map(lambda name: fuzz(TARGETS[name], seconds), names):
            print(done, flush=True)
            outcomes.append(done)
    found = [done for done in outcomes if done.finding]
    for done in found:
        print(f"\n{done.name}:\n" + done.output[-4000:])
    print(
        f"{len(outcomes)} targets, {sum(done.executions for done in outcomes):,} executions,"
        f" {len(found)} findings"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
