"""A scenario on a disk, recorded: to its end, or until the process is killed and another one goes on."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commands.kit import repeatable
from crash.matrix import AFTER_A_KILL, Recording, Still
from crash.operations import Mark
from crash.recorder import Killed, recording
from crash.scenarios import Scenario
from crash.scene import Scene
from crash.trial import ask, finish
from crash.world import SLOT, World, in_place
from state.kit import quick_folder

from seemachine.wire import messages as m


@in_place()
def record(scenario: Scenario, store: str, broken: Callable[[pytest.MonkeyPatch], None] = lambda _patch: None) -> Recording:
    """Prepare a disk and record a scenario on it, with something in the product broken."""
    with quick_folder() as folder:
        place, still = _prepared(scenario, store, folder)
        world = World(place, store, repeatable("recorded"))
        with recording(place) as recorder, pytest.MonkeyPatch.context() as patch:
            broken(patch)
            scene = Scene(world, recorder)
            scene.mark(still)
            try:
                scenario.act(scene)
                scene.done("the last command")
            finally:
                world.close_all()
        return Recording(scenario.name, store, scenario.esns, recorder.base, tuple(recorder.log))


def operations(recording: Recording) -> int:
    """How many operations a process can be killed at."""
    return sum(not isinstance(operation, Mark) for operation in recording.log)


@in_place()
def record_killed(scenario: Scenario, store: str, life: int) -> Recording | None:
    """The same, but the process is killed after `life` operations, and another one goes on with what it finds.

    A kill loses nothing that was written, and flushes nothing. None when the scenario ends before that.
    """
    with quick_folder() as folder:
        place, still = _prepared(scenario, store, folder)
        with recording(place) as recorder:
            first = Scene(World(place, store, repeatable("recorded")), recorder)
            first.mark(still)
            recorder.life = life
            try:
                scenario.act(first)
            except Killed:
                pass
            else:
                recorder.life = None
                first.world.close_all()
                return None
            first.world.bury()
            recorder.revive()
            second = Scene(World(place, store, repeatable("second life")), recorder)
            try:
                _go_on(second, scenario.esns)
            finally:
                second.world.close_all()
        return Recording(scenario.name, store, scenario.esns, recorder.base, tuple(recorder.log), AFTER_A_KILL)


def _go_on(scene: Scene, esns: tuple[str, ...]) -> None:
    """What a client does that finds its machine started again: sign with what is there, finish what is half made, take the next lease."""
    sessions = [scene.open(esn) for esn in esns]
    scene.done("start after a kill")
    for session in sessions:
        store, labels = session.machine.store, session.machine.checkpoints.labels()
        scene.batch(session, store.names())
        for label in labels:
            finish(scene.world, session, label, SLOT)
            scene.done("half-made key finished")
        if session.machine.slots.occupant(SLOT) and ask(session, m.ProvisionLms(slot=SLOT)):
            scene.done("provision")
        scene.batch(session, store.names())


def _prepared(scenario: Scenario, store: str, folder: Path) -> tuple[Path, Still]:
    before = World(folder / "before", store, repeatable("before"))
    before.folder.mkdir()
    scene = Scene(before)
    scenario.before(scene)
    still = scene.still("the beginning")
    if scenario.killed:
        shutil.copytree(before.folder, folder / "after the kill")
    before.close_all()
    return folder / ("after the kill" if scenario.killed else "before"), still
