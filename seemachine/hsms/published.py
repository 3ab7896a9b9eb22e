"""Published objects: where a running machine is, as bootstrap.py would publish it on a host (guide
2.5.2 step 21).

A machine publishes itself when it listens and withdraws when it stops in order. Killed, it leaves a
stale object behind, as in guide 2.8.1.
"""

import json
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from seemachine.process.identity import Process
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.wire.names import MODELS, is_esn, is_nvram
from seemachine.wire.printable import is_printable
from seemachine.world import PUBLISHED_NAME, World

LISTENING = "listening.json"


@dataclass(frozen=True, slots=True)
class Published:
    """One machine's entry. `tls`: it takes nothing else.

    `nvram` is the name of its NVRAM in hex, by which clients know it. `pid` and `started` are of
    its process: a number alone may be another's by now.
    """

    esn: str
    model: str
    module: int
    host: str
    port: int
    pid: int
    tls: bool = False
    nvram: str = ""
    started: str = ""

    @property
    def process(self) -> Process:
        """The one that made the entry."""
        return Process(self.pid, self.started)


def publish(world: World, entry: Published, name: str = PUBLISHED_NAME) -> None:
    """Say where a machine is."""
    folder = private_folder(world.published.with_name(name))
    replace_file(folder / f"{entry.esn}.json", json.dumps(asdict(entry)).encode())


def withdraw(world: World, esn: str, pid: int | None = None) -> None:
    """Remove a machine's entry, if it is still the one of process `pid` (or whosever,
    without one).
    """
    entry = read(world, esn)
    if entry is not None and pid in (None, entry.pid):
        (world.published / f"{esn}.json").unlink(missing_ok=True)


def read(world: World, esn: str) -> Published | None:
    """A machine's entry; None when there is none or it can't be read."""
    return _entry(world.published / f"{esn}.json")


def announce(world: World, entry: Published) -> None:
    """Say in the machine's own folder where it listens: for those who start, stop and show it,
    published or not.
    """
    replace_file(
        private_folder(world.hsm(entry.esn)) / LISTENING, json.dumps(asdict(entry)).encode()
    )


def listening(world: World, esn: str) -> Published | None:
    """Where a machine listens, or listened last; None when it never did."""
    return _entry(world.hsm(esn) / LISTENING)


def _entry(path: Path) -> Published | None:
    try:
        entry = Published(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return entry if _is_one(entry) else None


def _is_one(entry: Published) -> bool:
    """Whether each value is what it is called: files are named by them, and lines are
    made of them.
    """
    typed = [type(value) for value in astuple(entry)] == [
        str,
        str,
        int,
        str,
        int,
        int,
        bool,
        str,
        str,
    ]
    named = typed and is_esn(entry.esn) and (entry.nvram == "" or is_nvram(entry.nvram))
    return named and entry.model in MODELS and is_printable(entry.host)
