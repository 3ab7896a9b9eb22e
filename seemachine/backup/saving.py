"""`seemachine backup`: public data, ledgers and, on demand, cards, in one file.

Machines are asked over the wire, so they must be up.
"""

import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seeclient import blocking, keys
from seeclient.bridge import identifiers
from seeclient.effects import Peer, Story, ask
from seeclient.environment import Environment

from seemachine.backup import lending
from seemachine.backup.archive import (
    ARCHIVE,
    CARDS,
    FLEET,
    KEYS,
    Backup,
    ListedFile,
    MachinePart,
    Manifest,
    ledger_name,
    pack,
    unpack,
)
from seemachine.chance.seeding import refuse_backup
from seemachine.config import ConfigError
from seemachine.fleet.configuration import read
from seemachine.fleet.ledgers import rows_of
from seemachine.state.disk.durable import replace_file
from seemachine.state.disk.world_key import world_key
from seemachine.state.errors import StateFailed
from seemachine.state.nvram.stores import kept_in
from seemachine.wire.messages import ListNvmemfiles, NvmemfileListing
from seemachine.wire.names import is_esn
from seemachine.world import CARD_SUFFIX, World


@dataclass(frozen=True, slots=True)
class Portrait:
    """What a machine told: the part of the manifest, and the ledger as JSON lines."""

    part: MachinePart
    ledger: bytes


def back_up(
    environment: Environment, file: Path, cards: Sequence[str], without: Sequence[str]
) -> Manifest:
    """Ask the machines of a world, and save.

    Raises StateError, StatusError, ArchiveError, OSError.
    """
    world = environment.world
    _check_world(world)
    refuse_backup(world)
    cards = list(dict.fromkeys(cards))
    _check_target(file)
    lending.check_on_rack(world, cards)
    return save(world, file, _ask(environment, without), cards, without)


def save(
    world: World,
    file: Path,
    portraits: Sequence[Portrait],
    cards: Sequence[str] = (),
    without: Sequence[str] = (),
) -> Manifest:
    """Write a backup to a file that is not there yet.

    Raises StateError, StatusError, ArchiveError, OSError.

    When it fails, cards may have been taken out: see `lending.leftovers`.
    """
    identifier, now = os.urandom(16).hex(), time.time_ns() // 1_000_000
    parts = tuple(each.part for each in portraits)
    named = tuple(cards), tuple(without)
    manifest = Manifest(identifier, now, _identifier(world), parts, *named)
    members = {**_public(world), **{ledger_name(each.part.esn): each.ledger for each in portraits}}
    taken = lending.take_out(world, identifier, cards)
    members |= {f"{CARDS}{name}{CARD_SUFFIX}": data for name, data in taken.items()}
    backup = Backup(manifest, members)
    replace_file(file, pack(backup))
    # What was taken out is destroyed only when the file says again, from the disk, what it should.
    if unpack(file.read_bytes()) != backup:
        raise StateFailed(f"{file} does not say what was written")
    lending.clear(world, identifier)
    return manifest


def with_nvram(world: World) -> list[str]:
    """The machines of a world that have an NVRAM."""
    folders = [folder for folder in sorted(world.folder.glob("hsm/*")) if is_esn(folder.name)]
    return [folder.name for folder in folders if kept_in(folder)]


def portrait(fleet: blocking.Fleet, peer: Peer) -> Portrait:
    """Ask one machine. Raises StatusError, StateFailed."""
    greeting = peer.greeting
    # The files first: whatever is handed out after that is in the ledger.
    listing = fleet.run(_listing(peer))
    rows = [json.dumps(row) for row in rows_of(fleet, peer)]
    if peer.greeting.opening != greeting.opening:
        raise StateFailed(f"{peer.esn} was restarted while it was asked; try again")
    files = tuple(
        ListedFile(each.file.hex(), each.public_key.hex(), each.first, each.next, each.end)
        for each in listing.files
    )
    return Portrait(
        MachinePart(peer.esn, greeting.nvram.hex(), greeting.epoch, files),
        "".join(row + "\n" for row in rows).encode(),
    )


def _listing(peer: Peer) -> Story[NvmemfileListing]:
    listing = yield from ask(peer, ListNvmemfiles())
    return listing


def _ask(environment: Environment, without: Iterable[str]) -> list[Portrait]:
    """Every machine of the world that has an NVRAM, but for those that are left out."""
    world = environment.world
    known = with_nvram(world)
    for esn in without:
        if esn not in known:
            raise StateFailed(f"there is no machine {esn} with an NVRAM in {world}")
    wanted = [esn for esn in known if esn not in without]
    if not wanted:
        return []
    with blocking.connected(environment) as fleet:
        peers = {peer.esn: peer for peer in fleet.roster.peers}
        missing = [esn for esn in wanted if esn not in peers]
        if missing:
            reasons = "".join(f" ({failure.detail})" for failure in fleet.roster.failures)
            raise StateFailed(
                f"{', '.join(missing)} can't be asked{reasons}; {_way_out(world, missing)}"
            )
        return [portrait(fleet, peers[esn]) for esn in wanted]


def _way_out(world: World, missing: Sequence[str]) -> str:
    """How machines are started, each as it is meant to be, and how all of them are left out."""
    fleet = [esn for esn in missing if esn in _of_the_fleet(world)]
    starts = ["seemachine fleet up"] if fleet else []
    starts += [f"seemachine serve --esn {esn}" for esn in missing if esn not in fleet]
    return (
        f"start with: {', '.join(starts)}; or leave out with:"
        f" {' '.join(f'--without {esn}' for esn in missing)}"
    )


def _of_the_fleet(world: World) -> list[str]:
    try:
        return [machine.esn for machine in read(world.fleet_file, world).machines]
    except ConfigError:
        return []


def _public(world: World) -> dict[str, bytes]:
    """Key files, the fleet file, and ledgers that are kept of NVRAMs that are gone.

    Raises StatusError for a damaged key file.
    """
    fleet = world.fleet_file
    found = {FLEET: fleet.read_bytes()} if fleet.is_file() else {}
    store = keys.KeyStore(world.keys)
    for alias in store.aliases():
        # Loaded, so that nothing but a key file, which holds no secret in clear, gets into a backup
        # under this name.
        key = store.load(alias)
        found[f"{KEYS}{keys.PREFIX}{alias}"] = store.path_of(alias).read_bytes()
        if identifier := identifiers.read(store, key):
            found[f"{KEYS}{identifiers.PREFIX}{alias}"] = identifiers.text(key, identifier)
    return {
        **found,
        **{
            f"{ARCHIVE}{path.name}": path.read_bytes()
            for path in sorted(world.folder.glob(f"{ARCHIVE}[!.]*.jsonl"))
        },
    }


def _identifier(world: World) -> str:
    return world_key(world).identifier.hex() if (world.key_file).exists() else ""


def _check_world(world: World) -> None:
    if not world.is_there:
        raise FileNotFoundError(f"there is no world in {world}")


def _check_target(file: Path) -> None:
    if file.exists():
        raise FileExistsError(f"{file} is there already, and may hold cards; choose another name")
    if not file.absolute().parent.is_dir():
        raise FileNotFoundError(f"{file.absolute().parent} is not a folder; make it first")
