"""What a request is: a message with a reply, and with the facts that client and machine go by.

The facts stand in the head of its class, and nowhere else:

    @wire_class
    class ListSlots(
        Request[SlotListing],
        name="slot_list",
        least=ClientRole.USE,
        effect=Effect.LOOKS,
        again=Again.FREELY,
    ):

Whoever has to tell requests apart asks their class: admission, sessions, threads and roles on the
machine; reconnecting, asking again and doubts in the client. A class that leaves out a fact is
none, and its module does not import.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import ClassVar, Generic, NotRequired, TypedDict, TypeVar, Unpack, get_args, get_origin

from seemachine.wire.record import Record
from seemachine.wire.roles import ClientRole


class Effect(Enum):
    """What a request does to a machine."""

    # Nothing. Anybody can ask it all day, so it earns no place among the connections.
    LOOKS = auto()
    # It takes a core for a while, and may make leaves in the end.
    HASHES = auto()
    # It takes a core for a while. It keeps nothing, and has to do with no leaf.
    COMPUTES = auto()
    # It changes what the machine keeps. It takes, makes and moves no leaf.
    CHANGES = auto()
    # It takes, makes or moves leaves, or begins to.
    LEAVES = auto()


class Again(Enum):
    """Whether a request may be asked again when its reply was lost on the way."""

    # The second time does no more than the first.
    FREELY = auto()
    # The machine knows it by its token, or its parts by theirs, and gives the same reply.
    BY_TOKEN = auto()
    # First somebody has to see what the first one did.
    NEVER = auto()


class Facts(TypedDict):
    """What the head of a request's class says.

    `name` is its name on the wire, `least` the least role that may ask it.

    `at_once`: a machine answers it from memory, without a thread. `bound`: it depends on what its
    connection holds, so that no other connection can ask it. `where`: the name under which the
    guide's machine reports its errors, if that is not its own.
    """

    name: str
    least: ClientRole
    effect: Effect
    again: Again
    at_once: NotRequired[bool]
    bound: NotRequired[bool]
    where: NotRequired[str]


TYPES = {"name": str, "least": ClientRole, "effect": Effect, "again": Again}
OPTIONAL = {"at_once": bool, "bound": bool, "where": str}

Reply_co = TypeVar("Reply_co", bound=Record, covariant=True)


class Request(Record, Generic[Reply_co]):
    """See the module.

    A class of requests raises TypeError, with a sentence, when its head is not complete.
    """

    __slots__ = ()
    NAME: ClassVar[str]
    Reply: ClassVar[type[Record]]
    # Of a request that says nothing. There is none; should there be one, it is for nobody else.
    LEAST: ClassVar[ClientRole] = ClientRole.ADMIN
    EFFECT: ClassVar[Effect]
    AGAIN: ClassVar[Again]
    AT_ONCE: ClassVar[bool]
    BOUND: ClassVar[bool]
    WHERE: ClassVar[str]

    def __init_subclass__(cls, **facts: Unpack[Facts]) -> None:
        super().__init_subclass__()
        # A class with slots is made twice, the second time from what the first one has.
        if "NAME" not in vars(cls):
            _check(cls, facts)
            _declare(cls, facts)
        REQUESTS[cls.NAME] = cls


# Every request by its name, in the order in which they were declared.
REQUESTS: dict[str, type[Request[Record]]] = {}


def _check(cls: type[Request[Record]], facts: Mapping[str, object]) -> None:
    """Raises TypeError."""
    request, known = f"the request {cls.__name__}", TYPES | OPTIONAL
    if missing := ", ".join(name for name in TYPES if name not in facts):
        raise TypeError(f"{request} does not say {missing}")
    if unknown := ", ".join(sorted(facts.keys() - known.keys())):
        raise TypeError(f"{request} says {unknown}, which is not a fact of a request")
    for name, fact in facts.items():
        if not isinstance(fact, known[name]):
            raise TypeError(f"{request} says {name}={fact!r}, not of type {known[name].__name__}")
    if facts["name"] in REQUESTS:
        other = REQUESTS[str(facts["name"])]
        raise TypeError(f"{request} has the name of {other.__name__}, {other.NAME}")
    # The loop of a machine can't do anything else meanwhile.
    if facts.get("at_once") and facts["effect"] is not Effect.LOOKS:
        raise TypeError(f"{request} does more than look, so it can't be answered at once")
    if facts["again"] is Again.BY_TOKEN and not {"token", "tokens"} & cls.__annotations__.keys():
        raise TypeError(f"{request} has no field token by which a machine would know it again")


def _declare(cls: type[Request[Record]], facts: Facts) -> None:
    cls.NAME, cls.Reply = facts["name"], _reply(cls)
    cls.LEAST, cls.EFFECT, cls.AGAIN = facts["least"], facts["effect"], facts["again"]
    cls.AT_ONCE, cls.BOUND = facts.get("at_once", False), facts.get("bound", False)
    cls.WHERE = facts.get("where", cls.NAME)


def _reply(cls: type[Request[Record]]) -> type[Record]:
    """The class in the brackets of `Request[...]`. Raises TypeError."""
    for base in vars(cls).get("__orig_bases__", ()):
        [*replies] = get_args(base)
        if get_origin(base) is Request and isinstance(replies[0], type):
            reply: type[Record] = replies[0]
            return reply
    raise TypeError(f"the request {cls.__name__} has no reply; write Request[...] with its class")
