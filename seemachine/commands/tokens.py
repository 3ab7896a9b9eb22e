"""loadToken: the secret of an operator card set, read from the cards in this machine's slots."""

from seemachine.commands.table import command
from seemachine.machine import Session
from seemachine.state.cards import hands, shares
from seemachine.state.cards.cardsets import OPERATOR, SetCard, on_rack, read_set_card
from seemachine.state.cards.slots import Slots
from seemachine.wire.messages import MAX_TOKENS, LoadToken, TokenLoaded
from seemachine.wire.names import FIRST_DYNAMIC_SLOT, SLOTS
from seemachine.wire.status import Status, StatusError


@command
def load(session: Session, request: LoadToken) -> TokenLoaded:
    """Load it, and forget the shares that were read for it."""
    if len(session.tokens) >= MAX_TOKENS:
        raise StatusError(
            Status.NotAvailable,
            f"this connection has loaded {MAX_TOKENS} card sets, which is the most; close it",
        )
    return TokenLoaded(handle=session.hold(request.cardset, _secret(session, request)))


def secret_of(session: Session, cardset: bytes, handle: bytes) -> bytes:
    """The secret of a card set that is loaded under this handle.

    Raises StatusError: UnknownID when nothing is, AccessDenied when another set is.
    """
    loaded = session.machine.tokens.get(handle)
    if loaded is None:
        what = f"the card set {cardset.hex()} is not loaded"
        raise StatusError(Status.UnknownID, f"{what}; load it again, with its cards in the slots")
    if loaded.cardset != cardset:
        what = f"the key is protected by the card set {cardset.hex()}, and another one is loaded"
        raise StatusError(Status.AccessDenied, f"{what}: {loaded.cardset.hex()}")
    return loaded.secret


def _secret(session: Session, request: LoadToken) -> bytes:
    """Raises StatusError: no card, too few of them, a passphrase that is wrong or missing."""
    present = _cards(session.machine.slots, request.cardset.hex())
    read = session.shares.get(request.cardset, {})
    locked = _read(present, read, [each.value for each in request.passphrases])
    quorum = max((card.quorum for card in present.values()), default=0)
    if not present or len(read) < quorum:
        if read:
            session.shares[request.cardset] = read
        wanted = request.cardset.hex()
        raise _locked(request, locked) if locked else _missing(session, wanted, present, read)
    session.shares.pop(request.cardset, None)
    card = next(iter(present.values()))
    # Not more than the quorum: those that were read first are as good as any.
    return shares.joined(dict(list(read.items())[:quorum]), card.set_hash, card.cardset)


def _cards(slots: Slots, wanted: str) -> dict[int, SetCard]:
    """The cards of an operator card set, by slot."""
    with slots.locked():
        paths = {slot: path for slot in SLOTS if (path := slots.occupant(slot)) is not None}
        cards = {slot: read_set_card(path) for slot, path in paths.items()}
    return {
        slot: card
        for slot, card in cards.items()
        if card and card.kind == OPERATOR and card.set_hash == wanted
    }


def _read(
    present: dict[int, SetCard], read: dict[int, bytes], passphrases: list[bytes]
) -> dict[int, SetCard]:
    """Add the shares that can be read; returns the cards that stayed locked, by slot."""
    locked = {}
    for slot, card in present.items():
        if card.number not in read:
            share = _share(card, passphrases)
            if share is None:
                locked[slot] = card
            else:
                read[card.number] = share
    return locked


def _share(card: SetCard, passphrases: list[bytes]) -> bytes | None:
    for passphrase in passphrases if card.passphrase else [b""]:
        try:
            return shares.open_share(card, passphrase)
        except shares.WrongPassphrase:
            continue
    return None


def _locked(request: LoadToken, locked: dict[int, SetCard]) -> StatusError:
    slot, card = next(iter(locked.items()))
    lack = "wrong passphrase" if request.passphrases else "no passphrase"
    return StatusError(Status.AccessDenied, f"{lack} for {card.label} in slot {slot}")


def _missing(
    session: Session, wanted: str, present: dict[int, SetCard], read: dict[int, bytes]
) -> StatusError:
    machine, slots = session.machine, session.machine.slots
    unread = [card for card in on_rack(slots.world, wanted) if card.number not in read]
    known = next(iter([*present.values(), *unread]), None)
    called = f"`{known.cardset}'" if known else f"the card set {wanted}"
    counted = f"{len(read)} of {known.quorum} read; " if known and read else ""
    name = unread[0].name if unread else "CARD"
    return StatusError(
        Status.NotAvailable,
        f"no{' further' * bool(read)} card of {called} in any slot of {machine.esn}; {counted}"
        f"insert one with: {hands.insert(machine.esn, _free(slots), name)}",
    )


def _free(slots: Slots) -> int:
    """Where a card could go, as far as there is such a place."""
    taken = {occupied.slot for occupied in slots.listing()}
    return next((slot for slot in SLOTS[FIRST_DYNAMIC_SLOT:] if slot not in taken), 0)
