"""loadToken: which cards make a secret, who may use it, and when it is gone."""

from dataclasses import replace

import pytest
from kit.cardsets import deal_cards
from kit.commands import ask, refuse

from seemachine.commands import tokens
from seemachine.machine import Session
from seemachine.state.cards import shares
from seemachine.state.cards.cardsets import ADMIN, read_set_card
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError

OPEN = b"open sesame"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """How slowly a passphrase becomes a key is not what these tests are of."""
    monkeypatch.setattr(shares, "ROUNDS", 1)


def load(cardset, *passphrases):
    """The request."""
    return m.LoadToken(
        cardset=cardset.hash, passphrases=[m.Passphrase(value=each) for each in passphrases]
    )


def held(session, handle, cardset):
    """The secret that a machine holds under a handle."""
    return tokens.secret_of(session, cardset, handle)


def denied(session, handle, cardset, status=Status.UnknownID):
    """Why a machine gives no secret."""
    with pytest.raises(StatusError) as refused:
        tokens.secret_of(session, cardset, handle)
    assert refused.value.status is status
    return refused.value.detail


def test_a_card_in_a_slot_is_enough(world, session):
    """The machine gives the secret of the set under the handle, and nothing under another one."""
    ocs = deal_cards(world.world, slots=[3])
    handle = ask(session, load(ocs)).handle
    assert len(handle) == 16
    assert held(session, handle, ocs.hash) == ocs.secret
    assert "not loaded; load it again" in denied(session, bytes(16), ocs.hash)
    assert "not loaded" in denied(session, b"", ocs.hash)
    other = denied(session, handle, bytes(20), Status.AccessDenied)
    assert "another one is loaded" in other


def test_each_loading_has_a_handle_of_its_own(world, session):
    """So that the end of one connection takes nothing from another."""
    ocs, other = deal_cards(world.world, slots=[3]), Session(session.machine)
    first, second = ask(session, load(ocs)).handle, ask(other, load(ocs)).handle
    assert first != second
    other.close()
    assert held(session, first, ocs.hash) == ocs.secret
    assert "not loaded" in denied(session, second, ocs.hash)
    assert len(session.machine.tokens) == 1


def test_the_cards_may_leave(world, session):
    """What is loaded stays when the card is pulled, and another loading needs the card again."""
    ocs = deal_cards(world.world, slots=[2])
    handle = ask(session, load(ocs)).handle
    world.rack.remove(ESN, 2)
    assert held(session, handle, ocs.hash) == ocs.secret
    refused = refuse(session, load(ocs))
    assert refused.status is Status.NotAvailable
    assert refused.detail == (
        f"no card of `ocs' in any slot of {ESN} in loadToken; insert one with: seemachine card"
        f" insert ocs-1 --esn {ESN} --slot 2"
    )


def test_a_machine_reads_its_own_slots(world, session):
    """A card in another machine of the world is none here; a set that nobody knows is named by its
    hash.
    """
    world.machine(OTHER_ESN)
    ocs = deal_cards(world.world)
    world.rack.insert("ocs-1", OTHER_ESN, 2)
    refused = refuse(session, load(ocs))
    assert f"no card of the card set {ocs.hash.hex()} in any slot of {ESN}" in refused.detail
    assert "seemachine card insert CARD" in refused.detail


def test_a_quorum_is_needed(world, session):
    """Two of three, whichever; with one of them it is said how many were read, and which card would
    do.
    """
    board = deal_cards(world.world, "board", 2, [b""] * 3, slots=[2])
    refused = refuse(session, load(board))
    assert refused.status is Status.NotAvailable
    assert "no further card of `board' in any slot" in refused.detail
    assert "1 of 2 read; insert one with: seemachine card insert board-2" in refused.detail
    world.rack.insert("board-3", ESN, 4)
    handle = ask(Session(session.machine), load(board)).handle
    assert held(session, handle, board.hash) == board.secret


def test_all_cards_of_a_set_in_the_slots(world, session):
    """More than the quorum does no harm."""
    board = deal_cards(world.world, "board", 2, [b""] * 3, slots=[2, 3, 4])
    assert ask(session, load(board))


