"""What an operation asks of whoever runs it.

Operations are generators without sockets, clocks or threads; two runners drive them:
blocking_runner.py and trio_runner.py.

An operation yields effects and is sent their results; a refusal is thrown into it as StatusError.

What is sent in has no type of its own. So operations say `reply = yield from ask(peer, request)`,
and likewise `ask_all` and `work`, which know it.
"""

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar, cast

from seeclient import worlds
from seeclient.keyfile import KeyFile
from seeclient.keys import KeyStore
from seeclient.refusals import Unreachable
from seeclient.sightings import Sightings
from seemachine.frozen import field, frozen
from seemachine.wire import requests
from seemachine.wire.messages import Greeting
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.sockets import UNIX
from seemachine.wire.status import StatusError


@frozen
class Address:
    """Where a machine should be.

    `module` orders machines; `esn` is empty where only the address is known; `tls`: it takes
    nothing else.

    `nvram` is the name of its NVRAM in hex; empty where that is not known. With `socket`, the path
    of a Unix socket, host and port say nothing.
    """

    host: str
    port: int
    module: int
    esn: str = ""
    tls: bool = False
    nvram: str = ""
    socket: str = ""

    def __str__(self) -> str:
        """As a fleet is written."""
        return f"{UNIX}{self.socket}" if self.socket else f"{self.host}:{self.port}"

    @property
    def place(self) -> str:
        """As the guide's lines have it (2.8.1)."""
        return str(self) if self.socket else f"{self.host} on port {self.port}"


class Peer:
    """A machine that answered hello.

    `doubt` is what this host's memory has against it; no leaf is asked of it then.
    """

    __slots__ = ("address", "doubt", "greeting")

    def __init__(
        self, address: Address, greeting: Greeting, doubt: StatusError | None = None
    ) -> None:
        self.address = address
        self.greeting = greeting
        self.doubt = doubt

    @property
    def esn(self) -> str:
        """Its electronic serial number."""
        return self.greeting.esn


@frozen
class Roster:
    """The machines that can be asked, in module order, and why others can't; and what this host
    has: its keys, and what it saw of machines.
    """

    keys: KeyStore
    sightings: Sightings
    peers: list[Peer] = field(default_factory=list)
    failures: list[StatusError] = field(default_factory=list)
    # Where no machine answers: why, for each of the world that is not published. The guide's tools
    # print nothing of these.
    absent: list[StatusError] = field(default_factory=list)
    # Which machine signed last with an NVRAM file: asked first, so that most signatures take one
    # question.
    signers: dict[bytes, Peer] = field(default_factory=dict)
    # The handles of card sets that machines have loaded, by ESN and hash of the set.
    logical_tokens: dict[tuple[str, bytes], bytes] = field(default_factory=dict, repr=False)

    def load(self, alias: str) -> KeyFile:
        """A key of this host, for these machines. Raises StatusError, see KeyStore.load."""
        return self.fitting(self.keys.load(alias))

    def fitting(self, key: KeyFile) -> KeyFile:
        """The key, if it is of the kind of these machines: real or seeded. Raises StatusError
        (AccessDenied).
        """
        machines = ((peer.esn, peer.greeting.insecure) for peer in self.peers)
        worlds.refuse_others(f"the key {key.alias}", machines, marked=key.marked)
        return key


@frozen
class Ask:
    """Send a request and wait for its reply."""

    peer: Peer
    request: Request[Record]


@frozen
class AskAll:
    """Send a request to several machines at once; the result is a reply or a
    StatusError for each.
    """

    peers: Sequence[Peer]
    request: Request[Record]


@frozen
class AskEach:
    """Send requests at once, each to a machine of its own; the result is a reply or a StatusError
    for each.
    """

    asks: Sequence[Ask]


@frozen
class Pause:
    """Wait."""

    seconds: float


@frozen
class Work:
    """Call a function that hashes or reads files for a while."""

    call: Callable[[], object]


# Seconds before a lost look is asked for again. A machine that starts again may cut off once more
# whoever connects before it has let go of its port.
LOOK_PAUSES = (0.0, 0.2)

Effect = Ask | AskAll | AskEach | Pause | Work
Result = TypeVar("Result")
Reply = TypeVar("Reply", bound=Record)
Story = Generator[Effect, object, Result]


def ask(peer: Peer, request: Request[Reply]) -> Story[Reply]:
    """The reply of one machine. Raises StatusError."""
    return cast(Reply, (yield Ask(peer, request)))


def ask_all(peers: Sequence[Peer], request: Request[Reply]) -> Story[list[Reply | StatusError]]:
    """The reply or the refusal of each of several machines, in their order. Those whose reply to a
    request that only looks was lost are asked twice more: their machines may be there again.
    """
    replies = cast("list[Reply | StatusError]", (yield AskAll(peers, request)))
    if request.EFFECT is not requests.Effect.LOOKS or request.BOUND:
        return replies
    for pause in LOOK_PAUSES:
        lost = [place for place, reply in enumerate(replies) if _is_lost(reply, after=pause)]
        if not lost:
            break
        yield Pause(pause)
        again = yield AskAll([peers[place] for place in lost], request)
        for place, reply in zip(lost, cast("list[Reply | StatusError]", again), strict=True):
            replies[place] = reply
    return replies


def _is_lost(reply: object, after: float) -> bool:
    """One that kept silent to the limit of time, twice, is not asked again after a pause."""
    return isinstance(reply, Unreachable) and reply.was_asked and not (after and reply.timed_out)


def ask_each(asks: Sequence[Ask]) -> Story[list[Record | StatusError]]:
    """The reply or the refusal of each of several machines to its own request, in their order."""
    return cast("list[Record | StatusError]", (yield AskEach(asks)))


def work(call: Callable[[], Result]) -> Story[Result]:
    """What a function returns that hashes or reads files for a while. Raises what it raises."""
    return cast(Result, (yield Work(call)))


def resume(story: Story[Result], value: object, refused: StatusError | None) -> Effect:
    """Go on to the story's next effect, with the result or the refusal of the last one.

    Raises StopIteration at its end.
    """
    return story.send(value) if refused is None else story.throw(refused)
