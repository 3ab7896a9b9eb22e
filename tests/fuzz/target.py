"""What a fuzz target is, and the table that each file of targets adds its own to."""

import functools
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SCRATCH_VARIABLE = "SEEMACHINE_FUZZ_SCRATCH"
CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Target:
    """`run` takes any bytes and raises when something does not hold.

    `seeds` reach what is deep inside; `longest` is in bytes.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    longest: int

    def corpus(self) -> dict[str, bytes]:
        """The kept inputs, by file name."""
        return {path.name: path.read_bytes() for path in sorted((CORPUS / self.name).glob("*"))}

    def inputs(self) -> dict[str, bytes]:
        """The seeds, by their numbers, and the kept inputs."""
        return {f"seed {number}": seed for number, seed in enumerate(self.seeds)} | self.corpus()


TARGETS: dict[str, Target] = {}


def target(
    *seeds: bytes, longest: int = 4096
) -> Callable[[Callable[[bytes], None]], Callable[[bytes], None]]:
    """Make a function a target under its own name."""

    def add(run: Callable[[bytes], None]) -> Callable[[bytes], None]:
        name = run.__name__
        assert name not in TARGETS
        TARGETS[name] = Target(name, run, (b"", *seeds), longest)
        return run

    return add


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    # A fuzzer's process ends without cleaning up, so that it is given a folder by who started it.
    given, memory = os.environ.get(SCRATCH_VARIABLE), Path("/dev/shm")
    return tempfile.TemporaryDirectory(
        prefix="seemachine-fuzz-", dir=given or (memory if memory.is_dir() else None)
    )


def scratch(name: str) -> Path:
    """A folder of that name for the files of targets, the same one at each call; in memory where
    the system offers that.
    """
    folder = Path(_folder().name) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
