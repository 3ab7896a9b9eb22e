"""Operator card sets that protect keys: what they are called, and how machines load them."""

import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

from seeclient.effects import Peer, Roster, Story, ask
from seemachine.formats import CARD_SET, OtherVersion
from seemachine.frozen import frozen
from seemachine.wire.messages import LoadToken, Passphrase
from seemachine.wire.names import CARDSET_BYTES, SLOTS
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import Status, StatusError

Reply = TypeVar("Reply", bound=Record)
WHERE = "find_cardset"


@frozen
class OperatorSet:
    """A card set of the world, as its key management data has it."""

    name: str
    hash: bytes


def named(folder: Path, name: str) -> OperatorSet:
    """The card set of a name, among the `cards_<hash>` of kmdata/local. Raises StatusError."""
    known = [_read(path) for path in sorted(folder.glob("cards_*"))]
    for each in known:
        if each.name == name:
            return each
    raise StatusError(
        Status.UnknownID,
        f"there is no card set {name} in {folder}; there are:"
        f" {', '.join(each.name for each in known) or 'none'}. Card sets are made with: seemachine"
        " nfast cards NAME; on another host, copy its cards_* there",
        WHERE,
    )


def load(peer: Peer, cardset: bytes, passphrases: Sequence[str] = ()) -> Story[bytes]:
    """Have a machine load a set from the cards in its slots, and return the handle.

    It is good for as long as the connection lasts. Raises StatusError: NotAvailable without enough
    cards; AccessDenied without their passphrases, see `wants_passphrase`.
    """
    # The machine keeps the shares that it read, so what is left out was of use before, if ever.
    values = [Passphrase(value=each.encode()) for each in passphrases[-len(SLOTS) :]]
    loaded = yield from ask(peer, LoadToken(cardset=cardset, passphrases=values))
    return loaded.handle


def ask_with(
    roster: Roster,
    peer: Peer,
    cardset: bytes,
    passphrases: Sequence[str],
    request: Callable[[bytes | None], Request[Reply]],
) -> Story[Reply]:
    """Ask a machine what needs a card set, which is loaded first where it is not; `cardset` is
    empty for what needs none.

    `request` gets the handle, None without a set. Raises StatusError as `load` and the request.
    """
    if not cardset:
        return (yield from ask(peer, request(None)))
    known = roster.logical_tokens.get((peer.esn, cardset))
    if known is not None:
        try:
            return (yield from ask(peer, request(known)))
        except StatusError as refused:
            # Its connection is gone: that of preload, or of an earlier loading.
            if refused.status is not Status.UnknownID:
                raise
            roster.logical_tokens.pop((peer.esn, cardset), None)
    handle = yield from load(peer, cardset, passphrases)
    roster.logical_tokens[peer.esn, cardset] = handle
    return (yield from ask(peer, request(handle)))


def in_order(roster: Roster, peers: Collection[Peer], cardset: bytes) -> list[Peer]:
    """First the machines that have the set loaded, else in the order given."""
    return sorted(peers, key=lambda peer: (peer.esn, cardset) not in roster.logical_tokens)


def wants_passphrase(refused: StatusError) -> bool:
    """Whether a card is there, and its passphrase is not among those that were given."""
    return refused.status is Status.AccessDenied and refused.where == LoadToken.NAME


def locked_card(refused: StatusError) -> str:
    """Which card wants its passphrase, as the machine calls it: the same again, if what was given
    for it is wrong.
    """
    return refused.sentence.partition(" passphrase for ")[2]


def most_telling(reasons: Sequence[StatusError]) -> StatusError:
    """Of the refusals of several machines that of one where but a passphrase is missing, else the
    first.
    """
    return next(filter(wants_passphrase, reasons), reasons[0])


def _read(path: Path) -> OperatorSet:
    try:
        values: dict[str, Any] = json.loads(path.read_bytes())
        CARD_SET.check_at(values, str(path))
        found = OperatorSet(values["name"], bytes.fromhex(values["hash"]))
        if type(found.name) is not str or len(found.hash) != CARDSET_BYTES:
            raise ValueError("it names no card set")
    except OtherVersion as other:
        raise StatusError(Status.InvalidParameter, str(other), WHERE) from None
    except OSError as error:
        raise StatusError(
            Status.OSErrorErrno, f"{path}: {error.strerror or error}", WHERE
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StatusError(
            Status.Malformed, f"{path} is damaged ({error}); put a copy back", WHERE
        ) from None
    return found
