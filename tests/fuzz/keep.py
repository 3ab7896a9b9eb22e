"""Keep the best of what the fuzzer learned: python -m fuzz.keep [TARGET ...].

Of the kept inputs and .fuzz/corpus, the smallest that take every step from line to line that any of
them takes are written to the kept corpus. Inputs of findings are never given up; their names begin
with `found-`.
"""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

from fuzz.run import WORK
from fuzz.target import CORPUS, Target
from fuzz.targets import TARGETS

Step = tuple[str, int, int]
# Larger inputs are not worth their place in the repository.
MOST_BYTES = 2048
OURS = ("/seemachine/", "/seeclient/")


def steps_of(target: Target, data: bytes) -> set[Step]:
    """Every step from line to line in our code that an input takes."""
    steps: set[Step] = set()

    def look(frame: FrameType, _event: str, _value: Any) -> Any:
        name, before = frame.f_code.co_filename, frame.f_lineno
        if not any(part in name for part in OURS):
            return None

        def line(frame: FrameType, event: str, _value: Any) -> Any:
            nonlocal before
            if event == "line":
                steps.add((name, before, frame.f_lineno))
                before = frame.f_lineno
            return line

        return line

    sys.settrace(look)
    try:
        target.run(data)
    finally:
        sys.settrace(None)
    return steps


def keep(target: Target) -> tuple[int, int]:
    """Choose and write. Returns how many inputs there are now, and their bytes."""
    folder, learned = CORPUS / target.name, WORK / "corpus" / target.name
    kept = target.corpus()
    known = set().union(*(steps_of(target, seed) for seed in target.seeds))
    chosen = {name: data for name, data in kept.items() if name.startswith("found-")}
    known.update(*(steps_of(target, data) for data in chosen.values()))
    candidates = {*kept.values(), *(path.read_bytes() for path in learned.glob("*"))}
    for data in sorted(
        (data for data in candidates if len(data) <= MOST_BYTES), key=lambda data: (len(data), data)
    ):
        steps = steps_of(target, data)
        if not steps <= known:
            known |= steps
            chosen[f"{len(chosen):03}"] = data
    rewrite(folder, chosen)
    return len(chosen), sum(map(len, chosen.values()))


def rewrite(folder: Path, chosen: dict[str, bytes]) -> None:
    """Make the folder hold these files."""
    for path in folder.glob("*"):
        path.unlink()
    if chosen:
        folder.mkdir(parents=True, exist_ok=True)
    for name, data in chosen.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    for name in sys.argv[1:] or TARGETS:
        print("{:<18} {:>4} inputs {:>7} bytes".format(name, *keep(TARGETS[name])), flush=True)
