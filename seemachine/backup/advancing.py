"""What a backup knows of leaves that are gone, told to the machines: NVRAMs go forward, witnesses
take note.

Nothing goes back.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby

from seemachine.backup.archive import Backup, ListedFile, MachinePart, ledger_name
from seemachine.backup.ledgers import rows_in
from seemachine.backup.steps import RestoreStep
from seemachine.state.disk.lock import FolderLock
from seemachine.state.errors import StateFailed
from seemachine.state.nvram.store import KEEP, Store
from seemachine.state.nvram.stores import kind_in
from seemachine.state.records import NvramFile
from seemachine.state.witness.protocol import Witness
from seemachine.wire.names import is_esn, printed_name
from seemachine.world import World

# Leaves `first` to `end` (not included) of an NVRAM file.
Range = tuple[bytes, int, int]
Opener = Callable[[], Witness]


@dataclass(frozen=True, slots=True)
class StoppedMachine:
    """A machine that is down, its NVRAM, if it has one, and its witness, both held by us."""

    esn: str
    witness: Witness
    store: Store | None


def lock(world: World, backup: Backup, stack: ExitStack) -> list[str]:
    """Hold the machines of the world and of the backup still until the stack ends; returns their
    ESNs.

    Raises StateLocked.
    """
    here = {folder.name for folder in world.folder.glob("hsm/*") if is_esn(folder.name)}
    for esn in sorted(here):
        stack.callback(FolderLock(world.hsm(esn), esn).release)
    return sorted(here | {part.esn for part in backup.manifest.machines})


def advance(
    world: World,
    backup: Backup,
    witnesses: Mapping[str, Opener],
    names: Mapping[bytes, str],
) -> list[RestoreStep]:
    """Compare each machine of the backup with what is here. Call with the machines locked.

    `witnesses` opens, by ESN, the witness of a machine; `names` says what keys are
    called. Raises StateError, OSError.
    """
    with ExitStack() as stack:
        concerned = {part.esn for part in backup.manifest.machines}
        stopped = {
            esn: _open(world, esn, opener, stack, look=esn in concerned)
            for esn, opener in witnesses.items()
        }
        steps, gone = [], []
        for part in backup.manifest.machines:
            used = _used(backup.members[ledger_name(part.esn)])
            machine = stopped[part.esn]
            gone += [*used, *_no_more(machine, part, used)]
            steps += list(_put_back(machine, part, used, names))
            steps += list(_lost(machine, part, used, names))
        for machine in stopped.values():
            _note(machine.witness, gone)
    _check_noted(witnesses, gone)
    return steps


def _open(
    world: World, esn: str, opener: Opener, stack: ExitStack, *, look: bool
) -> StoppedMachine:
    """With its NVRAM, if the backup has something to compare it with."""
    folder = world.hsm(esn)
    kind = kind_in(folder) if look else None
    witness = opener()
    if kind is None:
        stack.callback(witness.release)
        return StoppedMachine(esn, witness, None)
    try:
        store = kind.open(folder, witness, KEEP)
    except BaseException:
        witness.release()
        raise
    # Releases the witness, too.
    stack.callback(store.close)
    return StoppedMachine(esn, witness, store)


def _used(ledger: bytes) -> list[Range]:
    """The leaves of a ledger, joined to ranges."""
    found: list[Range] = []
    for file, leaves in groupby(sorted(rows_in(ledger)), key=lambda each: each[0]):
        name = bytes.fromhex(file)
        for _, leaf in leaves:
            if found and found[-1][0] == name and found[-1][2] == leaf:
                found[-1] = (name, found[-1][1], leaf + 1)
            else:
                found.append((name, leaf, leaf + 1))
    return found


def _floor(name: bytes, first: int, end: int, part: MachinePart, used: Iterable[Range]) -> int:
    """The first leaf of a lease that nobody had as far as the backup knows."""
    ranges = [*used, *((each.name, each.first, each.next) for each in part.files)]
    # A range may lead into the next lease.
    return max(
        (
            min(after, end)
            for each, start, after in ranges
            if each == name and start < end and after > first
        ),
        default=first,
    )


def _same(machine: StoppedMachine, part: MachinePart) -> Store | None:
    """The NVRAM of the backup, if it is here."""
    return (
        machine.store
        if machine.store is not None and machine.store.mark.identity.hex() == part.nvram
        else None
    )


def _present(machine: StoppedMachine, part: MachinePart, listed: ListedFile) -> NvramFile | None:
    store = _same(machine, part)
    file = store.get(listed.name) if store is not None else None
    return file if file is not None and file.lease.first == listed.first else None


def _no_more(machine: StoppedMachine, part: MachinePart, used: list[Range]) -> Iterator[Range]:
    """What can't be used any more: what was used, and whole leases that are in no NVRAM now."""
    for listed in part.files:
        floor = _floor(listed.name, listed.first, listed.end, part, used)
        yield listed.name, listed.first, floor if _present(machine, part, listed) else listed.end


