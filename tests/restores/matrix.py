"""Part x way x moment x store x host: every combination as a case, each run in a world
of its own.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from restores import scenes
from restores.judge import Verdict, judge, reused
from restores.process import Setting
from restores.scenes import Moment, Scene
from restores.ways import WAYS, Way

from seemachine.testing import ESN

STORES = ("sqlite", "file")
HSM, WITNESS, CARDS, SEEN = Path("hsm"), Path("witness"), Path("cards"), Path("seen")
NVRAM = {
    "sqlite": (HSM / ESN / "nvram.db", HSM / ESN / "nvram.db-wal"),
    "file": (HSM / ESN / "nvram",),
}
WORLD = (HSM, WITNESS, CARDS, Path("world.key"))

HOSTS = RUNTIME, NO_RUNTIME = "runtime witness", "no runtime witness"


@dataclass(frozen=True)
class Case:
    """One combination.

    `parts` has a name for the table; `host` is with a runtime witness or without.
    """

    part: str
    way: Way
    moment: Moment
    store: str
    host: str

    @property
    def parts(self) -> tuple[Path, ...]:
        """The paths that are saved."""
        return PARTS[self.part] or NVRAM[self.store]

    def __str__(self) -> str:
        return f"{self.part}; {self.way.name}; {self.moment.__name__}; {self.store}; {self.host}"


PARTS: dict[str, tuple[Path, ...]] = {
    "NVRAM": (),
    "ledger of the file store": (HSM / ESN / "nvram" / "ledger",),
    "history of the file store": (HSM / ESN / "nvram" / "history",),
    "hsm": (HSM,),
    "witness": (WITNESS,),
    "hsm and witness": (HSM, WITNESS),
    "cards": (CARDS,),
    "card records": (WITNESS / "cards", WITNESS / "making"),
    "cards and witness": (CARDS, WITNESS),
    "half-made keys": (HSM / ESN / "making",),
    "half-made keys and witness": (HSM / ESN / "making", WITNESS),
    "world": WORLD,
}


@dataclass
class Outcome:
    """What came of a case."""

    case: Case
    verdict: Verdict
    leaves: list[tuple[str, int]]
    refused: list[str] = field(default_factory=list)


def cases() -> Iterator[Case]:
    """All of them."""
    for store in STORES:
        for way in WAYS:
            yield from _in_place(store, way)
            for moment in (scenes.beside, scenes.beside_at_once, scenes.a_card_in_two_worlds):
                yield from (
                    Case("world", way, moment, store, host) for host in (RUNTIME, NO_RUNTIME)
                )
    yield from _by_themselves()


def _by_themselves() -> Iterator[Case]:
    """Parts of parts: files of the file store, and what is remembered of cards."""
    for way in WAYS:
        for moment in scenes.NVRAM_MOMENTS:
            for part in ("ledger of the file store", "history of the file store"):
                yield Case(part, way, moment, "file", RUNTIME)
                yield Case(part, way, scenes.rebooted(moment), "file", RUNTIME)
        for store in STORES:
            yield Case("card records", way, scenes.a_card_in_two_machines, store, NO_RUNTIME)
            yield Case("card records", way, scenes.a_half_made_key, store, NO_RUNTIME)


def _in_place(store: str, way: Way) -> Iterator[Case]:
    for moment in scenes.NVRAM_MOMENTS:
        for part in ("NVRAM", "hsm", "witness", "hsm and witness", "world"):
            yield Case(part, way, moment, store, RUNTIME)
            yield Case(part, way, scenes.rebooted(moment), store, RUNTIME)
        yield Case("world", way, moment, store, NO_RUNTIME)
    for part in ("NVRAM", "hsm", "hsm and witness", "world"):
        yield Case(part, way, scenes.within_one_beat, store, RUNTIME)
    for part in ("cards", "cards and witness", "world"):
        yield from (
            Case(part, way, scenes.a_card_in_two_machines, store, host)
            for host in (RUNTIME, NO_RUNTIME)
        )
    for part in ("half-made keys", "half-made keys and witness", "hsm and witness", "world"):
        yield from (
            Case(part, way, scenes.a_half_made_key, store, host) for host in (RUNTIME, NO_RUNTIME)
        )


def run(case: Case, *without: str, folder: Path | None = None) -> Outcome:
    """Run a case, with these guards left out, below a folder or where temporary files are."""
    with tempfile.TemporaryDirectory(prefix="restore-", dir=folder) as name:
        home = Path(name)
        runtime = str(home / "runtime") if case.host == RUNTIME else scenes.OFF
        scene = Scene(
            home, Setting(case.store, runtime, b"first boot", without), case.way, case.parts
        )
        scene.world.mkdir(mode=0o700)
        try:
            case.moment(scene)
        finally:
            scene.end()
        return Outcome(
            case, judge(scene.signed, scene.refused), reused(scene.signed), scene.refused
        )
