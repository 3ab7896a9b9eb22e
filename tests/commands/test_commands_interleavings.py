"""Two connections at one half-made key: wherever the first is stopped, both leave what they would
have left in turn.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from kit.commands import CHEAP, SLOT, RepeatableRig, ask, generate
from kit.interleaving import Interleaving, TellingLock, everywhere, outcome
from kit.stores import quick_folder

from seemachine import machine as machine_module
from seemachine.commands import answer, destroying, making, provision, resume
from seemachine.commands import generate as generate_module
from seemachine.machine import PendingKey, Session
from seemachine.state.cards.smartcard import read_card
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import StatusError

LABEL = "big"
MODULES = (generate_module, making, resume, destroying, provision, machine_module)


class Scene:
    """A machine and connections to it, of which the first makes a key of five steps.

    A connection asks one thing at a time.
    """

    def __init__(self, folder: Path, expcards: int = 0, steps: int = 1) -> None:
        self.world = RepeatableRig(folder)
        self.machine = self.world.machine(checkpoints=FolderCheckpoints(folder / "hsm" / ESN))
        self.old, *self.others = self.sessions = [Session(self.machine) for _ in range(5)]
        self.handle = ask(self.old, generate(CHEAP, expcards, label=LABEL, expchunk=3)).handle
        for _ in range(steps):
            ask(self.old, m.ContinueLms(handle=self.handle))
        self.world.feed_blank()
        made = self.machine.making[LABEL].generation
        types = made.tree.typecode.to_bytes(4, "big") + made.ots.typecode.to_bytes(4, "big")
        # By its identifier what is half-made is known; the root is not, before its end.
        self.public_key = types + made.identifier + bytes(made.tree.m)

    def watch(self, race: Interleaving) -> None:
        """Let all locks tell who waits."""
        self.machine.labels = TellingLock(race)  # type: ignore[assignment]
        self.machine.provisioning = TellingLock(race)  # type: ignore[assignment]
        for pending in self.machine.making.values():
            pending.lock = TellingLock(race)  # type: ignore[assignment]

    def left(self) -> tuple[object, ...]:
        """Who makes which key, what is on disk, on cards and in NVRAM."""
        live = [[_told(pending) for pending in _live(session)] for session in self.sessions]
        claimed = {
            label: [pending in _live(each) for each in self.sessions]
            for label, pending in self.machine.making.items()
        }
        disk = {
            path.name: path.stat().st_size
            for path in (self.world.folder / "hsm" / ESN / "making").iterdir()
        }
        cards = [
            [each.first for each in read_card(path).leases]
            for path in sorted(self.world.folder.rglob("*.card"))
        ]
        return live, claimed, disk, cards, len(self.machine.store.names())


def _live(session: Session) -> list[PendingKey]:
    return [
        pending
        for handle, pending in session.generations.items()
        if pending.handle == handle and not pending.orphaned
    ]


def _told(pending: PendingKey) -> tuple[object, ...]:
    return (
        pending.label,
        pending.generation.done,
        pending.generation.root is None,
        pending.cache_sent,
        pending.cards_written,
    )


def on_disk(folder: Path) -> Scene:
    """The connection that made the key has ended."""
    scene = Scene(folder)
    scene.old.close()
    return scene


def last_card(folder: Path) -> Scene:
    """One of two cards is written."""
    scene = Scene(folder, expcards=1, steps=5)
    ask(scene.old, m.ContinueLmsCard(handle=scene.handle, slot=SLOT))
    scene.world.feed_blank()
    return scene


def ends_meanwhile(scene: Scene) -> object:
    """A step whose connection ends while it hashes."""
    original = scene.machine.engine.leaf_nodes

    def leaf_nodes(*arguments: Any) -> Any:
        scene.old.close()
        return original(*arguments)

    scene.machine.engine.leaf_nodes = leaf_nodes  # type: ignore[method-assign]
    return answer(scene.old, m.ContinueLms(handle=scene.handle))


SCENES: dict[str, Callable[[Path], Scene]] = {
    "begun": Scene,
    "on disk": on_disk,
    "last step": lambda folder: Scene(folder, steps=4),
    "cards": lambda folder: Scene(folder, expcards=1, steps=5),
    "last card": last_card,
}
OPERATIONS: dict[str, Callable[[Scene], object]] = {
    "generate": lambda scene: answer(scene.others[0], generate(CHEAP, label=LABEL, expchunk=3)),
    "replace": lambda scene: answer(
        scene.others[1], generate(CHEAP, label=LABEL, expchunk=3, replace=True)
    ),
    "continue": lambda scene: answer(scene.old, m.ContinueLms(handle=scene.handle)),
    "end meanwhile": ends_meanwhile,
    "write a card": lambda scene: answer(
        scene.old, m.ContinueLmsCard(handle=scene.handle, slot=SLOT)
    ),
    "resume": lambda scene: answer(scene.others[2], m.ResumeLms(label=LABEL)),
    "resume too": lambda scene: answer(scene.others[3], m.ResumeLms(label=LABEL)),
    "discard": lambda scene: answer(scene.others[0], m.DiscardLms(label=LABEL)),
    "destroy": lambda scene: answer(scene.others[1], m.DestroyLms(public_key=scene.public_key)),
    "close": lambda scene: scene.old.close(),
}
TAKING = ("replace", "resume", "discard", "destroy", "close")
PAIRS = [
    *(
        ("begun", first, second)
        for first in (*TAKING, "resume too")
        for second in ("continue", *TAKING)
    ),
    *(("begun", first, second) for first in ("continue", "end meanwhile") for second in TAKING),
    *(
        ("on disk", first, second)
        for first in ("generate", *TAKING, "resume too")
        for second in ("replace", "resume", "discard")
    ),
    *(
        ("last step", first, second)
        for first in ("continue", "resume")
        for second in ("continue", *TAKING)
    ),
    *(
        ("cards", first, second)
        for first in ("write a card", "resume")
        for second in ("write a card", *TAKING)
    ),
    *(("last card", "write a card", second) for second in TAKING),
]


def shown(reply: object) -> object:
    """A reply as something that compares: handles and keys are of chance."""
    if isinstance(reply, StatusError):
        return reply.status, reply.detail
    if reply is None or isinstance(reply, tuple):
        return reply
    fields = asdict(reply)  # type: ignore[call-overload]
    return type(reply).__name__, {
        name: len(value) if isinstance(value, bytes) else value for name, value in fields.items()
    }


def in_turn(folder: Path, scene: str, first: str, second: str) -> list[tuple[object, ...]]:
    """The two right results."""
    results = []
    for order in ((first, second), (second, first)):
        here = SCENES[scene](folder / f"{order[0]} before")
        given = {name: shown(outcome(partial(OPERATIONS[name], here))) for name in order}
        results.append(seen(first, second, (given[first], given[second]), here))
    return results


def seen(first: str, second: str, given: tuple[object, object], scene: Scene) -> tuple[object, ...]:
    """What both gave and left. Nobody reads the reply of a connection that has ended."""
    return scene.left() if "close" in (first, second) else (*given, scene.left())


@pytest.mark.parametrize(
    ("scene", "first", "second"), [pair for pair in PAIRS if pair[1] != pair[2]]
)
def test_two_at_once(monkeypatch: pytest.MonkeyPatch, scene: str, first: str, second: str) -> None:
    """The first stopped at every line of it: a key has one connection at most, and its checkpoint
    is whole or gone.
    """
    with quick_folder() as folder:
        right = in_turn(folder, scene, first, second)
        for number, race in zip(count(), everywhere(*MODULES), strict=False):
            here = SCENES[scene](folder / str(number))
            here.watch(race)
            for module in (generate_module, making):
                monkeypatch.setattr(
                    module,
                    "PendingKey",
                    lambda *given, race=race, **more: PendingKey(
                        *given, **more, lock=TellingLock(race)
                    ),
                )
            given = race.run(partial(OPERATIONS[first], here), partial(OPERATIONS[second], here))
            if given is None:
                break
            assert seen(first, second, (shown(given[0]), shown(given[1])), here) in right, (
                race.where
            )
