"""What happens in a case: a world is used, saved, used on, put back, and used again, each time
signing all that it gives.

A client without a memory signs before and after; `signed` is every signature that anybody got,
`refused` what machines said instead, or of what they put into quarantine.
"""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from kit.commands import SLOT
from restores.process import Refused, Running, Setting, Signed
from restores.ways import Way

from seemachine.state.cards.rack import Rack
from seemachine.state.errors import StateError
from seemachine.testing import ESN, OTHER_ESN
from seemachine.world import World

OFF = "off"


@dataclass
class Scene:
    """A world folder on a host, and what came of it.

    `parts` are saved and put back in one `way`.
    """

    folder: Path
    setting: Setting
    way: Way
    parts: tuple[Path, ...] = ()
    signed: list[Signed] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _running: list[Running] = field(default_factory=list)

    @property
    def world(self) -> Path:
        """The world folder."""
        return self.folder / "world"

    @property
    def kept(self) -> Path:
        """Where what is saved lies."""
        return self.folder / "kept"

    @contextmanager
    def machine(
        self, esn: str = ESN, world: Path | None = None, *, kill: bool = False
    ) -> Iterator[Running]:
        """A machine that is up; in the end it is stopped, or killed."""
        machine = Running(world or self.world, esn, self.setting)
        self._running.append(machine)
        try:
            yield machine
        finally:
            if machine in self._running:
                self.stop(machine, kill=kill)

    def stop(self, machine: Running, *, kill: bool = False) -> None:
        """End a machine, in order or not."""
        self._running.remove(machine)
        machine.kill() if kill else machine.close()

    def end(self) -> None:
        """Nothing of it runs on."""
        for machine in self._running:
            machine.kill()

    def sign(self, machine: Running, public_key: bytes, count: int = 1) -> None:
        """So many messages that nobody signed before; what the machine refuses is kept."""
        for _ in range(count):
            try:
                self.signed += machine("sign", public_key, [b"message %d" % next(self._numbers)])
            except Refused as refusal:
                self.refused.append(str(refusal))

    def trying(self, act: Callable[[], object]) -> None:
        """Do what may be refused, which is kept."""
        try:
            act()
        except (Refused, StateError, OSError) as refusal:
            self.refused.append(str(refusal))

    def save(self) -> None:
        """Save the parts."""
        self.kept.mkdir()
        self.way.save(self.world, self.parts, self.kept)

    def put_back(self) -> None:
        """Put them back."""
        self.way.back(self.world, self.kept)

    def reboot(self) -> None:
        """The host is started again: its runtime folder is empty."""
        shutil.rmtree(self.folder / "runtime", ignore_errors=True)
        self.setting = replace(self.setting, boot=b"after a reboot")

    def provision(self, esn: str, card: str, count: int = 1) -> None:
        """Bring a card to a machine, move a lease into it, sign, and take the card out again."""
        with self.machine(esn) as machine:
            rack = Rack(World.at(self.world))
            rack.insert(card, esn, SLOT)
            try:
                public_key = machine("provision")
                self.sign(machine, public_key, count)
            finally:
                rack.remove(esn, SLOT)


Moment = Callable[[Scene], None]


def used(scene: Scene) -> bytes:
    """A singular key of which two leaves are used; the machine is down, in order."""
    with scene.machine() as machine:
        public_key: bytes = machine("make")
        scene.sign(machine, public_key, 2)
    return public_key


def on(scene: Scene, public_key: bytes, count: int = 3, *, kill: bool = False) -> None:
    """Start the machine, sign, and end it."""
    with scene.machine(kill=kill) as machine:
        scene.sign(machine, public_key, count)


def afterwards(scene: Scene, public_key: bytes) -> None:
    """Start the machine twice, and sign each time."""
    for _ in range(2):
        scene.trying(lambda: on(scene, public_key, 2))


