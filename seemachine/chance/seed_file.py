"""seed.json of a world folder: that the world is a seeded one.

    {"version": 1, "seed": "7", "world": "<16 bytes in hex>"}

`world` is random: it tells two worlds of one seed apart, and is in `generations` beside it, too. It
is written once, and never changed.
"""

import json
import re

from seemachine.formats import Format, OtherVersion
from seemachine.frozen import frozen
from seemachine.wire.printable import is_printable
from seemachine.world import World

FORMAT = Format("seed file")
MOST_SEED = 64
_WORLD = re.compile(r"[0-9a-f]{32}", re.ASCII)


class SeedFileError(ValueError):
    """It can't be read. The text is a sentence for the person who has it."""


@frozen
class SeedFile:
    """What it says: see above, in bytes."""

    seed: str
    world: bytes

    def encoded(self) -> bytes:
        """The bytes of the file."""
        values = {"version": FORMAT.version, "seed": self.seed, "world": self.world.hex()}
        return json.dumps(values).encode() + b"\n"


def is_seed(text: str) -> bool:
    """Whether this can be a seed: 1 to 64 printable characters, with no blank at either end."""
    return 0 < len(text) <= MOST_SEED and is_printable(text) and text == text.strip()


def read(world: World) -> SeedFile | None:
    """What a world's says; None in a real world. Raises SeedFileError, OtherVersion, OSError."""
    path = world.seed_file
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        values = json.loads(data)
        FORMAT.check(values["version"], str(path))
        return _of(values)
    except OtherVersion:
        raise
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SeedFileError(f"{path} is damaged; put the right one back, or {ANEW}") from None


def _of(values: dict[str, str]) -> SeedFile:
    """Raises ValueError, KeyError, TypeError."""
    seed, world = values["seed"], values["world"]
    if not (is_seed(seed) and _WORLD.fullmatch(world)):
        raise ValueError
    return SeedFile(seed, bytes.fromhex(world))


ANEW = "begin a new world: choose another folder with SEEMACHINE_HOME or --home"
