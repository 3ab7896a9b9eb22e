"""Which function answers which request: the one that says so in its own head.

@command
def listing(session: Session, request: ListSlots) -> SlotListing:
"""

from collections.abc import Callable, Collection
from typing import Any, TypeVar, cast, get_type_hints

from seemachine.machine import Session
from seemachine.wire.record import Record
from seemachine.wire.requests import Request

Reply = TypeVar("Reply", bound=Record)
Handler = TypeVar("Handler", bound=Callable[..., Record])

COMMANDS: dict[type[Request[Record]], Callable[[Session, Any], Record]] = {}


def command(handler: Handler) -> Handler:
    """Have a function answer the requests of the class that its head names.

    Raises TypeError when it names none or one without checks, promises another reply than the class
    has, or comes second.
    """
    hints, where = get_type_hints(handler), f"{handler.__module__}.{handler.__qualname__}"
    kind, reply = hints.get("request"), hints.get("return")
    if not isinstance(kind, type) or not issubclass(kind, Request):
        raise TypeError(f"{where} is a command, but its `request` is of no class of requests")
    if "CHECKS" not in vars(kind):
        raise TypeError(
            f"{kind.__name__} stands under no @wire_class, so its fields have no checks"
        )
    if reply is not kind.Reply:
        raise TypeError(f"{where} must return {kind.Reply.__name__}, the reply of {kind.NAME}")
    if kind in COMMANDS:
        raise TypeError(f"{where} is the second command for {kind.NAME}")
    COMMANDS[kind] = handler
    return handler


def handler_of(request: Request[Reply]) -> Callable[[Session, Request[Reply]], Reply]:
    """The function that answers a request. Raises KeyError."""
    # What it returns was compared with the class when it came into the table.
    return cast("Callable[[Session, Request[Reply]], Reply]", COMMANDS[type(request)])


def check_whole(requests: Collection[type[Request[Record]]]) -> None:
    """Raises TypeError when there is a request that no function answers."""
    if missing := ", ".join(kind.NAME for kind in requests if kind not in COMMANDS):
        raise TypeError(
            f"no function of seemachine.commands answers {missing}; write one under @command"
        )