def saved_while_down(scene: Scene) -> None:
    """Saved after an orderly end, put back after another."""
    public_key = used(scene)
    scene.save()
    on(scene, public_key)
    scene.put_back()
    afterwards(scene, public_key)


def several_openings_ago(scene: Scene) -> None:
    """Saved after an orderly end, put back four openings later."""
    public_key = used(scene)
    scene.save()
    for _ in range(4):
        on(scene, public_key, 1)
    scene.put_back()
    afterwards(scene, public_key)


def killed_before_put_back(scene: Scene) -> None:
    """Saved after an orderly end, put back after a kill."""
    public_key = used(scene)
    scene.save()
    on(scene, public_key, kill=True)
    scene.put_back()
    afterwards(scene, public_key)


def saved_after_a_kill(scene: Scene) -> None:
    """Saved after a kill, put back after another."""
    public_key = used(scene)
    on(scene, public_key, 1, kill=True)
    scene.save()
    on(scene, public_key, kill=True)
    scene.put_back()
    afterwards(scene, public_key)


def saved_while_up(scene: Scene) -> None:
    """Saved while the machine runs, put back after it ended in order."""
    public_key = used(scene)
    with scene.machine() as machine:
        scene.sign(machine, public_key)
        scene.save()
        scene.sign(machine, public_key, 3)
    scene.put_back()
    afterwards(scene, public_key)


def within_one_opening(scene: Scene) -> None:
    """Saved while the machine runs, put back after it was killed, a beat having passed since."""
    public_key = used(scene)
    with scene.machine(kill=True) as machine:
        scene.sign(machine, public_key)
        scene.save()
        scene.sign(machine, public_key)
        machine("beat")
        scene.sign(machine, public_key, 2)
    scene.put_back()
    afterwards(scene, public_key)


def within_one_beat(scene: Scene) -> None:
    """The same without a beat: less than two seconds passed between the save and the kill."""
    public_key = used(scene)
    with scene.machine(kill=True) as machine:
        scene.sign(machine, public_key)
        scene.save()
        scene.sign(machine, public_key, 3)
    scene.put_back()
    afterwards(scene, public_key)


def put_back_while_up(scene: Scene) -> None:
    """Put back under a machine that runs, and signs on until it is killed."""
    public_key = used(scene)
    scene.save()
    with scene.machine(kill=True) as machine:
        scene.sign(machine, public_key, 3)
        scene.put_back()
        scene.trying(lambda: machine("beat"))
        scene.sign(machine, public_key)
    afterwards(scene, public_key)


def put_back_while_up_and_ended(scene: Scene) -> None:
    """The same, and it ends in order."""
    public_key = used(scene)
    scene.save()
    with scene.machine() as machine:
        scene.sign(machine, public_key, 3)
        scene.put_back()
        scene.sign(machine, public_key)
    afterwards(scene, public_key)


def rebooted(moment: Moment) -> Moment:
    """The same, and before what was put back is used the host is started again, as after a loss of
    power.
    """

    def then(scene: Scene) -> None:
        back = scene.put_back

        def put_back() -> None:
            back()
            scene.reboot()

        scene.put_back = put_back  # type: ignore[method-assign]
        moment(scene)

    then.__name__ = f"{moment.__name__}, then a reboot"
    return then


NVRAM_MOMENTS: tuple[Moment, ...] = (
    saved_while_down,
    several_openings_ago,
    killed_before_put_back,
    saved_after_a_kill,
    saved_while_up,
    within_one_opening,
    put_back_while_up,
    put_back_while_up_and_ended,
)


def a_card_in_two_machines(scene: Scene) -> None:
    """A card is saved, a lease goes into one machine, the card is put back, and goes into another
    machine, and into the first.
    """
    _make_cards(scene)
    scene.save()
    scene.trying(lambda: scene.provision(ESN, "card1", 2))
    scene.put_back()
    for esn in (OTHER_ESN, ESN):
        scene.trying(lambda esn=esn: scene.provision(esn, "card1", 2))  # type: ignore[misc]


