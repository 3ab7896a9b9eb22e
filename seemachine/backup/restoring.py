"""`seemachine restore`: what a backup holds comes back, and never a leaf that was used.

The machines must be down.
"""

import contextlib
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from seeclient.keys import KeyStore

from seemachine.backup import ledgers, lending
from seemachine.backup.advancing import advance, lock
from seemachine.backup.archive import (
    ARCHIVE,
    CARDS,
    FLEET,
    KEYS,
    ArchiveError,
    Backup,
    ledger_name,
    unpack,
)
from seemachine.backup.steps import RestoreStep
from seemachine.chance.seeding import refuse_backup
from seemachine.fleet.configuration import read
from seemachine.formats import OtherVersion
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.disk.lock import holder
from seemachine.state.errors import (
    CardError,
    StateError,
    StateLocked,
    StateOtherVersion,
    StateUnsafe,
    counted,
)
from seemachine.wire.status import StatusError
from seemachine.witnesses import open_witness
from seemachine.witnesses.address import folder_of, is_url
from seemachine.world import CARD_SUFFIX, World


def opened(file: Path) -> Backup:
    """The backup in a file, looked at in all its parts. Raises ArchiveError, OSError,
    StateOtherVersion.
    """
    try:
        backup = unpack(file.read_bytes(), str(file))
        for name, data in backup.members.items():
            if name.endswith(".jsonl"):
                ledgers.rows_in(data)
    except OtherVersion as other:
        raise StateOtherVersion(str(other)) from None
    except ArchiveError as error:
        raise ArchiveError(
            f"{file} is not a backup, or was damaged, so nothing of it is used: {error}"
        ) from None
    return backup


def restore(
    world: World,
    backup: Backup,
    environ: Mapping[str, str],
    witness: str | None = None,
    *,
    after_loss: bool = False,
) -> list[RestoreStep]:
    """Bring back what a backup holds; `witness` in place of what fleet.toml says.

    Raises StateError, ConfigError, OSError.

    Order: what must not be used again is seen to before anything comes back that could be used.
    """
    refuse_backup(world)
    with ExitStack() as stack:
        if (supervisor := holder(world.fleet)) is not None:
            up = f"the fleet of {world} is up ({supervisor})"
            raise StateLocked(f"{up}; stop it first with: seemachine fleet down")
        machines = lock(world, backup, stack)
        witnessed = _known_to(world, witness, machines) if witness is not None else []
        steps = [*_restore_fleet(world, backup), *_restore_keys(world, backup)]
        configured = _witnesses(world)
        openers = {}
        for esn in machines:
            where = (witness or "") if esn in witnessed else configured.get(esn, "")
            openers[esn] = partial(open_witness, where, world.witness, esn, environ)
        steps += advance(world, backup, openers, _names(world))
        steps += _restore_ledgers(world, backup)
        return [*steps, *_restore_cards(world, backup, after_loss=after_loss)]


def restore_outgoing(world: World, folder: Path) -> list[RestoreStep]:
    """Bring back cards that an interrupted backup took. Raises CardError."""
    refuse_backup(world)
    if folder.resolve().parent != lending.outgoing(world).resolve():
        raise CardError(
            f"{folder} is a folder, and none of an interrupted backup; those are in"
            f" {lending.outgoing(world)}"
        )
    cards = {path.stem: path.read_bytes() for path in sorted(folder.glob(f"*{CARD_SUFFIX}"))}
    if not cards:
        raise CardError(f"no card is left in {folder}")
    return [
        _restore_card(world, folder.resolve().name, name, data, after_loss=False)
        for name, data in cards.items()
    ]


def _restore_fleet(world: World, backup: Backup) -> list[RestoreStep]:
    return (
        [_write(world.fleet_file, FLEET, backup.members[FLEET])] if FLEET in backup.members else []
    )


def _restore_keys(world: World, backup: Backup) -> list[RestoreStep]:
    folder = world.keys
    found = {
        name.removeprefix(KEYS): data
        for name, data in backup.members.items()
        if name.startswith(KEYS)
    }
    return [_write(folder / name, f"key file {name}", data) for name, data in found.items()]


def _write(path: Path, what: str, data: bytes) -> RestoreStep:
    if not path.exists():
        private_folder(path.parent)
        replace_file(path, data)
        return RestoreStep("file", path.name, "written", f"{what}: written")
    if path.read_bytes() == data:
        return RestoreStep("file", path.name, "same", f"{what}: is here already")
    return RestoreStep("file", path.name, "kept", f"{what}: another one is here, and stays")


def _restore_ledgers(world: World, backup: Backup) -> list[RestoreStep]:
    live = {
        f"{part.esn}-{part.nvram}.jsonl": backup.members[ledger_name(part.esn)]
        for part in backup.manifest.machines
    }
    older = {
        name.removeprefix(ARCHIVE): data
        for name, data in backup.members.items()
        if name.startswith(ARCHIVE)
    }
    return [
        ledgers.keep(world, name, data, backup.manifest.id)
        for name, data in (*live.items(), *older.items())
        if data
    ]


def _restore_cards(world: World, backup: Backup, *, after_loss: bool) -> list[RestoreStep]:
    cards = {name: backup.members[f"{CARDS}{name}{CARD_SUFFIX}"] for name in backup.manifest.cards}
    return [
        _restore_card(world, backup.manifest.id, name, data, after_loss=after_loss)
        for name, data in cards.items()
    ]


def _restore_card(
    world: World, identifier: str, name: str, data: bytes, *, after_loss: bool
) -> RestoreStep:
    try:
        called, leases = lending.bring_back(world, identifier, name, data, after_loss=after_loss)
    except StateError as error:
        return RestoreStep("card", name, "refused", str(error), refused=True)
    renamed = f", now called {called}, for there is another {name}" if called != name else ""
    return RestoreStep(
        "card",
        called,
        "restored",
        f"card {name}: back on the rack with {counted(leases, 'lease')}{renamed}",
    )


def _witnesses(world: World) -> dict[str, str]:
    """Which witness the machines of the fleet have. Raises ConfigError."""
    return (
        {machine.esn: machine.witness for machine in read(world.fleet_file, world).machines}
        if (world.fleet_file).exists()
        else {}
    )


def _known_to(world: World, witness: str, machines: list[str]) -> list[str]:
    """The machines that a folder is the witness of.

    Raises StateUnsafe for a folder of no witness: what is noted there, no machine would look at.
    """
    folder = folder_of(witness, world.folder)
    if not witness or is_url(witness) or folder.resolve() == world.witness.resolve():
        return machines
    known = [esn for esn in machines if (folder / f"{esn}.record").exists()]
    if machines and not known:
        raise StateUnsafe(
            f"{witness} is not a witness of {', '.join(machines)}; name the folder that the"
            " machines were started with"
        )
    return known


def _names(world: World) -> dict[bytes, str]:
    """What keys are called here, by their NVRAM files."""
    named = {}
    store = KeyStore(world.keys)
    for alias in store.aliases():
        # A damaged key file only has no name to show.
        with contextlib.suppress(StatusError):
            named[store.load(alias).name] = alias
    return named