def _put_back(
    machine: StoppedMachine, part: MachinePart, used: list[Range], names: Mapping[bytes, str]
) -> Iterator[RestoreStep]:
    """An NVRAM that is older than the backup was put back: all of it goes into quarantine and
    forward.
    """
    store = _same(machine, part)
    if store is None:
        return
    files = [file for name in store.names() if (file := store.get(name)) is not None]
    floors = {
        file.name: _floor(file.name, file.lease.first, file.lease.end, part, used) for file in files
    }
    older = [file for file in files if file.next < floors[file.name]]
    # This opening has its number already: an NVRAM that was not put back counts more than it did in
    # the backup.
    if not older and store.epoch > part.epoch:
        return
    store.put_back("it is older than a backup of it: it was put back", floors)
    yield RestoreStep(
        "nvram",
        part.esn,
        "quarantined",
        f"{part.esn}: its NVRAM is older than the backup, so it was put back; all of it is in"
        " quarantine",
    )
    for file in older:
        called = f"{part.esn}: {_called(file.name, names)}"
        yield _advanced(file, floors[file.name], called)


def _advanced(file: NvramFile, floor: int, called: str) -> RestoreStep:
    left = f"goes on at {floor} at the earliest" if floor < file.lease.end else "has no leaf left"
    sentence = f"{called} stood at leaf {file.next}, {left}"
    return RestoreStep("file", printed_name(file.name), "advanced", sentence)


def _lost(
    machine: StoppedMachine, part: MachinePart, used: list[Range], names: Mapping[bytes, str]
) -> Iterator[RestoreStep]:
    """Leaves that nobody had yet when the backup was made, and that nobody gets now."""
    here = _same(machine, part) is not None
    for listed in part.files:
        floor = _floor(listed.name, listed.first, listed.end, part, used)
        if _present(machine, part, listed) or floor == listed.end:
            continue
        if here and machine.witness.noted(listed.name).get(listed.first, 0) >= listed.end:
            continue  # used up, or destroyed, since the backup
        which = (
            f"leaf {floor}" if listed.end - floor == 1 else f"leaves {floor} to {listed.end - 1}"
        )
        why = (
            "is not in its NVRAM any more"
            if here
            else f"was in the NVRAM {part.nvram[:8]}, which is gone"
        )
        sentence = (
            f"{part.esn}: {which} of {_called(listed.name, names)} lost, unless used since the"
            f" backup: the lease {why}"
        )
        yield RestoreStep("leaves", printed_name(listed.name), "lost", sentence)


def _called(name: bytes, names: Mapping[bytes, str]) -> str:
    return f"{names[name]} ({printed_name(name)})" if name in names else printed_name(name)


def _note(witness: Witness, gone: Iterable[Range]) -> None:
    for name, first, end in gone:
        if end > first:
            witness.note(name, first, end)
    witness.beat()


def _check_noted(witnesses: Mapping[str, Opener], gone: list[Range]) -> None:
    """Notes are best effort elsewhere. Here they are all that is left, so they are looked for."""
    for esn, opener in witnesses.items():
        witness = opener()
        try:
            if any(
                witness.noted(name).get(first, 0) < end for name, first, end in gone if end > first
            ):
                raise StateFailed(
                    f"the witness of {esn} did not take note of all leaves that are gone; see to"
                    " its disk, and try again"
                )
        finally:
            witness.release()