def test_one_slot_is_enough_for_a_quorum(world, session):
    """The cards come one after the other; each is read once, with the passphrase given then."""
    board = deal_cards(world.world, "board", 3, [b"one", b"", b"three"], slots=[2])
    assert "1 of 3 read" in refuse(session, load(board, b"one")).detail
    world.move("board-2")
    assert "2 of 3 read" in refuse(session, load(board)).detail
    assert "2 of 3 read" in refuse(session, load(board)).detail
    world.move("board-3")
    handle = ask(session, load(board, b"three")).handle
    assert held(session, handle, board.hash) == board.secret
    assert not session.shares


def test_what_was_read_is_the_connections_own(world, session):
    """Another connection, or a later one, begins anew."""
    board = deal_cards(world.world, "board", 2, [b"", b""], slots=[2])
    refuse(session, load(board))
    world.move("board-2")
    assert "1 of 2 read" in refuse(Session(session.machine), load(board)).detail
    session.close()
    assert not session.shares


def test_passphrases_are_in_any_order(world, session):
    """Each card is read with the one that fits; a card without one needs none."""
    board = deal_cards(world.world, "board", 3, [b"one", b"two", b""], slots=[2, 3, 4])
    assert ask(session, load(board, b"two", b"x", b"one"))


@pytest.mark.parametrize(
    ("given", "reason"), [((), "no passphrase for"), ((b"sesame", b""), "wrong passphrase for")]
)
def test_a_card_stays_locked(world, session, given, reason):
    """Without its passphrase, or with another: which card it is, is said, and no passphrase."""
    ocs = deal_cards(world.world, passphrases=[OPEN], slots=[4])
    refused = refuse(session, load(ocs, *given))
    assert refused.status is Status.AccessDenied
    assert refused.detail == (f"{reason} `ocs' #1 in slot 4 in loadToken")
    assert "sesame" not in str(refused)
    assert len(session.machine.tokens) == 0


def test_a_locked_card_beyond_the_quorum_does_not_matter(world, session):
    """Who knows the passphrases of enough cards is not asked for those of others."""
    board = deal_cards(world.world, "board", 1, [OPEN, b""], slots=[2, 3])
    assert ask(session, load(board))


def test_two_sets_in_the_slots(world, session):
    """Only the one that is asked for is read, and each has its own secret."""
    one = deal_cards(world.world, "one", slots=[2])
    two = deal_cards(world.world, "two", passphrases=[OPEN], slots=[3])
    handle = ask(session, load(one)).handle
    assert held(session, handle, one.hash) == one.secret
    refused = denied(session, handle, two.hash, Status.AccessDenied)
    assert "another one is loaded" in refused
    assert refuse(session, load(two)).status is Status.AccessDenied


def test_an_administrator_set_is_no_operator_set(world, session):
    """What the ACS allows is nothing that a client may load."""
    acs = deal_cards(world.world, "ACS", kind=ADMIN, slots=[0])
    assert refuse(session, load(acs)).status is Status.NotAvailable


def test_damaged_cards(world, session):
    """A damaged file is no card; a share of another polynomial does not fit."""
    board = deal_cards(world.world, "board", 2, [b"", b""], slots=[2, 3])
    path = session.machine.slots.occupant(3)
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert refuse(session, load(board)).status is Status.NotAvailable
    path.write_bytes(good)
    session.shares[board.hash] = {read_set_card(path).number: bytes(32)}
    refused = refuse(session, load(board))
    assert refused.status is Status.Malformed
    assert "one of them is damaged" in refused.detail
    assert ask(session, load(board))


def test_other_connections_may_name_the_handle(world, session):
    """A handle is the right to use what it names, until the connection that loaded it ends."""
    ocs = deal_cards(world.world, slots=[2])
    handle = ask(session, load(ocs)).handle
    assert held(Session(session.machine), handle, ocs.hash) == ocs.secret
    session.close()
    assert "not loaded" in denied(session, handle, ocs.hash)


def test_a_connection_that_ends_meanwhile_leaves_nothing(world, session):
    """A worker thread may load the set after its connection was closed: nobody would forget it."""
    ocs = deal_cards(world.world, slots=[2])
    session.close()
    handle = ask(session, load(ocs)).handle
    assert "not loaded" in denied(session, handle, ocs.hash)
    assert len(session.machine.tokens) == 0


def test_a_connection_holds_so_many(world, session):
    """One that loads without end is refused, and what it loaded stays."""
    ocs = deal_cards(world.world, slots=[2])
    handles = {ask(session, load(ocs)).handle for _ in range(m.MAX_TOKENS)}
    assert len(handles) == m.MAX_TOKENS
    assert refuse(session, load(ocs)).status is Status.NotAvailable
    assert len(session.machine.tokens) == m.MAX_TOKENS


