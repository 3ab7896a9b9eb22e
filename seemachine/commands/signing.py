"""Signing with the leases of NVRAM files, one message or many (guide 2.7.1, 2.7.2.1).

The order keeps the first promise: hash what the signatures need, reserve the leaves durably, and
only then make the signatures. From the reservation on a leaf is spent, whatever happens.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from seemachine.commands.leases import lease_of, refuse_foreign
from seemachine.commands.nvmem import no_file
from seemachine.commands.pages import prepare, ready
from seemachine.commands.signatures import Outcome, Signing, outcomes
from seemachine.commands.signing_many import (
    orders_of,
    refuse_unfit,
    signed_many,
)
from seemachine.commands.table import command
from seemachine.lms.hashing import message_digest
from seemachine.machine import Machine, Session
from seemachine.state.errors import StateError
from seemachine.state.nvram.batch import Answer
from seemachine.state.nvram.ledger import Order, message_bound
from seemachine.state.records import Reserved
from seemachine.wire.messages import (
    NvmemfileSign,
    NvmemfileSigned,
    NvmemfileSignedMany,
    NvmemfileSignMany,
)
from seemachine.wire.status import Status, StatusError

Asked = NvmemfileSign | NvmemfileSignMany
Signed = NvmemfileSigned | NvmemfileSignedMany


@dataclass(frozen=True, slots=True)
class Started:
    """A request, and for each of its messages, in their order, the leaf or why it gets none."""

    request: Asked
    leaves: list[Signing | Exception]

    @property
    def signings(self) -> list[Signing]:
        """Those that have a leaf."""
        return [each for each in self.leaves if isinstance(each, Signing)]


@command
def sign(session: Session, request: NvmemfileSign) -> NvmemfileSigned:
    """One signature on its own: prepare, reserve durably, sign."""
    signed = _alone(session, request)
    assert isinstance(signed, NvmemfileSigned)
    return signed


@command
def sign_many(session: Session, request: NvmemfileSignMany) -> NvmemfileSignedMany:
    """Many signatures on their own: prepare, reserve durably in one flush, sign."""
    signed = _alone(session, request)
    assert isinstance(signed, NvmemfileSignedMany)
    return signed


def count_of(request: Asked) -> int:
    """How many signatures a request asks for."""
    return len(request.tokens) if isinstance(request, NvmemfileSignMany) else 1


def _alone(session: Session, request: Asked) -> Signed:
    machine, count = session.machine, count_of(request)
    if not ready(machine, request.file, count):
        prepare(machine, request.file, count)
    [started] = start_signing(machine, [(request, session.client)])
    if isinstance(started, Exception):
        raise started
    [signed] = finish_signing(machine, [started])
    if isinstance(signed, Exception):
        raise signed
    return signed


def start_signing(
    machine: Machine, asked: Sequence[tuple[Asked, str]]
) -> list[Started | StatusError]:
    """Reserve a leaf for each message of each request and its client, all in one flush.

    From here on the leaves are gone, whatever happens.
    """
    started = _start_all(machine, asked, machine.store.reserve)
    assert started is not None
    return started


def start_at_once(
    machine: Machine, asked: Sequence[tuple[Asked, str]]
) -> list[Started | StatusError] | None:
    """The same; None, and no leaf is gone, where others are at the NVRAM."""
    return _start_all(machine, asked, machine.store.reserve_at_once)


def _start_all(
    machine: Machine,
    asked: Sequence[tuple[Asked, str]],
    reserve: Callable[[list[Order]], list[Answer] | None],
) -> list[Started | StatusError] | None:
    refusals = [_unfit(machine, request) for request, _ in asked]
    fitting = [each for each, refused in zip(asked, refusals, strict=True) if refused is None]
    with machine.at([request.NAME for request, _ in fitting]):
        reserved = reserve([order for each in fitting for order in _orders(*each)])
    if reserved is None:
        return None
    answers = iter(reserved)
    return [
        _started(machine, request, answers) if refused is None else refused
        for (request, _), refused in zip(asked, refusals, strict=True)
    ]


def finish_signing(machine: Machine, started: Sequence[Started]) -> list[Signed | Exception]:
    """Make the signatures of requests that have their leaves, those of one parameter set in one
    call of the engine.
    """
    made = iter(outcomes(machine, [each for some in started for each in some.signings]))
    return [_reply(machine, each, made) for each in started]


def finish_one(machine: Machine, signing: Signing) -> NvmemfileSigned:
    """Make one signature."""
    [outcome] = outcomes(machine, [signing])
    if isinstance(outcome, Exception):
        raise outcome
    return _signed(*outcome)


def given(machine: Machine, name: bytes, answer: Answer) -> Reserved:
    """The leaf of a store's answer. Raises StateError, StatusError."""
    if answer is None:
        raise no_file(machine, name)
    if isinstance(answer, StateError):
        raise answer
    # Of a file that is used up this was not asked before: only its last orders can be asked again.
    refuse_foreign(machine, answer.lease)
    return answer


def _orders(request: Asked, client: str) -> list[Order]:
    if isinstance(request, NvmemfileSignMany):
        return orders_of(request, client)
    bound, reason = message_bound(request.message), request.acknowledge
    return [Order(request.file, request.token, bound, client, reason)]


def _messages(request: Asked) -> list[bytes]:
    return request.messages if isinstance(request, NvmemfileSignMany) else [request.message]


def _started(machine: Machine, request: Asked, answers: Iterator[Answer]) -> Started:
    file, messages = request.file, _messages(request)
    return Started(request, [_start(machine, file, each, next(answers)) for each in messages])


def _start(machine: Machine, name: bytes, message: bytes, answer: Answer) -> Signing | Exception:
    try:
        reserved = given(machine, name, answer)
    except (StateError, StatusError) as error:
        return error
    lease = lease_of(machine, reserved.lease)
    randomizer = lease.randomizer(reserved.leaf)
    digest = message_digest(lease.key.ots, lease.key.identifier, reserved.leaf, randomizer, message)
    return Signing(lease, reserved, digest, randomizer)


def _unfit(machine: Machine, request: Asked) -> StatusError | None:
    """Why no leaf is taken for a request; judged before any is."""
    try:
        if any(len(message) > machine.limits.message for message in _messages(request)):
            raise _too_long(machine)
        file = machine.store.get(request.file)
        if file is not None:
            refuse_foreign(machine, file.lease)
        if isinstance(request, NvmemfileSignMany):
            refuse_unfit(machine, request, file)
    except StatusError as refused:
        return refused
    return None


def _too_long(machine: Machine) -> StatusError:
    return StatusError(
        Status.InvalidParameter,
        f"a message of over {machine.limits.message} bytes is hashed by the client",
    )


def _reply(machine: Machine, started: Started, made: Iterator[Outcome]) -> Signed | Exception:
    own = [next(made) if isinstance(each, Signing) else each for each in started.leaves]
    if isinstance(started.request, NvmemfileSignMany):
        return signed_many(machine, started.request, own)
    [outcome] = own
    return outcome if isinstance(outcome, Exception) else _signed(*outcome)


def _signed(signature: bytes, reserved: Reserved) -> NvmemfileSigned:
    return NvmemfileSigned(signature=signature, leaf=reserved.leaf, remaining=reserved.remaining)
