"""Leaves that are set aside for messages which the client hashes (guide 2.7.1, 2.7.2.1)."""

from seemachine.commands.leases import lease_of, refuse_foreign
from seemachine.commands.pages import prepare, ready
from seemachine.commands.signatures import Signing
from seemachine.commands.signing import finish_one, given
from seemachine.commands.table import command
from seemachine.machine import Session
from seemachine.state.nvram.ledger import Order, hash_bound
from seemachine.wire.messages import (
    NvmemfileReserve,
    NvmemfileReserved,
    NvmemfileSignDigest,
    NvmemfileSigned,
)
from seemachine.wire.status import Status, StatusError


@command
def reserve(session: Session, request: NvmemfileReserve) -> NvmemfileReserved:
    """Set a leaf aside for a message that the client hashes."""
    machine = session.machine
    file = machine.store.get(request.file)
    if file is not None:
        refuse_foreign(machine, file.lease)
    if not ready(machine, request.file):
        prepare(machine, request.file)
    order = Order(request.file, request.token, hash_bound(b""), session.client, request.acknowledge)
    [answer] = machine.store.reserve([order])
    reserved = given(machine, request.file, answer)
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
    reserved = given(machine, request.file, bound)
    lease = lease_of(machine, reserved.lease)
    if len(request.digest) != lease.key.ots.n:
        raise StatusError(
            Status.InvalidParameter,
            f"Q has {lease.key.ots.n} bytes for {lease.key.ots.name}; the leaf is spent",
        )
    return finish_one(machine, Signing(lease, reserved, request.digest))
