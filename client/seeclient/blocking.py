"""The client without async: the same operations over plain sockets. Imports no event loop, so that short commands start fast."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeclient import dispatch, generating, inspecting, keys, memory, signing, tls
from seeclient.effects import Address, Ask, AskAll, Effect, Pause, Peer, Result, Roster, Story, Work, resume
from seeclient.events import Listener, ignore
from seeclient.generating import Patience, Recipe
from seemachine.wire.link import NEED_DATA, Answered, Closed, Link, Refused, Role
from seemachine.wire.messages import Greeting, Hello
from seemachine.wire.names import PROTOCOL
from seemachine.wire.status import BadValue, PeerMisuse, StatusError

if TYPE_CHECKING:
    import ssl

CONNECT_SECONDS = 5.0
REPLY_GRACE_SECONDS = 30.0
READ_BYTES = 1 << 16


class Connection:
    """One machine over one socket. Every failure is a StatusError; after it the connection is closed.

    With `doubted` an alarm of this host's memory is no failure: `doubt` has it.
    """

    def __init__(self, address: Address, credentials: tls.Credentials | None = None, *, doubted: bool = False) -> None:
        self.lock = threading.Lock()
        self.doubt: StatusError | None = None
        self._doubted = doubted
        self._credentials = credentials or tls.Credentials()
        self.open(address)

    def open(self, address: Address) -> None:
        """Connect, for the first time or anew. Raises StatusError."""
        self.address = address
        self._link = Link(Role.CLIENT)
        self._closed = True
        self._seconds = CONNECT_SECONDS
        self._certificate: Mapping[str, Any] | None = None
        context = self._credentials.context(address)
        try:
            self._socket = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                self._secure(context)
        except (OSError, UnicodeError) as error:
            raise self._credentials.failure(address, error) or dispatch.connect_failure(address, error) from None
        self._closed = False

    def _secure(self, context: "ssl.SSLContext") -> None:
        """From here on over TLS, with the machine that is meant. `wrap_socket` closes the socket when it fails."""
        try:
            secured = context.wrap_socket(self._socket, server_hostname=tls.host_name(self.address))
        except TimeoutError:
            raise TimeoutError("timed out") from None
        self._socket, self._certificate = secured, secured.getpeercert()
        try:
            tls.check_esn(self.address, self._certificate, self.address.esn)
        except StatusError:
            secured.close()
            raise

    @property
    def stale(self) -> bool:
        """Closed here, or by the machine while nothing was asked: after its idle time, or when it stopped.

        Over TLS the same: a machine sends no tickets, and what else it sends but replies is its goodbye.
        """
        return self._closed or bool(select.select([self._socket], [], [], 0)[0])

    def send(self, request: Any) -> None:
        """Send a request; `receive` its reply before the next."""
        if self._closed:
            raise dispatch.lost(self.address, "closed")
        try:
            data = self._link.send(request)
            self._socket.settimeout(self._seconds)
            self._socket.sendall(data)
        except BadValue as error:
            raise dispatch.bad_value(request, error) from None
        except OSError as error:
            raise self._broken(error) from None

    def receive(self) -> Any:
        """The reply, or the refusal as a value."""
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                event = self._link.next_event()
                if event is NEED_DATA:
                    # One limit for the whole reply, however many pieces it comes in.
                    self._socket.settimeout(max(0.001, deadline - time.monotonic()))
                    self._link.receive_data(self._socket.recv(READ_BYTES))
                    continue
            except PeerMisuse as misuse:
                raise self._lost(misuse.detail) from None
            except OSError as error:
                raise self._broken(error) from None
            if isinstance(event, Answered):
                return event.reply
            if isinstance(event, Refused):
                if event.error.where == "link":
                    self.close()  # the machine's last words
                return event.error
            assert isinstance(event, Closed)
            raise self._lost("closed by the machine")

    def greet(self) -> Greeting:
        """Say hello. Raises StatusError; the connection is then closed."""
        try:
            return self._greet()
        except StatusError:
            self.close()
            raise

    def _greet(self) -> Greeting:
        greeting = self._hello()
        if self.address.esn not in ("", greeting.esn):
            raise dispatch.wrong_machine(self.address, greeting.esn)
        if self._certificate is not None:
            tls.check_esn(self.address, self._certificate, greeting.esn)
        self.doubt = _doubt(greeting)
        if self.doubt is not None:
            # Somebody may have met it after a restart since it answered. Then this connection is dead; else it answers the same again.
            self.doubt = _doubt(self._hello())
        if self.doubt is not None and not self._doubted:
            raise self.doubt
        self._seconds = greeting.limits.request_seconds + REPLY_GRACE_SECONDS
        return greeting

    def _hello(self) -> Greeting:
        self.send(Hello(protocol=PROTOCOL, client="seeclient"))
        greeting = self.receive()
        if isinstance(greeting, StatusError):
            raise greeting
        assert isinstance(greeting, Greeting)
        return greeting

    def close(self) -> None:
        """Hang up."""
        if not self._closed:
            self._closed = True
            if self._certificate is not None:
                self._say_goodbye()
            self._socket.close()

    def _say_goodbye(self) -> None:
        """close_notify, without a wait for the machine's."""
        with contextlib.suppress(OSError, ValueError):
            self._socket.settimeout(0)
            self._socket.unwrap()  # type: ignore[attr-defined]

    def _broken(self, error: OSError) -> StatusError:
        failure = self._credentials.failure(self.address, error)
        if failure is None:
            return self._lost(error.strerror or "timed out")
        self.close()
        return failure

    def _lost(self, reason: str) -> StatusError:
        self.close()
        return dispatch.lost(self.address, reason)


