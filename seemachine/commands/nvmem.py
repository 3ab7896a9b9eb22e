"""The nvmemfile family: list, info, sign, and signing of what the client hashes (guide 2.7.1,
2.7.2.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from seemachine.commands.leases import from_store, refuse_foreign
from seemachine.commands.table import command
from seemachine.lms.hashing import message_digest
from seemachine.lms.keys import PublicKey
from seemachine.lms.lease import Lease
from seemachine.lms.parameters import ParameterError
from seemachine.lms.tree import table_from_cache
from seemachine.machine import Machine, Session
from seemachine.state.errors import StateError
from seemachine.state.nvram.batch import Answer
from seemachine.state.nvram.ledger import LedgerRow, Order, hash_bound, message_bound
from seemachine.state.records import NvramFile, Reserved
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
    NvmemfileReserve,
    NvmemfileReserved,
    NvmemfileSign,
    NvmemfileSignDigest,
    NvmemfileSigned,
    ReadLedger,
    WarnNvmemfile,
)
from seemachine.wire.names import MAX_PAGE_EXPONENT, nvram_name, printed_name
from seemachine.wire.printable import fitting
from seemachine.wire.status import Status, StatusError

# A client is told to load the node cache when signing without it would hash more than this.
FEW_LEAVES = 1 << 6
# The highest number that a row has in any store.
LAST_ROW = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Signing:
    """A reserved leaf and the digest Q that it is for."""

    lease: Lease
    reserved: Reserved
    digest: bytes


@command
def info(session: Session, request: GetNvmemfileInfo) -> NvmemfileInfo:
    """Describe one NVRAM file."""
    return _describe(session.machine, _file(session.machine, request.file))


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
    refuse_foreign(machine, _file(machine, request.file).lease)
    machine.store.warn_at(request.file, request.warnat)
    return _describe(machine, _file(machine, request.file))


@command
def load(session: Session, request: LoadLms) -> LmsLoaded:
    """Take a part of a key file's node cache; with the last one it is checked against the key's
    root and taken into use.
    """
    machine = session.machine
    key = PublicKey.decode(_file(machine, request.file).lease.public_key)
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


def ready(machine: Machine, name: bytes) -> bool:
    """Whether the next signature of a file needs no preparation. Does no hashing."""
    file = machine.store.get(name)
    return (
        file is None
        or bool(file.quarantine)
        or machine.keys.has_page(from_store(file.lease), file.next)
    )


def prepare(machine: Machine, name: bytes) -> None:
    """Hash the page of the next leaf, before any leaf is reserved.

    Raises StatusError when that is too much without the node cache.
    """
    file = _file(machine, name)
    lease = from_store(file.lease)
    if _too_large(machine, lease, file.next):
        raise _not_loaded(name)
    try:
        machine.keys.page(lease, file.next)
    except ParameterError as error:
        raise _damaged(error) from None


@command
def sign(session: Session, request: NvmemfileSign) -> NvmemfileSigned:
    """One signature on its own: prepare, reserve durably, sign."""
    if not ready(session.machine, request.file):
        prepare(session.machine, request.file)
    [started] = start_signing(session.machine, [(request, session.client)])
    return _finish_one(session.machine, started)


def start_signing(
    machine: Machine, asked: Sequence[tuple[NvmemfileSign, str]]
) -> list[Signing | Exception]:
    """Reserve a leaf for each request and its client, all in one flush.

    From here on the leaves are gone, whatever happens.
    """
    refusals = [_unfit(machine, request) for request, _ in asked]
    fitting = [each for each, refused in zip(asked, refusals, strict=True) if refused is None]
    orders = [
        _order(request, message_bound(request.message), client) for request, client in fitting
    ]
    answers = iter(machine.store.reserve(orders))
    return [
        _start(machine, request, next(answers)) if refused is None else refused
        for (request, _), refused in zip(asked, refusals, strict=True)
    ]


def finish_signing(
    machine: Machine, signings: Sequence[Signing]
) -> list[NvmemfileSigned | Exception]:
    """Make the signatures, those of one parameter set in one call of the engine."""
    chains: dict[int, bytes] = {}
    for ots in {signing.lease.key.ots for signing in signings}:
        chosen = [index for index, signing in enumerate(signings) if signing.lease.key.ots == ots]
        jobs = [
            signings[index].lease.job(signings[index].reserved.leaf, signings[index].digest)
            for index in chosen
        ]
        chains.update(zip(chosen, machine.engine.sign(ots, jobs), strict=True))
    return [_finish(machine, signing, chains[index]) for index, signing in enumerate(signings)]


def _finish_one(machine: Machine, started: Signing | Exception) -> NvmemfileSigned:
    if isinstance(started, Exception):
        raise started
    [signed] = finish_signing(machine, [started])
    if isinstance(signed, Exception):
        raise signed
    return signed


@command
def reserve(session: Session, request: NvmemfileReserve) -> NvmemfileReserved:
    """Set a leaf aside for a message that the client hashes."""
    machine = session.machine
    file = machine.store.get(request.file)
    if file is not None:
        refuse_foreign(machine, file.lease)
    if not ready(machine, request.file):
        prepare(machine, request.file)
    [answer] = machine.store.reserve([_order(request, hash_bound(b""), session.client)])
    reserved = _given(machine, request.file, answer)
    lease = from_store(reserved.lease)
    return NvmemfileReserved(
        identifier=lease.key.identifier,
        leaf=reserved.leaf,
        randomizer=lease.randomizer(reserved.leaf),
        remaining=reserved.remaining,
    )


@command
def sign_digest(session: Session, request: NvmemfileSignDigest) -> NvmemfileSigned:
    """Sign Q with the leaf that was set aside for it."""
    machine = session.machine
    file = machine.store.get(request.file)
    if file is not None:
        refuse_foreign(machine, file.lease)
    size = (
        PublicKey.decode(file.lease.public_key).ots.n if file is not None else len(request.digest)
    )
    if len(request.digest) != size:
        raise StatusError(Status.InvalidParameter, f"Q has {size} bytes for this key")
    bound = machine.store.bind(
        Order(request.file, request.token, hash_bound(request.digest), session.client)
    )
    reserved = _given(machine, request.file, bound)
    lease = from_store(reserved.lease)
    if len(request.digest) != lease.key.ots.n:
        raise StatusError(
            Status.InvalidParameter,
            f"Q has {lease.key.ots.n} bytes for {lease.key.ots.name}; the leaf is spent",
        )
    return _finish_one(machine, Signing(lease, reserved, request.digest))


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


def _timed(row: LedgerRow) -> LedgerRow:
    """The wire has no time before 1970: its last one says that the clock was wrong."""
    return row if row.time >= 0 else replace(row, time=U64)


def _order(request: NvmemfileSign | NvmemfileReserve, digest: bytes, client: str) -> Order:
    return Order(request.file, request.token, digest, client, request.acknowledge)


def _start(machine: Machine, request: NvmemfileSign, answer: Answer) -> Signing | Exception:
    try:
        reserved = _given(machine, request.file, answer)
    except (StateError, StatusError) as error:
        return error
    lease = from_store(reserved.lease)
    randomizer = lease.randomizer(reserved.leaf)
    digest = message_digest(
        lease.key.ots, lease.key.identifier, reserved.leaf, randomizer, request.message
    )
    return Signing(lease, reserved, digest)


def _given(machine: Machine, name: bytes, answer: Answer) -> Reserved:
    if answer is None:
        raise _no_file(machine, name)
    if isinstance(answer, StateError):
        raise answer
    # Of a file that is used up this was not asked before: only its last orders can be asked again.
    refuse_foreign(machine, answer.lease)
    return answer


def _unfit(machine: Machine, request: NvmemfileSign) -> StatusError | None:
    """Why no leaf is taken for a request; judged before any is."""
    if len(request.message) > machine.limits.message:
        return _too_long(machine)
    file = machine.store.get(request.file)
    try:
        if file is not None:
            refuse_foreign(machine, file.lease)
    except StatusError as refused:
        return refused
    return None


def _too_long(machine: Machine) -> StatusError:
    return StatusError(
        Status.InvalidParameter,
        f"a message of over {machine.limits.message} bytes is hashed by the client",
    )


def _finish(machine: Machine, signing: Signing, chains: bytes) -> NvmemfileSigned | Exception:
    leaf = signing.reserved.leaf
    # Of a leaf that is handed out only now, the page was prepared.
    if signing.reserved.again and _too_large(machine, signing.lease, leaf):
        return _not_loaded(nvram_name(signing.lease.key.encode()))
    try:
        page = machine.keys.page(signing.lease, leaf)
    except ParameterError as error:
        return _damaged(error)
    signature = signing.lease.assemble(page, leaf, chains)
    return NvmemfileSigned(signature=signature, leaf=leaf, remaining=signing.reserved.remaining)


def _too_large(machine: Machine, lease: Lease, leaf: int) -> bool:
    return len(machine.keys.page_leaves(lease, leaf)) > 1 << MAX_PAGE_EXPONENT


def _not_loaded(name: bytes) -> StatusError:
    return StatusError(
        Status.NotAvailable,
        f"the tree of {printed_name(name)} is not loaded; send the key file's cache with loadLMS",
    )


def _damaged(error: ParameterError) -> StatusError:
    return StatusError(Status.Malformed, f"the NVRAM file is damaged: {error}")


def _file(machine: Machine, name: bytes) -> NvramFile:
    file = machine.store.get(name)
    if file is None:
        raise _no_file(machine, name)
    return file


def _no_file(machine: Machine, name: bytes) -> StatusError:
    return StatusError(Status.NotAvailable, f"no NVRAM file {printed_name(name)} on {machine.esn}")


def _is_loaded(machine: Machine, lease: Lease, leaf: int) -> bool:
    return (
        machine.keys.has_table(lease.key.root)
        or len(machine.keys.page_leaves(lease, leaf)) <= FEW_LEAVES
    )


def _describe(machine: Machine, file: NvramFile) -> NvmemfileInfo:
    lease = file.lease
    # In quarantine it may be no lease of any key.
    loaded = not file.quarantine and _is_loaded(machine, from_store(lease), file.next)
    return NvmemfileInfo(
        file=file.name,
        public_key=lease.public_key,
        first=lease.first,
        next=file.next,
        end=lease.end,
        loaded=loaded,
        quarantined=bool(file.quarantine),
        warnat=lease.warnat,
    )
