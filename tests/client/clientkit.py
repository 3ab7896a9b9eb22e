"""What the client's tests share: stories driven by hand, machines on ports of this process, and
both clients behind one interface.
"""

import contextlib
import io
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import seeclient
import trio
from here import memory, store
from seeclient import blocking, pipsqueak
from seeclient.effects import Address, Ask, AskAll, Peer, Roster, Work, resume
from seeclient.keys import KeyFile
from seeclient.tls import Tls
from server.serverkit import ESN, converse, make_key, make_service

from seemachine.machine import Machine
from seemachine.server.session import Service
from seemachine.wire.messages import Greeting, Limits
from seemachine.wire.names import PROTOCOL, TOKEN_BYTES
from seemachine.wire.status import StatusError

OTHER_ESN = "5F08-02E0-D947"
H5_W4 = {"lms": "sha256_m32_h5", "lmots": "sha256_n32_w4"}
WORK = "work"
LIMITS = Limits(frame=1 << 20, message=1000, idle_seconds=300, request_seconds=120)
GREETING = Greeting(
    protocol=PROTOCOL,
    esn=ESN,
    model="5c",
    version="1.4.1",
    software="seemachine 0.1.0",
    engine="portable/portable",
    signer=b"",
    nvram=b"n" * 16,
    epoch=1,
    opening=b"o" * 8,
    operator="manual",
    limits=LIMITS,
)


# ---------------------------------------------------------------- stories


def a_peer(esn: str = ESN, module: int = 1, **changes: Any) -> Peer:
    """A machine that answered hello, without a machine."""
    return Peer(Address("127.0.0.1", 8888, module, esn), replace(GREETING, esn=esn, **changes))


def a_roster(*peers: Peer) -> Roster:
    """The machines that a story can ask."""
    return Roster(store(), memory(), list(peers))


def a_key_file(
    alias: str = "release", expcache: int = 0, cache: bytes = b"", **choice: Any
) -> KeyFile:
    """A key file whose key exists nowhere else."""
    return KeyFile(alias, make_key(**choice).public_key.encode(), 0, 0, expcache, cache)


def shown(effect: Any) -> Any:
    """An effect in a form that compares: (peer, request), ([peers], request), the pause itself, or
    WORK.
    """
    if isinstance(effect, Ask):
        return effect.peer, untokened(effect.request)
    if isinstance(effect, AskAll):
        return list(effect.peers), effect.request
    return WORK if isinstance(effect, Work) else effect


def untokened(request: Any) -> Any:
    """A request with a token that compares: tokens are random, and each of them has its
    16 bytes.
    """
    if not hasattr(request, "token"):
        return request
    assert len(request.token) == TOKEN_BYTES
    return replace(request, token=bytes(TOKEN_BYTES))


def play(story: Any, *steps: Any) -> Any:
    """Drive a story through exactly these (effect, outcome) and return its result.

    An outcome is a reply, a StatusError to refuse with, or a function to call for either when it is
    asked for. Work is done.
    """
    value, refused = None, None
    for expected, outcome in steps:
        effect = resume(story, value, refused)
        assert shown(effect) == expected
        answer = (
            effect.call()
            if isinstance(effect, Work)
            else outcome()
            if callable(outcome)
            else outcome
        )
        value, refused = (
            (None, answer)
            if isinstance(effect, Ask) and isinstance(answer, StatusError)
            else (answer, None)
        )
    with pytest.raises(StopIteration) as end:
        resume(story, value, refused)
    return end.value.value


# ---------------------------------------------------------------- machines


@dataclass
class OnPort:
    """A machine on a port of this process. `stop` hangs up on everybody."""

    host: str
    port: int
    service: Service | None
    scope: trio.CancelScope

    @property
    def text(self) -> str:
        """Its address, as SEEMACHINE_FLEET takes it."""
        return f"{self.host}:{self.port}"

    def stop(self) -> None:
        """Nobody is served, and nobody can connect, from now on."""
        self.scope.cancel()


@contextlib.asynccontextmanager
async def answering(
    talk: Callable[[trio.SocketStream], Any], service: Service | None = None
) -> AsyncIterator[OnPort]:
    """A port on which `talk` is had with whoever connects."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    host, port = listeners[0].socket.getsockname()[:2]

    async def one(stream: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async with stream:
                await talk(stream)

    async with trio.open_nursery() as nursery:
        scope = trio.CancelScope()

        async def serve() -> None:
            with scope:
                await trio.serve_listeners(one, listeners)

        nursery.start_soon(serve)
        if service is not None:
            nursery.start_soon(service.pipeline.run)
        yield OnPort(host, port, service, scope)
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def serving(machine: Machine) -> AsyncIterator[OnPort]:
    """A machine on a port."""
    service = make_service(machine)
    async with answering(partial(converse, service), service) as port:
        yield port


# ---------------------------------------------------------------- both clients


class ThreadedKey:
    """The blocking client's key with the trio client's interface."""

    def __init__(self, key: blocking.Key) -> None:
        self.key = key

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.key, name)
        if name not in ("sign", "sign_with", "info", "warn_at"):
            return found
        return lambda *args, **options: trio.to_thread.run_sync(partial(found, *args, **options))


class ThreadedFleet:
    """The blocking client with the trio client's interface: each call in a worker thread."""

    def __init__(self, fleet: blocking.Fleet) -> None:
        self.fleet = fleet
        self.roster = fleet.roster

    async def generate_lms(self, *arguments: Any, **options: Any) -> ThreadedKey:
        """As the blocking client does it."""
        return ThreadedKey(
            await trio.to_thread.run_sync(partial(self.fleet.generate_lms, *arguments, **options))
        )

    async def resume_lms(self, *arguments: Any, **options: Any) -> ThreadedKey:
        """As the blocking client does it."""
        return ThreadedKey(
            await trio.to_thread.run_sync(partial(self.fleet.resume_lms, *arguments, **options))
        )

    async def provision(self, esn: str, slot: int) -> Any:
        """As the blocking client does it."""
        return await trio.to_thread.run_sync(self.fleet.provision, esn, slot)

    def key(self, alias: str) -> ThreadedKey:
        """As the blocking client does it."""
        return ThreadedKey(self.fleet.key(alias))


@contextlib.asynccontextmanager
async def open_threaded(
    fleet: str | Path | None = None, tls: Tls | None = None
) -> AsyncIterator[ThreadedFleet]:
    """The blocking client's open_fleet."""
    context = blocking.open_fleet(fleet, tls)
    opened = await trio.to_thread.run_sync(context.__enter__)
    try:
        yield ThreadedFleet(opened)
    finally:
        await trio.to_thread.run_sync(context.__exit__, None, None, None)


CLIENTS = {"blocking": open_threaded, "trio": seeclient.open_fleet}


# ---------------------------------------------------------------- pipsqueak in this process


def say(*words: str) -> tuple[int, list[str]]:
    """Run pipsqueak here. Returns its exit code and its lines, both streams in one."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
        code = pipsqueak.main(list(words))
    assert sys.stdout is not written
    return code, written.getvalue().splitlines()


def field(lines: list[str], start: str) -> list[str]:
    """The words of the dump under the line that begins so."""
    at = next(index for index, line in enumerate(lines) if line.startswith(start)) + 1
    words: list[str] = []
    while at < len(lines) and lines[at].startswith("  "):
        words += lines[at].split()
        at += 1
    return words