class Fleet:
    """The machines of a fleet; see `open_fleet`. Threads may share it; on each machine their requests take turns.

    A connection that was lost while idle is opened anew.
    """

    def __init__(
        self, found: Sequence[Address], fleet: str | Path | None = None, files: tls.Tls | None = None, *, doubted: bool = False
    ) -> None:
        self._fleet = fleet
        self._doubted = doubted
        self._credentials = tls.Credentials(files)
        self.roster = Roster()
        self._connections: dict[Peer, Connection] = {}
        for address in found:
            try:
                self._join(address)
            except StatusError as failure:
                self.roster.failures.append(failure)

    def generate_lms(
        self, alias: str, lms: str, lmots: str, *, progress: Listener = ignore, patience: Patience | None = None, **options: Any
    ) -> "Key":
        """Make a key (see generating.Recipe for the options) and return it. Raises StatusError."""
        story = generating.generate(self.roster, Recipe(alias, lms, lmots, **options), progress, patience or fed)
        return Key(self, self.run(story))

    def resume_lms(
        self, alias: str, *, esn: str = "", slot: int | None = None, progress: Listener = ignore, patience: Patience | None = None
    ) -> "Key":
        """Go on with a half-made key and return it. Raises StatusError (UnknownID) when no machine has one of that alias."""
        story = generating.resume(self.roster, alias, esn, slot, progress, patience or fed)
        return Key(self, self.run(story))

    def provision(self, esn: str, slot: int) -> inspecting.Provisioned:
        """Move a lease from a card into a machine. Raises StatusError."""
        return self.run(inspecting.provision(self.roster, esn, slot))

    def key(self, alias: str) -> "Key":
        """A key of this host. Raises StatusError."""
        return Key(self, keys.load(alias))

    def close(self) -> None:
        """Hang up on all."""
        for connection in self._connections.values():
            connection.close()

    def run(self, story: Story[Result]) -> Result:
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
                value = self._perform(effect)
            except StatusError as refusal:
                refused = refusal
            except BaseException:
                story.close()
                raise

    def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, Ask):
            [reply] = self._ask_all([effect.peer], effect.request)
            if isinstance(reply, StatusError):
                raise reply
            return reply
        if isinstance(effect, AskAll):
            return self._ask_all(effect.peers, effect.request)
        if isinstance(effect, Work):
            return effect.call()
        assert isinstance(effect, Pause)
        return time.sleep(effect.seconds)

    def _ask_all(self, peers: Sequence[Peer], request: Any) -> list[Any]:
        """All requests out before the first reply is waited for."""
        with contextlib.ExitStack() as locks:
            for peer in peers:
                locks.enter_context(self._connections[peer].lock)
            sent = [self._attempt(self._send, peer, request) for peer in peers]
            return [
                self._attempt(self._connections[peer].receive) if failed is None else failed
                for peer, failed in zip(peers, sent, strict=True)
            ]

    def _send(self, peer: Peer, request: Any) -> None:
        connection = self._connections[peer]
        if connection.stale and isinstance(request, dispatch.ANYWHERE):
            connection.close()
            connection.open(dispatch.current_address(self._fleet, peer))
            peer.greeting = connection.greet()
            peer.doubt = connection.doubt
        dispatch.refuse_doubted(peer, request)
        connection.send(request)

    @staticmethod
    def _attempt(call: Any, *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except StatusError as failure:
            return failure

    def _join(self, address: Address) -> None:
        connection = Connection(address, self._credentials, doubted=self._doubted)
        try:
            peer = Peer(address, connection.greet(), connection.doubt)
        except StatusError:
            connection.close()
            raise
        self.roster.peers.append(peer)
        self._connections[peer] = connection


class Key(signing.LocalKey):
    """A key of this host and the fleet that may hold its leaves."""

    def __init__(self, fleet: Fleet, file: keys.KeyFile) -> None:
        super().__init__(file)
        self._fleet = fleet

    def sign(self, message: bytes | Path) -> bytes:
        """A plain LMS signature (RFC 8554 5.4) of bytes or of a file of any size. Takes one leaf. Raises StatusError."""
        return self.sign_with(message).signature

    def sign_with(self, message: bytes | Path) -> signing.Signed:
        """The same, with the machine, the leaf and what remains there."""
        return self._fleet.run(signing.sign(self._fleet.roster, self.file, signing.Message(message)))

    def info(self) -> inspecting.KeyInfo:
        """What the reachable machines hold of this key."""
        return self._fleet.run(inspecting.info(self._fleet.roster, self.file))


def _doubt(greeting: Greeting) -> StatusError | None:
    """What this host's memory has against a machine."""
    try:
        memory.meet(greeting)
    except StatusError as alarm:
        return alarm
    return None


def fed(peer: Peer, waited: float) -> bool:
    """The patience of a program: wait half a minute for a card where an operator feeds them, not at all elsewhere."""
    return peer.greeting.operator == "auto" and waited < 30.0


@contextlib.contextmanager
def open_fleet(fleet: str | Path | None = None, tls: tls.Tls | None = None, *, doubted: bool = False) -> Iterator[Fleet]:
    """Connect to every machine of a fleet (see dispatch.addresses). Those that do not answer are in `roster.failures`.

    `tls` names the files of TLS; without it see the module tls. `doubted` is for those who look into alarms of this host's memory:
    machines that it doubts are in `roster.peers`, and answer what takes no leaf.
    """
    opened = Fleet(dispatch.addresses(fleet), fleet, tls, doubted=doubted)
    try:
        yield opened
    finally:
        opened.close()
