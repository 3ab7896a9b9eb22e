"""encryption.py: HKDF as published; what is encrypted comes back whole or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.flips import flipped

from seemachine.state.disk.encryption import (
    NONCE_BYTES,
    TAG_BYTES,
    NotAuthentic,
    decrypt,
    encrypt,
    hkdf,
    pbkdf2,
    pbkdf2_portable,
)

KEY = bytes(range(32))

# RFC 5869, appendix A.1 to A.3: secret, salt, info, output.
PUBLISHED = [
    (
        b"\x0b" * 22,
        bytes(range(13)),
        bytes(range(0xF0, 0xFA)),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)),
        bytes(range(0x60, 0xB0)),
        bytes(range(0xB0, 0x100)),
        (
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
        ),
    ),
    (
        b"\x0b" * 22,
        b"",
        b"",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


@pytest.mark.parametrize(("secret", "salt", "info", "output"), PUBLISHED, ids=["A.1", "A.2", "A.3"])
def test_hkdf_as_published(secret, salt, info, output):
    """The vectors of RFC 5869 for SHA-256, and every shorter output is the beginning of the longer
    one.
    """
    wanted = bytes.fromhex(output)

    assert hkdf(secret, info, len(wanted), salt) == wanted
    assert all(hkdf(secret, info, length, salt) == wanted[:length] for length in range(len(wanted)))


def test_hkdf_has_an_end():
    """More than 255 blocks are refused, as the RFC says."""
    assert len(hkdf(b"secret", b"", 255 * 32)) == 255 * 32
    with pytest.raises(ValueError, match="up to 8160 bytes"):
        hkdf(b"secret", b"", 255 * 32 + 1)


@given(st.binary(max_size=300), st.binary(max_size=40), st.text(max_size=10))
def test_what_goes_in_comes_out(secret, clear, purpose):
    """Any secret comes back, and takes nonce and tag more room than it has bytes."""
    data = encrypt(KEY, purpose, clear, secret)

    assert len(data) == NONCE_BYTES + len(secret) + TAG_BYTES
    assert decrypt(KEY, purpose, clear, data) == secret


@given(st.binary(max_size=100), st.integers(min_value=0), st.integers(min_value=1))
def test_no_change_is_unnoticed(secret, bit, cut):
    """With any bit changed, or any bytes missing at the end or the beginning, nothing
    is decrypted.
    """
    data = encrypt(KEY, "test", b"clear", secret)
    cut = 1 + cut % len(data)

    for changed in (flipped(data, bit), data[:-cut], data[cut:], data + b"\0"):
        with pytest.raises(NotAuthentic):
            decrypt(KEY, "test", b"clear", changed)


@pytest.mark.parametrize(
    ("key", "purpose", "clear"),
    [(bytes(32), "test", b"clear"), (KEY, "tess", b"clear"), (KEY, "test", b"cleas")],
)
def test_a_secret_is_bound(key, purpose, clear):
    """Under another key, for another purpose or beside other bytes nothing is decrypted."""
    data = encrypt(KEY, "test", b"clear", b"secret")

    with pytest.raises(NotAuthentic):
        decrypt(key, purpose, clear, data)


def test_clear_and_hidden_bytes_do_not_mix():
    """A byte that moves from what is hidden to what is clear is noticed."""
    data = encrypt(KEY, "test", b"clear", b"secret")

    with pytest.raises(NotAuthentic):
        decrypt(KEY, "test", b"clear" + data[:1], data[1:])


def test_nothing_is_encrypted_alike():
    """The same secret twice gives other bytes, and none of them is in plain."""
    one, other = (encrypt(KEY, "test", b"", bytes(1000)) for _ in range(2))

    assert one[:NONCE_BYTES] != other[:NONCE_BYTES]
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 50
    assert one.count(0) < 50


# RFC 7914, section 11: passphrase, salt, rounds, the first 32 bytes.
STRETCHED = [
    (b"passwd", b"salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"),
    (
        b"Password",
        b"NaCl",
        80000,
        "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56",
    ),
]


@pytest.mark.parametrize("derive", [pbkdf2, pbkdf2_portable])
@pytest.mark.parametrize(("passphrase", "salt", "rounds", "output"), STRETCHED)
def test_pbkdf2_as_published(derive, passphrase, salt, rounds, output):
    """The vectors of RFC 7914 for SHA-256, with OpenSSL and without."""
    assert derive(passphrase, salt, rounds).hex() == output


@given(passphrase=st.binary(max_size=200), salt=st.binary(max_size=20), rounds=st.integers(1, 5))
def test_pbkdf2_is_the_same_everywhere(passphrase, salt, rounds):
    """A card that one Python wrote is read by any other, however long its passphrase is."""
    assert pbkdf2(passphrase, salt, rounds) == pbkdf2_portable(passphrase, salt, rounds)