def test_a_connection_with_a_set_is_holding(world, session):
    """So it is the last to be sent away when places run out; so is one that has read a part."""
    board = deal_cards(world.world, "board", 2, [b"", b""], slots=[2])
    assert not session.holding
    refuse(session, load(board))
    assert session.holding
    world.rack.insert("board-2", ESN, 3)
    ask(session, load(board))
    assert session.holding


def test_asking_for_sets_that_are_not_there_keeps_nothing(session):
    """Whatever a client asks for, a machine remembers only cards that it read."""
    for number in range(100):
        refuse(session, m.LoadToken(cardset=number.to_bytes(20, "big"), passphrases=[]))
    assert not session.shares
    assert not session.holding


def test_nothing_secret_is_printed(world, session):
    """Neither a passphrase nor a share, a secret or a handle, by whatever prints an object."""
    ocs = deal_cards(world.world, passphrases=[OPEN], slots=[2])
    request = load(ocs, OPEN)
    reply = ask(session, request)
    session.shares[ocs.hash] = {1: ocs.secret}
    text = "".join(map(repr, (request, reply, session, session.machine, session.machine.tokens)))
    for secret in (OPEN, ocs.secret, reply.handle):
        assert repr(secret)[2:-1] not in text
        assert secret.hex() not in text


class TestProtectedKeys:
    """ML-DSA keys that a card set protects."""

    @pytest.fixture
    def ocs(self, world):
        """A set with its card in a slot."""
        return deal_cards(world.world, slots=[2])

    @pytest.fixture
    def key(self, session, ocs):
        """A key that it protects."""
        handle = ask(session, load(ocs)).handle
        return ask(session, m.GenerateMldsa(mldsa=44, cardset=ocs.hash, logical_token=handle))

    def test_it_signs_while_the_set_is_loaded(self, session, ocs, key):
        """Under any handle of the set, and on any connection."""
        handle = ask(session, load(ocs)).handle
        request = m.SignMldsa(blob=key.blob, mu=bytes(64), logical_token=handle)
        assert len(ask(Session(session.machine), request).signature) == 2420

    def test_it_does_not_sign_without(self, session, ocs, key):
        """Without a handle, or after the connection that loaded it ended."""
        request = m.SignMldsa(blob=key.blob, mu=bytes(64))
        assert refuse(session, request).status is Status.UnknownID
        handle = ask(session, load(ocs)).handle
        session.close()
        request = replace(request, logical_token=handle)
        refused = refuse(Session(session.machine), request)
        assert refused.status is Status.UnknownID
        assert "is not loaded in signMLDSA; load it again" in refused.detail

    def test_another_set_is_none(self, world, session, key):
        """Its secret opens nothing here, so it is refused by name."""
        other = deal_cards(world.world, "other", slots=[3])
        handle = ask(session, load(other)).handle
        request = m.SignMldsa(blob=key.blob, mu=bytes(64), logical_token=handle)
        assert refuse(session, request).status is Status.AccessDenied

    def test_it_is_not_made_without_its_set(self, session, ocs):
        """Nobody protects a key by cards that are not there."""
        request = m.GenerateMldsa(mldsa=44, cardset=ocs.hash)
        assert refuse(session, request).status is Status.UnknownID

    def test_a_blob_whose_set_was_struck_out_is_no_key(self, session, ocs, key):
        """The card set is authenticated, and its secret is in the key: the module alone does not
        open it.
        """
        blob = key.blob.replace(ocs.hash, bytes(20))
        refused = refuse(session, m.SignMldsa(blob=blob, mu=bytes(64)))
        assert refused.status in (Status.Malformed, Status.UnknownID)

    def test_another_machine_of_the_world_needs_the_cards_too(self, world, session, ocs, key):
        """A handle is of one machine; with a card in its own slots another one signs as well."""
        deal = ask(session, load(ocs)).handle
        other = Session(world.machine(OTHER_ESN))
        request = m.SignMldsa(blob=key.blob, mu=bytes(64), logical_token=deal)
        assert refuse(other, request).status is Status.UnknownID
        assert refuse(other, load(ocs)).status is Status.NotAvailable
        world.rack.remove(ESN, 2)
        world.rack.insert("ocs-1", OTHER_ESN, 4)
        handle = ask(other, load(ocs)).handle
        assert ask(other, replace(request, logical_token=handle))
