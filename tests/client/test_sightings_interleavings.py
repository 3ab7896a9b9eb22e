"""Two threads, and two processes, in one memory: wherever the first is stopped, both leave what
they would have left in turn.
"""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from kit.here import memory, world
from kit.interleaving import Interleaving, TellingFcntl, TellingLock, everywhere, outcome
from kit.stories import GREETING, a_key_file
from seeclient import memory_files, sightings

from seemachine.testing import ESN
from seemachine.wire.messages import NvmemfileInfo
from seemachine.world import SEEN_VARIABLE

# Four leases of eight leaves.
KEY = replace(a_key_file(), expcards=1, explease=1)
AT_9 = NvmemfileInfo(
    file=KEY.name, public_key=KEY.public_key, first=0, next=9, end=8, loaded=True, quarantined=False
)


def greeting(epoch: int) -> Any:
    """What the machine says when it was started so often."""
    return replace(GREETING, epoch=epoch, opening=bytes([epoch]) * 8)


def seen_by(module: ModuleType) -> Any:
    """What a process remembers in the folder that the environment names."""
    return module.Sightings(world().seen)


def begin_anew() -> None:
    """Delete what is remembered, as a person does."""
    for path in world().seen.iterdir():
        path.unlink()


Operation = Callable[[ModuleType], object]
Modules = tuple[ModuleType, ModuleType]
OPERATIONS: dict[str, Operation] = {
    "meet the 8th": lambda module: seen_by(module).meet(greeting(8)),
    "meet the 12th": lambda module: seen_by(module).meet(greeting(12)),
    "accept the 3rd": lambda module: seen_by(module).accept(greeting(3), [AT_9]),
    "check leaf 3": lambda module: seen_by(module).check(ESN, KEY, {}, 3),
    "check leaf 5": lambda module: seen_by(module).check(ESN, KEY, {}, 5),
    "check leaf 17": lambda module: seen_by(module).check(ESN, KEY, {}, 17),
    "recall": lambda module: seen_by(module).recall(ESN, KEY),
}
BEGIN_ANEW = "begin anew"
# It comes between the two files of `accept`.
IN_ONE_FILE = ("meet the 12th", "check leaf 5", "check leaf 17", "recall")
EVERY_PAIR = [
    pytest.param(first, second, id=f"{first}-{second}")
    for first in OPERATIONS
    for second in OPERATIONS
] + [pytest.param(first, BEGIN_ANEW, id=f"{first}-{BEGIN_ANEW}") for first in IN_ONE_FILE]


def once_more(name: str) -> ModuleType:
    """A module a second time."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def another_process() -> ModuleType:
    """The memory with descriptors and a lock of its own, as another process has it."""
    module = once_more("seeclient.sightings")
    module.memory_files = once_more("seeclient.memory_files")  # type: ignore[attr-defined]
    return module


@pytest.fixture(params=["threads", "processes"])
def modules(request: pytest.FixtureRequest) -> Iterator[Modules]:
    """The memory as the first and as the second has it."""
    other = sightings if request.param == "threads" else another_process()
    yield sightings, other
    for module in (sightings, other):
        module.memory_files._close_all()


class Memories:
    """A new memory for each interleaving, in which the machine was met ten times and
    signed once.
    """

    def __init__(self, home: Path, patch: pytest.MonkeyPatch) -> None:
        self._home, self._patch, self._count = home, patch, 0

    def new(self) -> Path:
        """Named to both processes."""
        self._count += 1
        folder = self._home / f"seen {self._count}"
        self._patch.setenv(SEEN_VARIABLE, str(folder))
        memory().meet(greeting(7))
        memory().check(ESN, KEY, {}, 1)
        return folder


def left(folder: Path, given: tuple[object, object]) -> tuple[object, ...]:
    """What both gave, and what is in the memory then; the folder's name apart."""
    files = {path.name: path.read_text() for path in folder.iterdir()}
    return str(given).replace(str(folder), "seen"), files


def in_turn(
    memories: Memories, first: Operation, second: Operation, modules: Modules
) -> list[tuple[object, ...]]:
    """The two right results."""
    folder = memories.new()
    results = [
        left(folder, (outcome(partial(first, modules[0])), outcome(partial(second, modules[1]))))
    ]
    folder = memories.new()
    later = outcome(partial(second, modules[1]))
    return [*results, left(folder, (outcome(partial(first, modules[0])), later))]


def watch(patch: pytest.MonkeyPatch, race: Interleaving, *modules: ModuleType) -> None:
    """Let the locks of a module tell who waits."""
    for module in modules:
        patch.setattr(module.memory_files, "_lock", TellingLock(race))
        patch.setattr(module.memory_files, "fcntl", TellingFcntl(race))


@pytest.mark.parametrize(("first", "second"), EVERY_PAIR)
def test_two_at_once(
    home: Path, monkeypatch: pytest.MonkeyPatch, first: str, second: str, modules: Modules
) -> None:
    """Every two operations, the first stopped at every line of it: no leaf and no opening that one
    of them saw is forgotten, and what a person deletes stays deleted.
    """
    operations = OPERATIONS | {BEGIN_ANEW: lambda _: begin_anew()}
    memories, calls = Memories(home, monkeypatch), (operations[first], operations[second])
    right = in_turn(memories, *calls, modules)
    for race in everywhere(sightings, memory_files):
        folder = memories.new()
        watch(monkeypatch, race, *modules)
        given = race.run(partial(calls[0], modules[0]), partial(calls[1], modules[1]))
        if given is None:
            break
        assert left(folder, given) in right, race.where


def test_a_record_that_became_shorter(home: Path) -> None:
    """Of the longer one nothing stays behind it."""
    memory().meet(greeting(100))
    memory().accept(greeting(3), [])
    memory().meet(greeting(3))
    assert (home / "seen" / ESN).read_text().split()[1] == "3"
