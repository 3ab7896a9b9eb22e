"""Shares that are on cards already, and are to be read by every later seemachine."""

import pytest

from seemachine.state.cards import shares
from seemachine.state.cards.cardsets import SetCard
from seemachine.state.disk.encryption import pbkdf2, pbkdf2_portable

SHARE = bytes(range(32))
# As it was written in November 2026, under "open sesame".
CARD = SetCard(
    "ocs-1",
    "operator",
    "ocs",
    "h",
    1,
    1,
    passphrase=True,
    salt=bytes(range(16)),
    share=bytes(range(32))
    + bytes.fromhex(
        "27336392a65a194b5171940f75a4f813826556d03e87f0c4de6dd7a078d0f3e8"
        "36fdfe0bde478d3603803e726d5d71aa00b57225b88a22c4a61d85de3d9decad"
    ),
)


def test_a_card_that_was_written_is_read() -> None:
    """How its passphrase becomes a key, and what its share is bound to, stay what they were."""
    assert shares.open_share(CARD, b"open sesame") == SHARE


@pytest.mark.parametrize("length", [63, 64, 65])
def test_a_passphrase_as_long_as_a_block(length: int) -> None:
    """A Python without OpenSSL hashes only what is longer (RFC 2104 2)."""
    passphrase = bytes(range(length))
    assert pbkdf2(passphrase, b"salt", 2) == pbkdf2_portable(passphrase, b"salt", 2)
