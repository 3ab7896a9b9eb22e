"""Operator card sets: a machine reads their cards, for keys that such a set protects."""

from seemachine.wire.fields import octets, records, wire_class
from seemachine.wire.messages.sizes import MAX_PASSPHRASE
from seemachine.wire.names import CARDSET_BYTES, HANDLE_BYTES, SLOTS
from seemachine.wire.record import Record
from seemachine.wire.requests import Again, Effect, Request
from seemachine.wire.roles import ClientRole


@wire_class
class Passphrase(Record):
    """That of a card, as bytes."""

    value: bytes = octets(0, MAX_PASSPHRASE, secret=True)


@wire_class
class TokenLoaded(Record):
    """The machine holds the secret of the set, as long as this connection lasts.

    Whoever knows the handle may use it, on any connection.
    """

    handle: bytes = octets(HANDLE_BYTES, secret=True)


@wire_class
class LoadToken(
    Request[TokenLoaded],
    name="loadToken",
    least=ClientRole.USE,
    effect=Effect.CHANGES,
    again=Again.FREELY,
):
    """Read the cards of a set in the slots of the machine, each with the first passphrase that
    fits.

    What was read of a set stays with the connection until it is a quorum: asked again, the other
    cards are enough.
    """

    cardset: bytes = octets(CARDSET_BYTES)
    passphrases: list[Passphrase] = records(Passphrase, len(SLOTS))
