"""A world under the recorder: the commands of the machines and hands at the cards, each followed by
a mark.
"""

import contextlib
import itertools
from dataclasses import dataclass
from typing import Any

from crash.host import SLOT, CrashHost, counters, identifier
from crash.matrix import Handed, Still
from crash.recorder import Recorder
from crash.trial import Broken
from kit.commands import CHEAP, generate
from kit.commands import sign as request_for
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands import answer
from seemachine.commands.signing import Started, start_signing
from seemachine.lms.hashing import message_digest
from seemachine.lms.keys import PublicKey
from seemachine.machine import Session
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError

LABEL = "release"
# Another one each time, also for another process.
MESSAGES = itertools.count(1)


class Refused(Exception):
    """A machine said no where the scenario needs a yes: its disk is full."""


def get(session: Session, request: Any) -> Any:
    """The reply. Raises Refused, Broken."""
    reply = answer(session, request)
    if isinstance(reply, StatusError):
        raise (Broken if reply.status is Status.Failed else Refused)(
            repr(reply)
        ) from reply.__cause__
    return reply


@dataclass(frozen=True)
class Asked:
    """What a client asks again when it was not answered, or was: the machine, the request, I of the
    key, the message.
    """

    esn: str
    request: m.NvmemfileSign
    identifier: bytes
    message: bytes


class Scene:
    """A world, and the recorder that it runs under; without one, it is being prepared.

    `asked`: all orders so far.
    """

    def __init__(self, host: CrashHost, recorder: Recorder | None = None) -> None:
        self.host, self._recorder = host, recorder
        self.asked: list[Asked] = []

    def mark(self, what: Handed | Still) -> None:
        """Put into the log."""
        if self._recorder is not None:
            self._recorder.mark(what)

    def still(self, after: str) -> Still:
        """How it is now. Every machine of the scenario must be running."""
        return Still(self.host.places(), counters(self.host), after)

    def done(self, what: str) -> None:
        """A command has ended."""
        self.mark(self.still(what))

    def open(self, esn: str = ESN) -> Session:
        """Start a machine."""
        return self.host.open(esn)

    def reopen(self, esn: str = ESN) -> Session:
        """Stop a machine and start it again."""
        self.host.close(esn)
        session = self.open(esn)
        self.done("restart")
        return session

    def message(self) -> bytes:
        """Another one each time."""
        return b"message %d" % next(MESSAGES)

    def make(
        self,
        session: Session,
        expcards: int = 0,
        explease: int = 0,
        label: str = LABEL,
        **more: bool,
    ) -> bytes:
        """Make a key and write its cards, which stay on the rack but for the last.

        Returns its public key.
        """
        handle = self.begin(session, expcards, explease, label, **more)
        return self.finish(session, handle)

    def begin(
        self,
        session: Session,
        expcards: int = 0,
        explease: int = 0,
        label: str = LABEL,
        **more: bool,
    ) -> bytes:
        """Begin a key and do the first chunk. Returns its handle."""
        started = get(session, generate(CHEAP, expcards, explease, label=label, **more))  # type: ignore[arg-type]
        self.done("generate")
        get(session, m.ContinueLms(handle=started.handle))
        self.done("chunk")
        return bytes(started.handle)

    def finish(self, session: Session, handle: bytes) -> bytes:
        """Do the other chunks and the cards."""
        step = get(session, m.ContinueLms(handle=handle))
        while step.remaining:
            self.done("chunk")
            step = get(session, m.ContinueLms(handle=handle))
        self.done("last step")
        for _ in range(step.cards):
            self.host.put_blank(session.machine.esn)
            self.done("blank card")
            get(session, m.ContinueLmsCard(handle=handle, slot=SLOT))
            self.done("card written")
        return bytes(step.public_key)

    def discard(self, session: Session, label: str = LABEL) -> None:
        """The client has the key file."""
        get(session, m.DiscardLms(label=label))
        self.done("discard")

    def provision(self, session: Session) -> bytes:
        """The next lease of the card. Returns the file's name."""
        provisioned = get(session, m.ProvisionLms(slot=SLOT))
        self.done("provision")
        return bytes(provisioned.file)

    def sign(self, session: Session, file: bytes, count: int = 1) -> None:
        """Signatures, one by one."""
        for _ in range(count):
            self.ask(session, self.order(session, file))
            self.done("sign")

    def sign_digest(self, session: Session, file: bytes) -> None:
        """A signature of what the client hashed."""
        message, found = self.message(), session.machine.store.get(file)
        assert found is not None
        key = PublicKey.decode(found.lease.public_key)
        token = new_token()
        reserved = get(session, m.NvmemfileReserve(file=file, token=token))
        self.mark(Handed((key.identifier, reserved.leaf), message))
        self.done("reserve")
        digest = message_digest(
            key.ots, reserved.identifier, reserved.leaf, reserved.randomizer, message
        )
        get(session, m.NvmemfileSignDigest(file=file, token=token, digest=digest))
        self.done("sign digest")

    def batch(self, session: Session, files: list[bytes]) -> None:
        """A batch of signatures, reserved in one flush."""
        orders = [self.order(session, file) for file in files]
        started = start_signing(session.machine, [(order.request, "") for order in orders])
        for order, each in zip(orders, started, strict=True):
            for signing in each.signings if isinstance(each, Started) else ():
                self.mark(Handed((order.identifier, signing.reserved.leaf), order.message))
        self.done("batch")

    def many(self, session: Session, file: bytes, count: int) -> None:
        """So many messages in one request; where the lease ends, so do the signatures."""
        orders = [self.order(session, file) for _ in range(count)]
        signed = get(
            session,
            m.NvmemfileSignMany(
                file=file,
                tokens=[order.request.token for order in orders],
                messages=[order.message for order in orders],
            ),
        )
        for order, leaf, signature in zip(orders, signed.leaves, signed.signatures, strict=True):
            if signature:
                self.mark(Handed((order.identifier, leaf), order.message))
        self.done("many")

    def order(self, session: Session, file: bytes) -> Asked:
        """A new order for a leaf of a file."""
        message, found = self.message(), session.machine.store.get(file)
        assert found is not None
        self.asked.append(
            Asked(
                session.machine.esn,
                request_for(file, message),
                identifier(found.lease.public_key),
                message,
            )
        )
        return self.asked[-1]

    def ask(self, session: Session, order: Asked) -> None:
        """A signature. Raises Refused."""
        signed = get(session, order.request)
        self.mark(Handed((order.identifier, signed.leaf), order.message))

    def again(self) -> None:
        """Every order so far is asked again; some are refused."""
        for order in self.asked:
            with contextlib.suppress(Refused):
                self.ask(Session(self.host.machines[order.esn]), order)
        self.done("asked again")

    def forget(self) -> None:
        """The ledgers forget what they may."""
        self.host.forget()
        self.done("forgotten")
