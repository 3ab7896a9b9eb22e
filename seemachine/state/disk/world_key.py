"""The key of a world: what secrets outside of NVRAM are encrypted under, so that a card file alone
gives no seed away.

    world.key    32 random bytes, for their owner alone; made when first needed, never again

Those are version 1. A later one would begin with its name and number, such as `world key 2`, and a
line feed.

Who has this file and the cards has the seeds. Seeds in NVRAM are not under it: an HSM protects its
own memory.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from seemachine.formats import Format
from seemachine.state.disk.checksummed import check_version
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.disk.encryption import NotAuthentic, decrypt, encrypt, hkdf
from seemachine.state.disk.held import FOLDER, held
from seemachine.state.errors import StateCorrupt, StateForeign
from seemachine.world import World

FILE_NAME = "world.key"
FORMAT = Format("world key")
KEY_BYTES = 32
IDENTIFIER_BYTES = 8
# There is something that needs the key if any of these is there.
SEALED = ("witness/cards/[!.]*", "witness/lent/*/*", "hsm/*/making/*.key")
# Or if a key file has this, whose key is encrypted in it.
_BLOB = b'"algorithm": "ML-DSA"'
_LINE_BYTES = 1 << 20
MOST_NAMED = 3


class WorldKey:
    """Encrypts what this world keeps. Its `identifier` may be known to anybody."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.identifier = hkdf(secret, b"world identifier", IDENTIFIER_BYTES)

    def encrypt(self, purpose: str, clear: bytes, secret: bytes) -> bytes:
        """The identifier of this world, then what `encryption.encrypt` makes."""
        return self.identifier + encrypt(self._secret, purpose, clear, secret)

    def decrypt(self, purpose: str, clear: bytes, data: bytes, what: str) -> bytes:
        """What was encrypted.

        Raises StateForeign when that was in another world, StateCorrupt when it was changed since.
        """
        world, hidden = data[:IDENTIFIER_BYTES], data[IDENTIFIER_BYTES:]
        if world != self.identifier:
            raise StateForeign(
                f"{what}: of the world {world.hex()}; this is the world {self.identifier.hex()} and"
                " has no key for it"
            )
        try:
            return decrypt(self._secret, purpose, clear, hidden)
        except NotAuthentic:
            raise StateCorrupt(
                f"{what}: not as this world wrote it; the file was damaged or made by somebody else"
            ) from None


def world_of(path: Path) -> World:
    """The world that a card, or what is kept of a machine, lies in.

    Raises StateCorrupt elsewhere.
    """
    for folder in (path, *path.parents):
        if folder.name in ("hsm", "cards"):
            return World.at(folder.parent)
    raise StateCorrupt(f"{path} is in no world folder")


def world_key(world: World) -> WorldKey:
    """The key of a world, made now if it has none and never needed one.

    Raises StateForeign while the right one is away, OSError.
    """
    path = private_folder(world.folder) / FILE_NAME
    # Held also to read it: what another process has just made is durable then.
    with alone(world):
        if not path.exists():
            _refuse_loss(world, path)
            replace_file(path, os.urandom(KEY_BYTES))
        secret = path.read_bytes()
    if len(secret) != KEY_BYTES:
        _refuse_other_version(path, secret)
        raise StateForeign(
            f"{path}: has {len(secret)} bytes in place of {KEY_BYTES}; put the right one back"
        )
    return WorldKey(secret)


def key_of_old(world: World) -> WorldKey:
    """The key of a world, for what was encrypted already. Raises StateForeign without one."""
    if not world.key_file.exists():
        raise StateForeign(
            f"{world.key_file}: missing; if the key was made in this world, put it back, else sign"
            " in the world that it was made in"
        )
    return world_key(world)


def _refuse_other_version(path: Path, data: bytes) -> None:
    first = data.partition(b"\n")[0].decode(errors="replace")
    if first.startswith(FORMAT.name):
        check_version(FORMAT, first, str(path))


def is_missing(world: World) -> bool:
    """Whether there is no key, and something that only it can read."""
    return not world.key_file.exists() and any(_needing(world))


def told_needing(world: World) -> str:
    """Which files only the key of a world can read, the first few by name."""
    names = [str(path.relative_to(world.folder)) for path in _needing(world)]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _needing(world: World) -> Iterator[Path]:
    for pattern in SEALED:
        yield from sorted(world.folder.glob(pattern))
    yield from filter(_has_blob, sorted(world.keys.glob("key_pqsdk_*")))


def _has_blob(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _BLOB in file.readline(_LINE_BYTES)
    except OSError:
        return False


def _refuse_loss(world: World, path: Path) -> None:
    """Another key would make all of it unreadable for good, just because this one was away for a
    while.
    """
    if is_missing(world):
        raise StateForeign(
            f"{path}: missing, and only it can read {told_needing(world)}; put it back, or move"
            " away key files of another world"
        )


@contextlib.contextmanager
def alone(world: World) -> Iterator[None]:
    """Hold the world folder, in which what all machines share is made once. Raises OSError."""
    with held(world.folder, FOLDER):
        yield
