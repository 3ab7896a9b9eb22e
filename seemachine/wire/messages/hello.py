"""The greeting: who is there, and what it accepts."""

from seemachine.wire.fields import (
    number,
    octets,
    record,
    serial_number,
    text,
    wire_class,
    word,
)
from seemachine.wire.messages.sizes import U32, U64
from seemachine.wire.names import NVRAM_BYTES, OPENING_BYTES
from seemachine.wire.record import Record
from seemachine.wire.requests import Again, Effect, Request
from seemachine.wire.roles import ClientRole


@wire_class
class Limits(Record):
    """What the machine accepts. Bytes and seconds."""

    frame: int = number(1, U32)
    message: int = number(1, U32)
    idle_seconds: int = number(0, U32)
    request_seconds: int = number(0, U32)


@wire_class
class Greeting(Record):
    """Who answers.

    `signer` is the hash of the machine's signing key, empty when it has none. `nvram` names the
    machine's NVRAM for life, `epoch` counts how often it was opened (0 when it does not outlive the
    process), `opening` tells this opening from any other. `operator` is `auto` when the machine
    puts in blank cards itself, so that waiting for one makes sense.

    `insecure` is the seed of a world whose keys anybody can make again, empty in a real one.
    `faults` says in words what the machine is told to do wrong, or that it may be; empty where it
    can't.
    """

    protocol: int = number(1, U32)
    esn: str = serial_number()
    model: str = word(32)
    version: str = word(32)
    software: str = text(64)
    engine: str = text(64)
    signer: bytes = octets(0, 64)
    nvram: bytes = octets(NVRAM_BYTES)
    epoch: int = number(0, U64)
    opening: bytes = octets(OPENING_BYTES)
    operator: str = word(16)
    insecure: str = text(64)
    faults: str = text(256)
    limits: Limits = record(Limits)


@wire_class
class Hello(
    Request[Greeting],
    name="hello",
    least=ClientRole.USE,
    effect=Effect.LOOKS,
    again=Again.FREELY,
    at_once=True,
):
    """The first request of a connection."""

    protocol: int = number(1, U32)
    client: str = text(64)
