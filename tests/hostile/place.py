"""The world of the client, and next to it what must stay as it is."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from hostile.liar import ALIAS, KEY, MLDSA_KEY, STATELESS
from kit.here import store
from kit.signatures import MESSAGE
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.mldsa.keyfile import MldsaKeyFile

from seemachine.hsms import published
from seemachine.hsms.published import Published
from seemachine.state.disk.lock import FolderLock
from seemachine.testing import ESN
from seemachine.world import World


class Place:
    """A folder with a world, and next to it what must stay as it is.

    Names in it are what lies lead to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.world, self.outside = folder, folder / "world", folder / "outside"
        for path in (self.world / "kmdata" / "local", self.world / "hsm" / ESN, self.outside):
            path.mkdir(parents=True, exist_ok=True)
        (self.world / "hsm" / ESN / "nvram.db").touch()
        (self.outside / "large").write_bytes(b"x" * 2000)
        (self.outside / "files").mkdir(exist_ok=True)
        (self.outside / "files" / "one").write_bytes(MESSAGE)
        (self.world / "fleet.toml").write_text(f'[[machines]]\nesn = "{ESN}"\n')
        (self.world / "world.key").write_bytes(bytes(32))
        for victim in (folder / "victim00", self.world / "victim00"):
            victim.touch()
        with self.entered():
            store().save(LmsKeyFile(ALIAS, KEY, 0, 0, 0, b""))
            store().save(MldsaKeyFile(STATELESS, MLDSA_KEY, b"blob"))
        published.announce(
            World.at(self.world), Published(ESN, "5c", 1, "lying.example", 8888, pid=1)
        )
        # Somebody runs it.
        self._lock = FolderLock(self.world / "hsm" / ESN, "it")

    def close(self) -> None:
        """Nobody does any more."""
        self._lock.release()

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Nothing but this world in the environment, and the machine that lies for a fleet."""
        there = {
            "SEEMACHINE_HOME": str(self.world),
            "HOME": str(self.folder),
            "SEEMACHINE_FLEET": "lying.example",
        }
        with patch.dict("os.environ", there, clear=True):
            yield

    def content(self) -> dict[str, bytes | None]:
        """Every path with its bytes, folders with none."""
        found: dict[str, bytes | None] = {}
        for place, folders, names in os.walk(self.folder):
            below = place[len(str(self.folder)) + 1 :]
            found |= {os.path.join(below, name): None for name in folders}  # noqa: PTH118
            found |= {os.path.join(below, name): Path(place, name).read_bytes() for name in names}  # noqa: PTH118
        return found

    def reset(self, before: dict[str, bytes | None]) -> None:
        """As it was."""
        after = self.content()
        for name in sorted(after, reverse=True):
            path, data = self.folder / name, before.get(name)
            if name not in before:
                path.rmdir() if path.is_dir() else path.unlink()
            elif data is not None and data != after[name]:
                path.write_bytes(data)
