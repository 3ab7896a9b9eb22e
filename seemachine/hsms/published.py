"""Published objects: where a running machine is, as bootstrap.py would publish it on a host (guide
2.5.2 step 21).

A machine publishes itself when it listens and withdraws when it stops in order. Killed, it leaves a
stale object behind, as in guide 2.8.1.
"""

import contextlib
import json
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import TypeVar

from seemachine.formats import PUBLISHED, OtherVersion
from seemachine.process.identity import Process
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.errors import StateOtherVersion
from seemachine.wire.names import MODELS, is_esn, is_nvram
from seemachine.wire.printable import is_printable
from seemachine.wire.sockets import UNIX
from seemachine.world import PUBLISHED_NAME, World

LISTENING = "listening.json"
FAILED = "failed.json"
Kind = TypeVar("Kind", "Published", "Failure")


@dataclass(frozen=True, slots=True)
class Published:
    """One machine's entry. `tls`: its port takes nothing else. `socket` is the path of a Unix
    socket, or empty; without a port, which is 0 then, the machine is reached there alone.

    `nvram` is the name of its NVRAM in hex, by which clients know it. `opening` is drawn anew each
    time that it starts; `pid` and `started` are of its process, which may have many machines.
    `injection` says in words that things go wrong there on purpose.
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
    opening: str = ""
    socket: str = ""
    injection: str = ""

    @property
    def address(self) -> str:
        """As clients are given it."""
        return f"{self.host}:{self.port}" if self.port else f"{UNIX}{self.socket}"

    @property
    def place(self) -> str:
        """In words."""
        return f"{self.host} port {self.port}" if self.port else self.address

    @property
    def process(self) -> Process:
        """The one that made the entry, when it held the machine's folder as it says."""
        return Process(self.pid, self.started, opening=self.opening)


def publish(world: World, entry: Published, name: str = PUBLISHED_NAME) -> None:
    """Say where a machine is."""
    folder = private_folder(world.published.with_name(name))
    replace_file(folder / f"{entry.esn}.json", _written(entry))


def withdraw(world: World, esn: str, pid: int | None = None) -> None:
    """Remove a machine's entry, if it is still the one of process `pid` (or whosever,
    without one).
    """
    entry = read(world, esn)
    if entry is not None and pid in (None, entry.pid):
        (world.published / f"{esn}.json").unlink(missing_ok=True)


def invalidate(world: World, entry: Published) -> None:
    """Remove what was published of earlier starts of a machine, under whatever name: it led to a
    SEE machine that has ended. Whoever started this one publishes it anew (guide 2.5.2.3 step 21).
    """
    for path in world.published.parent.glob(f"*/{entry.esn}.json"):
        if not _is_of(path, entry.process):
            path.unlink(missing_ok=True)


def _is_of(path: Path, process: Process) -> bool:
    try:
        found = _entry(path)
    except StateOtherVersion:
        return False
    return found is not None and found.process.is_same(process)


def read(world: World, esn: str) -> Published | None:
    """A machine's entry; None when there is none or it can't be read.

    Raises StateOtherVersion.
    """
    return _entry(world.published / f"{esn}.json")


def announce(world: World, entry: Published) -> None:
    """Say in the machine's own folder where it listens: for those who start, stop and show it,
    published or not.
    """
    replace_file(private_folder(world.hsm(entry.esn)) / LISTENING, _written(entry))


def listening(world: World, esn: str) -> Published | None:
    """Where a machine listens, or listened last; None when it never did."""
    return _entry(world.hsm(esn) / LISTENING)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a machine did not start, and the process that tried."""

    esn: str
    why: str
    pid: int
    started: str = ""

    @property
    def process(self) -> Process:
        """The one that tried."""
        return Process(self.pid, self.started)


def record_failure(world: World, failure: Failure) -> None:
    """Say in the machine's own folder, if there is one, why it did not start: it has no process
    that could. Where that can't be written it is not.
    """
    folder = world.hsm(failure.esn)
    with contextlib.suppress(OSError):
        if folder.is_dir():
            replace_file(folder / FAILED, _written(failure))


def forget_failure(world: World, esn: str) -> None:
    """It is up."""
    with contextlib.suppress(OSError):
        (world.hsm(esn) / FAILED).unlink(missing_ok=True)


def failure(world: World, esn: str) -> Failure | None:
    """Why a machine did not start when that was last tried; None when it did, or when another
    version of seemachine wrote why.
    """
    try:
        found = _stored(world.hsm(esn) / FAILED, Failure)
    except OtherVersion:
        return None
    if found is None:
        return None
    typed = [type(value) for value in astuple(found)] == [str, str, int, str]
    return found if typed and found.esn == esn and is_printable(found.why) else None


def _written(entry: Published | Failure) -> bytes:
    return json.dumps({"version": PUBLISHED.version, **asdict(entry)}).encode()


def _entry(path: Path) -> Published | None:
    try:
        entry = _stored(path, Published)
    except OtherVersion as other:
        raise StateOtherVersion(str(other)) from None
    return entry if entry is not None and _is_one(entry) else None


def _stored(path: Path, kind: type[Kind]) -> Kind | None:
    """What a file holds, if it can be read. Raises OtherVersion."""
    try:
        values = json.loads(path.read_text())
        PUBLISHED.check_at(values, str(path))
        return kind(**values)
    except (OSError, ValueError, TypeError, RecursionError):
        return None


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
        str,
        str,
        str,
    ]
    named = typed and is_esn(entry.esn) and (entry.nvram == "" or is_nvram(entry.nvram))
    return (
        named
        and entry.model in MODELS
        and is_printable(entry.host + entry.socket + entry.injection)
    )
