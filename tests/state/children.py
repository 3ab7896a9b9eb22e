"""What the child processes of these tests do: `python -m state.children WORD ...`.

Their parents kill most of them.
"""

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kit.leases import lease, leaves, name, order
from kit.stores import ESN, KINDS

from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.disk.lock import FolderLock, asking, holder
from seemachine.state.errors import StateError, StateFailed
from seemachine.world import World


def say(said: object) -> None:
    """One line, out of this process before anything else happens."""
    os.write(1, f"{said}\n".encode())


def opened(kind: str, folder: str) -> Any:
    """The store of that kind."""
    return next(known for known in KINDS if known.name == kind).open(Path(folder))


def reserve(kind: str, folder: str) -> None:
    """Take leaf after leaf and say each once it was given."""
    store = opened(kind, folder)
    while True:
        [taken] = store.reserve([order(name())])
        say(taken.leaf)


def take(world: str, slot: str) -> None:
    """Take lease after lease off a card and say the first leaf of each once it was given."""
    slots = Slots(World.at(Path(world)), ESN)
    while (expected := slots.next_lease(int(slot))) is not None:
        slots.take_lease(int(slot), expected)
        say(expected.first)


def hold(folder: str) -> None:
    """Hold a folder until the end, or say why not."""
    try:
        FolderLock(Path(folder), "the machine")
    except StateError as error:
        say(error)
        return
    say("held")
    sys.stdin.read()


def heed(folder: str) -> None:
    """Hold a folder and look for requests; say so when one comes, and end."""
    lock = FolderLock(Path(folder), "the machine")
    lock.listen()
    say("held")
    while not lock.asked():
        time.sleep(0.01)
    say("asked")


def ask(folder: str) -> None:
    """Ask the holder of a folder to let go, until the end."""
    with asking(Path(folder)):
        say("asking")
        sys.stdin.read()


def look(folder: str) -> None:
    """Say who holds a folder."""
    say(holder(Path(folder)))


def use(kind: str, folder: str) -> None:
    """Open a store that somebody else has open, without asking the lock."""
    try:
        opened(kind, folder)
    except StateError as error:
        say(error)
    else:
        say("opened")


def insert(world: str, card: str, *places: str) -> None:
    """Put a card into the slots (ESN, slot, ESN, slot, ...), one after the other, when told to.

    Say which took it.
    """
    rack, done = Rack(World.at(Path(world))), []
    say("ready")
    sys.stdin.readline()
    for esn, slot in zip(places[::2], places[1::2], strict=True):
        with contextlib.suppress(StateError):
            rack.insert(card, esn, int(slot))
            done.append((esn, int(slot)))
    say(json.dumps(done))


def fill(how: str, kind: str, folder: str) -> None:
    """Take leaves until the disk is full, make room, go on, start anew.

    Say what was given in each part, and what was refused.
    """
    if how == "mounted":
        # A small disk that only this process sees.
        assert os.system(f"mount -t tmpfs -o size=256k none {folder}") == 0
    room = ballast(Path(folder)) if how == "mounted" else short_files()
    given: list[list[int | None]] = [[], [], []]
    refused = []
    store = opened(kind, folder)
    store.install(lease(end=8192))

    def take_leaves(part: int, most: int) -> None:
        try:
            for _ in range(most):
                given[part] += leaves(store.reserve([order(name())]))
        except StateFailed as error:
            refused.append(type(error).__name__)

    take_leaves(0, 5)
    with room:
        take_leaves(0, 200)
    take_leaves(1, 5)
    store.close()
    store = opened(kind, folder)
    take_leaves(2, 5)
    store.close()
    say(json.dumps({"given": given, "refused": refused}))


@contextlib.contextmanager
def ballast(folder: Path) -> Iterator[None]:
    """Fill the disk to the brim."""
    path = folder / "ballast"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 512):
            pass
    yield
    path.unlink()


@contextlib.contextmanager
def short_files() -> Iterator[None]:
    """Let the system refuse to make any file longer than one byte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


WORDS = {made.__name__: made for made in (reserve, take, hold, heed, ask, look, use, insert, fill)}

if __name__ == "__main__":
    WORDS[sys.argv[1]](*sys.argv[2:])
