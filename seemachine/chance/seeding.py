"""How a world becomes a seeded one, and what keeps it from that."""

import os

from seemachine.chance import generations, seed_file
from seemachine.chance.seed_file import ANEW, SeedFile, SeedFileError
from seemachine.formats import OtherVersion
from seemachine.state.cards.occupied import TOLD
from seemachine.state.cards.smartcard import BLANK, look
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.disk.world_key import alone
from seemachine.state.errors import StateCorrupt, StateForeign, StateOtherVersion, StateUnsafe
from seemachine.state.nvram.stores import kept_in
from seemachine.wire.names import CARDSET
from seemachine.world import CARD_SUFFIX, World

WORLD_BYTES = 16


def settle(world: World, wanted: str = "") -> SeedFile | None:
    """What the world's seed file says, which is made now where a seed is wanted; None in a real
    world.

    Raises StateForeign for another seed than the world's, and for one in a world that holds
    something; StateCorrupt for a file that can't be read, or is missing; OSError.
    """
    found = _read(world)
    if found is None and wanted:
        private_folder(world.folder)
        # Not within: who looks at a card holds the folder, too.
        holds = _held_by(world)
        with alone(world):
            # Another machine of the world may have made it meanwhile, and hold something by now.
            found = _read(world) or _made(world, wanted, holds)
    if found is not None and wanted not in ("", found.seed):
        raise StateForeign(
            f"{world} has the seed {found.seed}, not {wanted}; leave the seed out, or {ANEW}"
        )
    return found


def refuse_backup(world: World) -> None:
    """What is put back could be made a second time. Raises StateUnsafe in a seeded world, else as
    `settle`.
    """
    if found := settle(world):
        raise StateUnsafe(
            f"{world} has the seed {found.seed}: it is made again from that, not from a backup"
        )


def _read(world: World) -> SeedFile | None:
    try:
        found = seed_file.read(world)
    except OtherVersion as other:
        raise StateOtherVersion(str(other)) from None
    except SeedFileError as error:
        raise StateCorrupt(str(error)) from None
    if found is None and generations.has_counted(world.generations):
        raise StateCorrupt(
            f"{world.seed_file} is missing, and this was a seeded world; put it back, or {ANEW}"
        )
    return found


def _made(world: World, seed: str, holds: str) -> SeedFile:
    if holds:
        raise StateForeign(
            f"{world} is a real world, which can't get a seed: it holds {holds}; leave the seed"
            f" out, or {ANEW}"
        )
    made = SeedFile(seed, os.urandom(WORLD_BYTES))
    generations.make(world.generations, made.world)
    replace_file(world.seed_file, made.encoded())
    return made


def _held_by(world: World) -> str:
    """Something that was made with real chance; empty where there is nothing."""
    machines = sorted(path for path in world.machines.glob("*") if path.is_dir())
    for folder in machines:
        if kept_in(folder) or any(folder.glob("making/*.key")):
            return f"the NVRAM of {folder.name}"
    cards = [
        *world.cards.glob(f"*{CARD_SUFFIX}"),
        *world.machines.glob(f"*/slots/*/*{CARD_SUFFIX}"),
    ]
    for path in sorted(cards):
        kind = look(path)[0]
        if kind != BLANK and TOLD.get(kind) != CARDSET:
            return path.stem
    key = next(iter(sorted(world.keys.glob("key_pqsdk_*"))), None)
    return f"the key file {key}" if key is not None else ""
