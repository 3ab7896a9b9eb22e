"""A machine in a process of its own, without a port: started as `seemachine serve` does, told what
to do over a pipe, and killed.

Processes are forked from one that has everything imported, so that thousands of starts take
minutes. It must have no machine of its own open, and no thread that holds a lock.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kit.commands import CHEAP, SLOT, hash_key
from kit.commands import generate as request_for_key
from restores.guards import without

from seemachine.commands import answer
from seemachine.commands.quarantine import inspect
from seemachine.config import Config
from seemachine.machine import Session
from seemachine.server.assembly import build, open_runtime, open_store
from seemachine.state.disk.lock import FolderLock
from seemachine.state.errors import StateError
from seemachine.state.witness import record_file
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name
from seemachine.wire.status import StatusError
from seemachine.world import World

SECONDS = 60
LABEL = "half"


@dataclass(frozen=True)
class Setting:
    """How machines of a case run: their store, where the runtime witness is, which boot of the host
    it is, guards to leave out.
    """

    store: str
    runtime: str
    boot: bytes = b""
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Signed:
    """A signature that a client without a memory got."""

    public_key: bytes
    message: bytes
    signature: bytes


class Refused(Exception):
    """The machine did not start, or did not do what it was asked. The text is its own."""


forking = multiprocessing.get_context("fork")


class Running:
    """A machine that runs. Every call raises Refused with the machine's own words."""

    def __init__(self, world: Path, esn: str, setting: Setting) -> None:
        self._pipe, theirs = forking.Pipe()
        self._process = forking.Process(
            target=_run, args=(theirs, world, esn, setting), daemon=True
        )
        self._process.start()
        theirs.close()
        self._answer()

    def __call__(self, what: str, *given: Any) -> Any:
        """Have it do something: the name of a function below."""
        self._pipe.send((what, given))
        return self._answer()

    def close(self) -> None:
        """End it in order."""
        self("end")
        self._gone()

    def kill(self) -> None:
        """End it without order."""
        self._process.kill()
        self._gone()

    def _answer(self) -> Any:
        if not self._pipe.poll(SECONDS):
            self.kill()
            raise AssertionError("the machine hangs")
        try:
            kind, found = self._pipe.recv()
        except EOFError:
            self._gone()
            raise Refused("the machine died") from None
        if kind == "refused":
            raise Refused(found)
        return found

    def _gone(self) -> None:
        self._process.join(SECONDS)
        self._process.close()
        self._pipe.close()


@contextmanager
def running(world: Path, esn: str, setting: Setting) -> Iterator[Running]:
    """A machine that is ended in order when the block ends, unless it was ended before."""
    machine = Running(world, esn, setting)
    try:
        yield machine
    finally:
        if not machine._pipe.closed:
            machine.kill()


def _run(pipe: Connection, world: Path, esn: str, setting: Setting) -> None:
    os.setsid()
    record_file.boot_of_host = lambda: setting.boot  # type: ignore[attr-defined]
    config = Config(
        esn=esn,
        world=World.at(world),
        store=setting.store,
        runtime_witness=setting.runtime,
        publish=False,
    )
    with without(*setting.without):
        try:
            lock = FolderLock(config.folder, esn)
            machine = build(
                config, open_store(config, os.environ, open_runtime(config, os.environ)[0])
            )
            inspect(machine)
        except (StateError, OSError) as error:
            pipe.send(("refused", str(error)))
            os._exit(1)
        pipe.send(("done", ""))
        _serve(pipe, Session(machine))
        lock.release()
    os._exit(0)


def _serve(pipe: Connection, session: Session) -> None:
    while True:
        what, given = pipe.recv()
        try:
            found = TOLD[what](session, *given)
        except (Refused, StateError, OSError) as error:
            pipe.send(("refused", str(error)))
        else:
            pipe.send(("done", found))
        if what == "end":
            return


def _ask(session: Session, request: Any) -> Any:
    reply = answer(session, request)
    if isinstance(reply, StatusError):
        raise Refused(str(reply))
    return reply


def make(session: Session) -> bytes:
    """Make a singular key; returns its public key."""
    return hash_key(session, CHEAP).public_key


def begin(session: Session, explease: int) -> bytes:
    """Hash a key for one card, under a label, which then waits for the card; returns its public
    key.
    """
    request = request_for_key(CHEAP, 0, explease, label=LABEL)  # type: ignore[arg-type]
    started = _ask(session, request)
    return _hashed(session, started.handle, started.remaining)


def finish(session: Session) -> bytes:
    """Go on with that key, and write the card in the slot."""
    resumed = _ask(session, m.ResumeLms(label=LABEL))
    public_key = _hashed(session, resumed.handle, resumed.remaining)
    _ask(session, m.ContinueLmsCard(handle=resumed.handle, slot=SLOT))
    return public_key


def _hashed(session: Session, handle: bytes, remaining: int) -> bytes:
    step = _ask(session, m.ContinueLms(handle=handle))
    while step.remaining:
        step = _ask(session, m.ContinueLms(handle=handle))
    assert step.public_key is not None
    return bytes(step.public_key)


def sign(session: Session, public_key: bytes, messages: list[bytes]) -> list[Signed]:
    """Sign each message, under a token of its own."""
    file = nvram_name(public_key)
    signed = []
    for message in messages:
        reply = _ask(session, m.NvmemfileSign(file=file, token=os.urandom(16), message=message))
        signed.append(Signed(public_key, message, reply.signature))
    return signed


def provision(session: Session) -> bytes:
    """Move a lease from the card in the slot; returns its key."""
    return bytes(_ask(session, m.ProvisionLms(slot=SLOT)).public_key)


def beat(session: Session) -> None:
    """What a machine does every few seconds."""
    session.machine.store.beat()


def end(session: Session) -> None:
    """In order."""
    session.machine.store.close()


TOLD: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (make, begin, finish, sign, provision, beat, end)
}
