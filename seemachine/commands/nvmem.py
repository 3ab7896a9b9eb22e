"""The nvmemfile family but for signing: list, info, thresholds, the node cache, the ledger (guide
2.7.1, 2.7.2.1).
"""

from seemachine.commands.leases import is_foreign, lease_of, refuse_foreign
from seemachine.commands.table import command
from seemachine.lms.lease import Lease
from seemachine.lms.tree import table_from_cache
from seemachine.machine import Machine, Session
from seemachine.state.nvram.ledger import LedgerRow
from seemachine.state.records import NvramFile
from seemachine.wire.messages import (
    MAX_CLIENT,
    U64,
    GetNvmemfileInfo,
    LedgerEntry,
    LedgerPage,
    ListNvmemfiles,
    LmsLoaded,
    LoadLms,
    NvmemfileInfo,
    NvmemfileListing,
    ReadLedger,
    WarnNvmemfile,
)
from seemachine.wire.names import printed_name
from seemachine.wire.printable import fitting
from seemachine.wire.status import Status, StatusError

# A client is told to load the node cache when signing without it would hash more than this.
FEW_LEAVES = 1 << 6
# The highest number that a row has in any store.
LAST_ROW = (1 << 63) - 1


@command
def info(session: Session, request: GetNvmemfileInfo) -> NvmemfileInfo:
    """Describe one NVRAM file."""
    return _describe(session.machine, file_of(session.machine, request.file))


@command
def listing(session: Session, request: ListNvmemfiles) -> NvmemfileListing:
    """Describe them all."""
    del request
    machine = session.machine
    files = [
        file for name in machine.store.names() if (file := machine.store.get(name)) is not None
    ]
    return NvmemfileListing(files=[_describe(machine, file) for file in files])


@command
def warn(session: Session, request: WarnNvmemfile) -> NvmemfileInfo:
    """Set the threshold of one NVRAM file."""
    machine = session.machine
    refuse_foreign(machine, file_of(machine, request.file).lease)
    machine.store.warn_at(request.file, request.warnat)
    return _describe(machine, file_of(machine, request.file))


@command
def load(session: Session, request: LoadLms) -> LmsLoaded:
    """Take a part of a key file's node cache; with the last one it is checked against the key's
    root and taken into use.
    """
    machine = session.machine
    key = lease_of(machine, file_of(machine, request.file).lease).key
    size = key.tree.m << request.expcache
    if not request.offset:
        session.loading = bytearray()
    if len(session.loading) != request.offset or request.offset + len(request.nodes) > size:
        raise StatusError(
            Status.InvalidParameter,
            f"expected the node cache from byte {len(session.loading)} of {size} on",
        )
    session.loading += request.nodes
    missing = size - len(session.loading)
    if not missing:
        nodes, session.loading = bytes(session.loading), bytearray()
        machine.keys.put_table(
            key.root, table_from_cache(machine.engine, key, request.expcache, nodes)
        )
    return LmsLoaded(file=request.file, missing=missing)


@command
def ledger(session: Session, request: ReadLedger) -> LedgerPage:
    """A part of the machine's ledger."""
    stored = session.machine.store.ledger(min(request.after, LAST_ROW), request.most)
    rows = [(number, _timed(row)) for number, row in stored]
    return LedgerPage(
        entries=[
            LedgerEntry(
                row=number,
                file=row.name,
                leaf=row.leaf,
                token=row.token,
                digest=row.digest,
                client=fitting(row.client, MAX_CLIENT),
                time=row.time,
                reason=row.reason,
            )
            for number, row in rows
        ]
    )


def file_of(machine: Machine, name: bytes) -> NvramFile:
    """An NVRAM file. Raises StatusError NotAvailable."""
    file = machine.store.get(name)
    if file is None:
        raise no_file(machine, name)
    return file


def no_file(machine: Machine, name: bytes) -> StatusError:
    """What is said of a name that no NVRAM file has."""
    return StatusError(Status.NotAvailable, f"no NVRAM file {printed_name(name)} on {machine.esn}")


def _timed(row: LedgerRow) -> LedgerRow:
    """The wire has no time before 1970: its last one says that the clock was wrong."""
    return row if row.time >= 0 else row._replace(time=U64)


def _is_loaded(machine: Machine, lease: Lease, leaf: int) -> bool:
    return (
        machine.keys.has_table(lease.key.root)
        or len(machine.keys.page_leaves(lease, leaf)) <= FEW_LEAVES
    )


def _describe(machine: Machine, file: NvramFile) -> NvmemfileInfo:
    lease = file.lease
    # In quarantine it may be no lease of any key.
    loaded = not file.quarantine and _is_loaded(machine, lease_of(machine, lease), file.next)
    return NvmemfileInfo(
        file=file.name,
        public_key=lease.public_key,
        first=lease.first,
        next=file.next,
        end=lease.end,
        loaded=loaded,
        quarantined=bool(file.quarantine),
        warnat=lease.warnat,
        foreign=is_foreign(machine, lease.signer),
    )
