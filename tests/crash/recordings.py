"""Scenarios recorded: to their end, or until the process is killed and another one goes on, or on a
disk that fills up.
"""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crash.host import SLOT, CrashHost, in_place
from crash.matrix import AFTER_A_KILL, FAULTS, Recording, Still
from crash.operations import Mark
from crash.recorder import Killed, Recorder, recording
from crash.scenarios import Scenario
from crash.scene import Refused, Scene
from crash.trial import ask, finish
from kit.stores import quick_folder

from seemachine.machine import Session
from seemachine.state.errors import StateError
from seemachine.testing import repeatable
from seemachine.wire import messages as m

Break = Callable[[pytest.MonkeyPatch], None]


class Stage:
    """A prepared disk under the recorder, and the machines of one scenario on it: one process after
    another.
    """

    def __init__(self, scenario: Scenario, store: str, place: Path, recorder: Recorder) -> None:
        self.scenario, self._store, self._place, self.recorder = scenario, store, place, recorder
        self.scene = self._next("recorded")

    def _next(self, label: str) -> Scene:
        return Scene(
            CrashHost(self._place, self._store, repeatable(label), self.scenario.days),
            self.recorder,
        )

    def act(self) -> bool:
        """What is to be recorded. Whether the process outlived it."""
        with contextlib.suppress(Killed):
            self.scenario.act(self.scene)
            return True
        return False

    def kill(self) -> None:
        """The process ends here, if it has not yet, and another one begins, of which clients ask
        again what they asked.
        """
        self.recorder.room, self.recorder.life = None, -1
        asked = self.scene.asked
        self.scene.host.bury()
        self.recorder.revive()
        self.scene = self._next("second life")
        self.scene.asked = asked

    def recorded(self, faults: tuple[str, ...]) -> Recording:
        """All of it."""
        what = self.scenario
        return Recording(
            what.name,
            self._store,
            what.esns,
            self.recorder.base,
            tuple(self.recorder.log),
            faults,
            what.days,
        )


@contextlib.contextmanager
def stage(scenario: Scenario, store: str, broken: Break) -> Iterator[Stage]:
    """Prepare a disk; record on it what follows, with something in the product broken."""
    with in_place(), quick_folder() as folder:
        place, still = _prepared(scenario, store, folder)
        with recording(place) as recorder, pytest.MonkeyPatch.context() as patch:
            broken(patch)
            prepared = Stage(scenario, store, place, recorder)
            prepared.scene.mark(still)
            try:
                yield prepared
            finally:
                prepared.scene.host.close_all()


def as_it_is(patch: pytest.MonkeyPatch) -> None:
    """Nothing is broken."""
    del patch


def record(scenario: Scenario, store: str, broken: Break = as_it_is) -> Recording:
    """To the end, and until the machines are stopped."""
    with stage(scenario, store, broken) as to:
        scenario.act(to.scene)
        to.scene.done("the last command")
    return to.recorded(FAULTS)


def operations(recording: Recording) -> int:
    """How many operations a process can be killed at."""
    return sum(not isinstance(operation, Mark) for operation in recording.log)


def record_killed(
    scenario: Scenario, store: str, life: int, broken: Break = as_it_is
) -> Recording | None:
    """The process is killed after `life` operations, and another one goes on with what it finds.

    A kill loses nothing that was written, and flushes nothing. None when the scenario ends before
    that.
    """
    with stage(scenario, store, broken) as to:
        to.recorder.life = life
        if to.act():
            to.recorder.life = None
            return None
        to.kill()
        _go_on(to.scene, scenario)
    return to.recorded(AFTER_A_KILL)


def record_full(
    scenario: Scenario, store: str, room: int, life: int, broken: Break = as_it_is
) -> Recording | None:
    """The disk is full after `room` operations, until a command has failed.

    Then there is room, and the process goes on.

    After `life` operations more it is killed, and another one goes on. None when the scenario ends
    before the disk is full.
    """
    with stage(scenario, store, broken) as to:
        to.recorder.room = room
        try:
            to.act()
        except (Refused, StateError, OSError, sqlite3.Error):
            assert to.recorder.full
        was_full, to.recorder.room = to.recorder.full, None
        if not was_full:
            return None
        to.recorder.life = life
        # A store that knows no more what its disk holds refuses all.
        with contextlib.suppress(Killed, StateError):
            _go_on(to.scene, scenario)
        to.kill()
        _go_on(to.scene, scenario)
    return to.recorded(AFTER_A_KILL)


def _go_on(scene: Scene, scenario: Scenario) -> None:
    """What clients do: ask again, sign with what is there, finish what is half made, take the next
    lease.

    Ledgers forget in between.
    """
    sessions = _opened(scene, scenario)
    scene.again()
    if scenario.days:
        scene.forget()
        scene.host.close_all()
        sessions = _opened(scene, scenario)
    for session in sessions:
        store, labels = session.machine.store, session.machine.checkpoints.labels()
        scene.batch(session, store.names())
        for label in labels:
            finish(scene.host, session, label, SLOT)
            scene.done("half-made key finished")
        if session.machine.slots.occupant(SLOT) and ask(session, m.ProvisionLms(slot=SLOT)):
            scene.done("provision")
        scene.batch(session, store.names())


def _opened(scene: Scene, scenario: Scenario) -> list[Session]:
    """A session of each machine, which is started unless it runs."""
    running = scene.host.machines
    sessions = [
        Session(running[esn]) if esn in running else scene.open(esn) for esn in scenario.esns
    ]
    scene.done("all started")
    return sessions


def _prepared(scenario: Scenario, store: str, folder: Path) -> tuple[Path, Still]:
    before = CrashHost(folder / "before", store, repeatable("before"), scenario.days)
    before.folder.mkdir()
    scene = Scene(before)
    scenario.before(scene)
    still = scene.still("the beginning")
    if scenario.killed:
        shutil.copytree(before.folder, folder / "after the kill")
    before.close_all()
    return folder / ("after the kill" if scenario.killed else "before"), still
