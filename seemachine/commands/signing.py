"""Signing with the leases of NVRAM files, also of what the client hashes (guide 2.7.1, 2.7.2.1).

The order keeps the first promise: hash what the signature needs, reserve the leaf durably, and only
then make the signature. From the reservation on the leaf is spent, whatever happens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from seemachine.commands.leases import lease_of, refuse_foreign
from seemachine.commands.nvmem import file_of, no_file
from seemachine.commands.table import command
from seemachine.lms.hashing import message_digest
from seemachine.lms.lease import Lease
from seemachine.lms.parameters import ParameterError
from seemachine.machine import Machine, Session
from seemachine.state.errors import StateError
from seemachine.state.nvram.batch import Answer
from seemachine.state.nvram.ledger import Order, hash_bound, message_bound
from seemachine.state.records import Reserved
from seemachine.wire.messages import (
    NvmemfileReserve,
    NvmemfileReserved,
    NvmemfileSign,
    NvmemfileSignDigest,
    NvmemfileSigned,
)
from seemachine.wire.names import MAX_PAGE_EXPONENT, printed_name
from seemachine.wire.status import Status, StatusError


@dataclass(frozen=True, slots=True)
class Signing:
    """A reserved leaf and the digest Q that it is for."""

    lease: Lease
    reserved: Reserved
    digest: bytes


def ready(machine: Machine, name: bytes) -> bool:
    """Whether the next signature of a file needs no preparation. Does no hashing."""
    file = machine.store.get(name)
    return (
        file is None
        or bool(file.quarantine)
        or machine.keys.has_page(lease_of(machine, file.lease), file.next)
    )


def prepare(machine: Machine, name: bytes) -> None:
    """Hash the page of the next leaf, before any leaf is reserved.

    Raises StatusError when that is too much without the node cache.
    """
    file = file_of(machine, name)
    lease = lease_of(machine, file.lease)
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
    lease = lease_of(machine, reserved.lease)
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
    size = lease_of(machine, file.lease).key.ots.n if file is not None else len(request.digest)
    if len(request.digest) != size:
        raise StatusError(Status.InvalidParameter, f"Q has {size} bytes for this key")
    bound = machine.store.bind(
        Order(request.file, request.token, hash_bound(request.digest), session.client)
    )
    reserved = _given(machine, request.file, bound)
    lease = lease_of(machine, reserved.lease)
    if len(request.digest) != lease.key.ots.n:
        raise StatusError(
            Status.InvalidParameter,
            f"Q has {lease.key.ots.n} bytes for {lease.key.ots.name}; the leaf is spent",
        )
    return _finish_one(machine, Signing(lease, reserved, request.digest))


def _order(request: NvmemfileSign | NvmemfileReserve, digest: bytes, client: str) -> Order:
    return Order(request.file, request.token, digest, client, request.acknowledge)


def _start(machine: Machine, request: NvmemfileSign, answer: Answer) -> Signing | Exception:
    try:
        reserved = _given(machine, request.file, answer)
    except (StateError, StatusError) as error:
        return error
    lease = lease_of(machine, reserved.lease)
    randomizer = lease.randomizer(reserved.leaf)
    digest = message_digest(
        lease.key.ots, lease.key.identifier, reserved.leaf, randomizer, request.message
    )
    return Signing(lease, reserved, digest)


def _given(machine: Machine, name: bytes, answer: Answer) -> Reserved:
    if answer is None:
        raise no_file(machine, name)
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
        return _not_loaded(signing.lease.key.file_name)
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
