"""Many messages in one request: which of them are taken together, and what is said of each."""

from collections.abc import Sequence

from seemachine.commands.leases import lease_of
from seemachine.commands.refusals import refusal
from seemachine.commands.signatures import Outcome
from seemachine.lms.parameters import signature_bytes
from seemachine.machine import Machine
from seemachine.state.nvram.ledger import Order, message_bound
from seemachine.state.records import NvramFile, Reserved
from seemachine.wire.messages import (
    ENVELOPE_BYTES,
    MAX_REASON,
    SIGNED_BYTES,
    NvmemfileSignedMany,
    NvmemfileSignMany,
    SigningRefused,
    signed_many_bytes,
)
from seemachine.wire.printable import fitting
from seemachine.wire.status import Status, StatusError

NONE: tuple[bytes, Reserved | None] = (b"", None)


def refuse_unfit(machine: Machine, request: NvmemfileSignMany, file: NvramFile | None) -> None:
    """Raises StatusError unless each message has a token of its own, and a reply has room for all
    signatures.
    """
    count, messages = len(request.tokens), len(request.messages)
    if count != messages:
        raise _unfit(f"{count} tokens for {messages} messages; give each message one")
    if len(set(request.tokens)) != count:
        raise _unfit("a token comes twice; give each message one of its own")
    # In quarantine it may be no lease of any key.
    if file is not None and not file.quarantine:
        key = lease_of(machine, file.lease).key
        _refuse_crowd(machine, signature_bytes(key.tree, key.ots), count)


def _refuse_crowd(machine: Machine, size: int, count: int) -> None:
    """Raises StatusError when a reply has no room for so many signatures of `size` bytes."""
    frame = machine.limits.frame
    if signed_many_bytes(size, count) > frame:
        most = (frame - ENVELOPE_BYTES) // (size + SIGNED_BYTES)
        raise _unfit(
            f"a reply of {frame} bytes has no room for {count} signatures of {size} bytes; ask for"
            f" {most} at a time"
        )


def _unfit(detail: str) -> StatusError:
    return StatusError(Status.InvalidParameter, detail)


def orders_of(request: NvmemfileSignMany, client: str) -> list[Order]:
    """An order for each message. The acknowledgement is for those leaves that need one."""
    file, reason = request.file, request.acknowledge
    return [
        Order(file, token, message_bound(message), client, reason, in_case=True)
        for token, message in zip(request.tokens, request.messages, strict=True)
    ]


def signed_many(
    machine: Machine, request: NvmemfileSignMany, outcomes: Sequence[Outcome]
) -> NvmemfileSignedMany | Exception:
    """The reply. Where all messages are refused for one reason, so is the request."""
    refusals = [
        _refused(request, index, outcome)
        for index, outcome in enumerate(outcomes)
        if isinstance(outcome, Exception)
    ]
    if len({(each.status, each.detail) for each in refusals}) == 1:
        [first, *_] = outcomes
        if len(refusals) == len(outcomes) and isinstance(first, Exception):
            return first
    signed = [NONE if isinstance(outcome, Exception) else outcome for outcome in outcomes]
    try:
        # Of a lease that is used up, the size is known only now; all of them are given again.
        _refuse_crowd(machine, max(len(signature) for signature, _ in signed), len(signed))
    except StatusError as error:
        return error
    return NvmemfileSignedMany(
        signatures=[signature for signature, _ in signed],
        leaves=[reserved.leaf if reserved else 0 for _, reserved in signed],
        remaining=_remaining(machine, request.file, [reserved for _, reserved in signed]),
        refusals=refusals,
    )


def _remaining(machine: Machine, name: bytes, handed_out: Sequence[Reserved | None]) -> int:
    """What the file has after the last leaf that was taken now; else what it has."""
    taken = [each.remaining for each in handed_out if each and not each.again]
    file = machine.store.get(name)
    return min(taken) if taken else file.remaining if file else 0


def _refused(request: NvmemfileSignMany, index: int, error: Exception) -> SigningRefused:
    said = refusal(request, error)
    return SigningRefused(index, int(said.status), fitting(said.detail, MAX_REASON))
