"""The client for trio: the same operations, over trio streams."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from seeclient import dispatch, generating, inspecting, keys, memory, signing, tls
from seeclient.blocking import CONNECT_SECONDS, READ_BYTES, REPLY_GRACE_SECONDS, fed
from seeclient.effects import Address, Ask, AskAll, Effect, Pause, Peer, Result, Roster, Story, Work, resume
from seeclient.events import Listener, ignore
from seeclient.generating import Patience, Recipe
from seemachine.wire.link import NEED_DATA, Answered, Closed, Link, Refused, Role
from seemachine.wire.messages import Greeting, Hello
from seemachine.wire.names import PROTOCOL
from seemachine.wire.status import BadValue, PeerMisuse, StatusError

if TYPE_CHECKING:
    import ssl

# For TLS to say that it ends.
GOODBYE_SECONDS = 1.0


class Connection:
    """One machine over one stream. Every failure is a StatusError; after it the connection is closed."""

    def __init__(self, address: Address, wire: trio.SocketStream, credentials: tls.Credentials) -> None:
        self.address = address
        self._credentials = credentials
        self._certificate: Mapping[str, Any] | None = None
        self._wire = wire
        self.lock = trio.Lock()
        self._stream: trio.abc.Stream = wire
        self._link = Link(Role.CLIENT)
        self._seconds = CONNECT_SECONDS
        self._closed = False

    @property
    def stale(self) -> bool:
        """Closed here, or by the machine while nothing was asked: after its idle time, or when it stopped."""
        return self._closed or bool(self._wire.socket.is_readable())

    async def secure(self, context: "ssl.SSLContext") -> None:
        """From here on over TLS, with the machine that is meant. Raises StatusError; the connection is then closed."""
        stream = trio.SSLStream(self._wire, context, server_hostname=tls.host_name(self.address))
        try:
            await stream.do_handshake()
            self._stream, self._certificate = stream, stream.getpeercert()
            tls.check_esn(self.address, self._certificate, self.address.esn)
        except trio.BrokenResourceError as broken:
            raise await self._broken(broken) from None
        except BaseException:
            await self.close()
            raise

    async def ask(self, request: Any) -> Any:
        """The reply, or the refusal as a value. Raises StatusError when the connection is lost."""
        if self._closed:
            raise dispatch.lost(self.address, "closed")
        try:
            with trio.fail_after(self._seconds):
                await self._stream.send_all(self._link.send(request))
                return await self._receive()
        except BadValue as error:
            raise dispatch.bad_value(request, error) from None
        except PeerMisuse as misuse:
            raise await self._lost(misuse.detail) from None
        except (trio.BrokenResourceError, trio.ClosedResourceError) as broken:
            raise await self._broken(broken) from None
        except trio.TooSlowError:
            raise await self._lost("timed out") from None
        # Cut off in the middle, the link no longer knows whose reply comes next.
        except trio.Cancelled:
            await self.close()
            raise

    async def greet(self) -> Greeting:
        """Say hello. Raises StatusError; the connection is then closed."""
        try:
            return await self._greet()
        except StatusError:
            await self.close()
            raise

    async def _greet(self) -> Greeting:
        greeting = await self._hello()
        if self.address.esn not in ("", greeting.esn):
            raise dispatch.wrong_machine(self.address, greeting.esn)
        if self._certificate is not None:
            tls.check_esn(self.address, self._certificate, greeting.esn)
        try:
            memory.meet(greeting)
        except StatusError:
            # Somebody may have met it after a restart since it answered. Then this connection is dead; else it answers the same again.
            memory.meet(await self._hello())
        self._seconds = greeting.limits.request_seconds + REPLY_GRACE_SECONDS
        return greeting

    async def _hello(self) -> Greeting:
        greeting = await self.ask(Hello(protocol=PROTOCOL, client="seeclient"))
        if isinstance(greeting, StatusError):
            raise greeting
        assert isinstance(greeting, Greeting)
        return greeting

    async def close(self) -> None:
        """Hang up."""
        self._closed = True
        try:
            if self._certificate is not None:
                with trio.move_on_after(GOODBYE_SECONDS):
                    await self._stream.aclose()
        finally:
            await trio.aclose_forcefully(self._wire)

    async def _receive(self) -> Any:
        while True:
            event = self._link.next_event()
            if event is NEED_DATA:
                self._link.receive_data(await self._stream.receive_some(READ_BYTES))
            elif isinstance(event, Answered):
                return event.reply
            elif isinstance(event, Refused):
                if event.error.where == "link":
                    await self.close()  # the machine's last words
                return event.error
            else:
                assert isinstance(event, Closed)
                raise trio.BrokenResourceError

    async def _broken(self, error: BaseException) -> StatusError:
        await self.close()
        return self._credentials.failure(self.address, error.__cause__) or dispatch.lost(self.address, "broken")

    async def _lost(self, reason: str) -> StatusError:
        await self.close()
        return dispatch.lost(self.address, reason)


class Fleet:
    """The machines of a fleet; see `open_fleet`. Tasks may share it; on each machine their requests take turns.

    A connection that was lost while idle is opened anew.
    """

    def __init__(self, fleet: str | Path | None = None, files: tls.Tls | None = None) -> None:
        self._fleet = fleet
        self._credentials = tls.Credentials(files)
        self.roster = Roster()
        self._connections: dict[Peer, Connection] = {}

    async def generate_lms(
        self, alias: str, lms: str, lmots: str, *, progress: Listener = ignore, patience: Patience | None = None, **options: Any
    ) -> "Key":
        """Make a key (see generating.Recipe for the options) and return it. Raises StatusError."""
        story = generating.generate(self.roster, Recipe(alias, lms, lmots, **options), progress, patience or fed)
        return Key(self, await self.run(story))

    async def resume_lms(
        self, alias: str, *, esn: str = "", slot: int | None = None, progress: Listener = ignore, patience: Patience | None = None
    ) -> "Key":
        """Go on with a half-made key and return it. Raises StatusError (UnknownID) when no machine has one of that alias."""
        story = generating.resume(self.roster, alias, esn, slot, progress, patience or fed)
        return Key(self, await self.run(story))

    async def provision(self, esn: str, slot: int) -> inspecting.Provisioned:
        """Move a lease from a card into a machine. Raises StatusError."""
        return await self.run(inspecting.provision(self.roster, esn, slot))

    def key(self, alias: str) -> "Key":
        """A key of this host. Raises StatusError."""
        return Key(self, keys.load(alias))

    async def close(self) -> None:
        """Hang up on all."""
        for connection in self._connections.values():
            await connection.close()

    async def run(self, story: Story[Result]) -> Result:
        """Drive an operation to its end."""
        value, refused = None, None
        while True:
            try:
                effect = resume(story, value, refused)
            except StopIteration as end:
                result: Result = end.value
                return result
            value, refused = None, None
            try:
                value = await self._perform(effect)
            except StatusError as refusal:
                refused = refusal
            except BaseException:
                story.close()
                raise

    async def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, Ask):
            reply = await self._ask(effect.peer, effect.request)
            if isinstance(reply, StatusError):
                raise reply
            return reply
        if isinstance(effect, AskAll):
            return await self._ask_all(effect.peers, effect.request)
        if isinstance(effect, Work):
            return await trio.to_thread.run_sync(effect.call, abandon_on_cancel=True)
        assert isinstance(effect, Pause)
        return await trio.sleep(effect.seconds)

    async def _ask(self, peer: Peer, request: Any) -> Any:
        async with self._connections[peer].lock:
            connection = self._connections[peer]
            if connection.stale and isinstance(request, dispatch.ANYWHERE):
                fresh = await _connect(dispatch.current_address(self._fleet, peer), self._credentials)
                fresh.lock = connection.lock
                await connection.close()
                connection = self._connections[peer] = fresh
                peer.greeting = await connection.greet()
            return await connection.ask(request)

    async def _ask_all(self, peers: Sequence[Peer], request: Any) -> list[Any]:
        replies: list[Any] = [None] * len(peers)

        async def ask_one(index: int, peer: Peer) -> None:
            try:
                replies[index] = await self._ask(peer, request)
            except StatusError as failure:
                replies[index] = failure

        async with trio.open_nursery() as nursery:
            for index, peer in enumerate(peers):
                nursery.start_soon(ask_one, index, peer)
        return replies

    async def connect(self, found: Sequence[Address]) -> None:
        """Connect to all at once; who does not answer goes to `roster.failures`."""
        outcomes: list[Peer | StatusError | None] = [None] * len(found)

        async def join(index: int, address: Address) -> None:
            try:
                outcomes[index] = await self._join(address)
            except StatusError as failure:
                outcomes[index] = failure

        async with trio.open_nursery() as nursery:
            for index, address in enumerate(found):
                nursery.start_soon(join, index, address)
        self.roster.peers.extend(outcome for outcome in outcomes if isinstance(outcome, Peer))
        self.roster.failures.extend(outcome for outcome in outcomes if isinstance(outcome, StatusError))

    async def _join(self, address: Address) -> Peer:
        connection = await _connect(address, self._credentials)
        try:
            peer = Peer(address, await connection.greet())
        except BaseException:
            await connection.close()
            raise
        self._connections[peer] = connection
        return peer


async def _connect(address: Address, credentials: tls.Credentials) -> Connection:
    context = credentials.context(address)
    try:
        with trio.fail_after(CONNECT_SECONDS):
            connection = Connection(address, await trio.open_tcp_stream(address.host, address.port), credentials)
            if context is not None:
                await connection.secure(context)
            return connection
    except trio.TooSlowError:
        raise dispatch.connect_failure(address, TimeoutError("timed out")) from None
    except UnicodeError as error:
        raise dispatch.connect_failure(address, error) from None
    except OSError as error:
        # trio tells of several attempts in one error; the cause of the first is what a person wants to read.
        cause = error.__cause__.exceptions[0] if isinstance(error.__cause__, ExceptionGroup) else error.__cause__
        raise dispatch.connect_failure(address, cause if isinstance(cause, OSError) else error) from None


class Key(signing.LocalKey):
    """A key of this host and the fleet that may hold its leaves."""

    def __init__(self, fleet: Fleet, file: keys.KeyFile) -> None:
        super().__init__(file)
        self._fleet = fleet

    async def sign(self, message: bytes | Path) -> bytes:
        """A plain LMS signature (RFC 8554 5.4) of bytes or of a file of any size. Takes one leaf. Raises StatusError."""
        return (await self.sign_with(message)).signature

    async def sign_with(self, message: bytes | Path) -> signing.Signed:
        """The same, with the machine, the leaf and what remains there."""
        return await self._fleet.run(signing.sign(self._fleet.roster, self.file, signing.Message(message)))

    async def info(self) -> inspecting.KeyInfo:
        """What the reachable machines hold of this key."""
        return await self._fleet.run(inspecting.info(self._fleet.roster, self.file))


@contextlib.asynccontextmanager
async def open_fleet(fleet: str | Path | None = None, tls: tls.Tls | None = None) -> AsyncIterator[Fleet]:
    """Connect to every machine of a fleet (see dispatch.addresses). Those that do not answer are in `roster.failures`.

    `tls` names the files of TLS; without it see the module tls.
    """
    opened = Fleet(fleet, tls)
    try:
        await opened.connect(dispatch.addresses(fleet))
        yield opened
    finally:
        with trio.CancelScope(shield=True):
            await opened.close()
