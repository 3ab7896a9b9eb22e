"""Shares of a card set's secret: split and joined, hidden under a passphrase, read again in both
forms.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seemachine.state.cards import older_shares, secret_sharing, shares
from seemachine.state.cards.cardsets import SetCard, read_set_card, write_set_card
from seemachine.state.errors import CardError, StateCorrupt
from seemachine.world import World

SHARE = bytes(range(32))
BLANK = SetCard("ocs-1", "operator", "ocs", "h", 1, 1, passphrase=True)
# As seemachine wrote it first, under "open sesame".
OLDER = replace(
    BLANK,
    salt=bytes(range(16)),
    share=bytes.fromhex(
        "000102030405060708090a0bf2655fadab281a1712fbb315931c65098ae3"
        "e2b465d3467ec4f68039a65c3c37fe27c0b465502b76e50a84654d774f14"
    ),
)


@given(
    secret=st.binary(min_size=32, max_size=32),
    quorum=st.integers(1, 5),
    more=st.integers(0, 4),
    data=st.data(),
)
def test_any_quorum_of_shares_gives_the_secret(
    secret: bytes, quorum: int, more: int, data: st.DataObject
) -> None:
    """Whichever cards are presented, a quorum of them is enough."""
    dealt = dict(enumerate(secret_sharing.split(secret, quorum, quorum + more), 1))
    chosen = data.draw(
        st.lists(st.sampled_from(sorted(dealt)), min_size=quorum, max_size=quorum, unique=True)
    )
    assert secret_sharing.join({number: dealt[number] for number in chosen}) == secret


def test_less_than_a_quorum_gives_something_else() -> None:
    """One share of two says nothing."""
    secret = bytes(range(32))
    dealt = secret_sharing.split(secret, 2, 3)
    assert all(
        secret_sharing.join({number: share}) != secret for number, share in enumerate(dealt, 1)
    )


def test_a_share_needs_its_passphrase() -> None:
    """Only the passphrase under which it was hidden opens it, whatever bytes that has."""
    for passphrase in (b"open sesame", b"", b"\xff\0" * 40):
        card = shares.with_share(BLANK, passphrase, SHARE)
        assert shares.open_share(card, passphrase) == SHARE
        assert SHARE not in card.share
        with pytest.raises(shares.WrongPassphrase, match="wrong passphrase for `ocs' #1"):
            shares.open_share(card, passphrase + b"x")


def test_two_cards_with_one_share_have_nothing_in_common() -> None:
    """Who has two files can't see that their secret is the same."""
    one, other = (shares.with_share(BLANK, b"", SHARE) for _ in range(2))
    assert one.salt != other.salt
    assert one.share[-64:] != other.share[-64:]


@pytest.mark.parametrize(
    "changed",
    [{"number": 2}, {"quorum": 2}, {"set_hash": "i"}, {"kind": "admin"}, {"name": "ocs-2"}],
    ids=str,
)
def test_a_share_is_bound_to_its_card(changed: dict[str, object]) -> None:
    """A share that is put on another card, or under another number, is none."""
    card = shares.with_share(BLANK, b"", SHARE)
    with pytest.raises(shares.WrongPassphrase):
        shares.open_share(replace(card, **changed), b"")


def test_an_older_card_is_read() -> None:
    """With its passphrase, and with no other."""
    assert shares.open_share(OLDER, b"open sesame") == SHARE
    with pytest.raises(shares.WrongPassphrase):
        shares.open_share(OLDER, b"sesame")


def test_without_compiled_ciphers_only_older_cards_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Python without `cryptography` reads the cards that are written now; of others it says what
    is missing.
    """
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    card = shares.with_share(BLANK, b"open sesame", SHARE)
    assert shares.open_share(card, b"open sesame") == SHARE
    with pytest.raises(CardError, match="install the package cryptography"):
        shares.open_share(OLDER, b"open sesame")


def test_whoever_reads_cards_loads_no_compiled_cipher() -> None:
    """A machine that has no older card in a slot never asks for `cryptography`."""
    code = (
        "import sys; import seemachine.commands; from seemachine.state.cards import shares;"
        " assert 'cryptography' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_shares_that_do_not_fit_together_are_noticed() -> None:
    """The secret of a set is proved by its hash, whichever share is wrong."""
    secret = bytes(range(32, 64))
    dealt = dict(enumerate(secret_sharing.split(secret, 2, 3), 1))
    assert shares.joined({1: dealt[1], 3: dealt[3]}, shares.set_hash(secret), "ocs") == secret
    with pytest.raises(StateCorrupt, match="the cards of `ocs' do not fit together"):
        shares.joined({1: dealt[1], 3: dealt[2]}, shares.set_hash(secret), "ocs")


def test_a_share_of_another_length_is_none() -> None:
    """Who knows a passphrase may write a card that says anything: no machine stumbles over it."""
    for size in (0, 31, 33):
        card = shares.with_share(BLANK, b"", bytes(size))
        with pytest.raises(StateCorrupt, match="has no share of a secret"):
            shares.open_share(card, b"")


@pytest.mark.parametrize(
    "forged",
    [
        *({name: value} for name in ("number", "quorum") for value in (0, 65, -1, "1", None, True)),
        *({name: 7} for name in ("kind", "cardset", "set_hash", "salt", "share")),
        {"passphrase": 1},
    ],
    ids=str,
)
def test_a_forged_card_is_no_card(tmp_path: Path, forged: dict[str, object]) -> None:
    """With a right checksum, and values that no card has."""
    world = World.at(tmp_path)
    world.cards.mkdir(mode=0o700)
    good = shares.with_share(BLANK, b"", SHARE)
    write_set_card(world, good)
    path = world.cards / "ocs-1.card"
    assert read_set_card(path) == good
    path.unlink()
    write_set_card(world, replace(good, **forged))
    assert read_set_card(path) is None


def test_the_lengths_of_the_two_forms_differ() -> None:
    """By them they are told apart."""
    assert len(shares.with_share(BLANK, b"", SHARE).share) == shares.HIDDEN_BYTES
    assert len(OLDER.share) == older_shares.HIDDEN_BYTES != shares.HIDDEN_BYTES