def a_half_made_key(scene: Scene) -> None:
    """A half-made key is saved, its leases go onto a card, it is put back, and goes onto another;
    both cards go into machines.
    """
    with scene.machine() as machine:
        machine("begin", 1)
    with scene.machine(OTHER_ESN):
        pass
    Rack(World.at(scene.world)).new(2)
    scene.save()
    scene.trying(lambda: _finish(scene, "card1"))
    scene.trying(lambda: scene.provision(ESN, "card1", 1))
    scene.put_back()
    scene.trying(lambda: _finish(scene, "card2"))
    scene.trying(lambda: scene.provision(OTHER_ESN, "card2", 1))


def _finish(scene: Scene, card: str) -> None:
    rack = Rack(World.at(scene.world))
    rack.insert(card, ESN, SLOT)
    try:
        with scene.machine() as machine:
            machine("finish")
    finally:
        rack.remove(ESN, SLOT)


def _make_cards(scene: Scene) -> None:
    with scene.machine() as machine:
        machine("begin", 2)
    with scene.machine(OTHER_ESN):
        pass
    Rack(World.at(scene.world)).new(1)
    _finish(scene, "card1")


def beside(scene: Scene) -> None:
    """The world is saved and put back somewhere else; both are used, the copy first, then the
    original, then the copy.
    """
    public_key = used(scene)
    scene.save()
    other = scene.folder / "other"
    other.mkdir()
    scene.way.back(other, scene.kept)
    for world in (other, scene.world, other):
        scene.trying(lambda world=world: _sign_in(scene, world, public_key))  # type: ignore[misc]


def beside_at_once(scene: Scene) -> None:
    """The same with both up at once: the original is saved while it runs."""
    public_key = used(scene)
    other = scene.folder / "other"
    other.mkdir()
    with scene.machine() as machine:
        scene.sign(machine, public_key)
        scene.save()
        scene.sign(machine, public_key)
        scene.way.back(other, scene.kept)
        scene.trying(lambda: _sign_in(scene, other, public_key))
        scene.sign(machine, public_key)
    scene.trying(lambda: _sign_in(scene, other, public_key))


def a_card_in_two_worlds(scene: Scene) -> None:
    """The world is saved and put back somewhere else; its card gives a lease to a machine here and
    to another machine there.
    """
    _make_cards(scene)
    scene.save()
    other = replace(scene, signed=[], refused=[], _running=[])
    (scene.folder / "other").mkdir()
    scene.way.back(scene.folder / "other", scene.kept)
    scene.trying(lambda: scene.provision(ESN, "card1", 1))
    shutil.move(scene.world, scene.folder / "first")
    shutil.move(scene.folder / "other", scene.world)
    other.trying(lambda: other.provision(OTHER_ESN, "card1", 1))
    scene.signed += other.signed
    scene.refused += other.refused


def _sign_in(scene: Scene, world: Path, public_key: bytes) -> None:
    with scene.machine(world=world) as machine:
        scene.sign(machine, public_key, 2)


def in_a_mount(scene: Scene) -> None:
    """The world is used through a mount, which is the way it was saved, then where it is, then
    through the mount again.
    """
    public_key = used(scene)
    other = scene.folder / "other"
    other.mkdir()
    scene.way.save(scene.world, (), other)
    try:
        for world in (other, scene.world, other):
            scene.trying(lambda world=world: _sign_in(scene, world, public_key))  # type: ignore[misc]
    finally:
        scene.way.back(scene.world, other)


def on_a_disk(scene: Scene) -> None:
    """The world is on a disk of its own, of which an image or snapshot is taken and put back."""
    scene.way.save(scene.world, (), scene.kept)
    try:
        public_key = used(scene)
        scene.save()
        on(scene, public_key)
        scene.put_back()
        afterwards(scene, public_key)
    finally:
        scene.end()
        scene.way.back(scene.world, scene.kept)
