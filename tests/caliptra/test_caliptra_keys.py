"""Keys for Caliptra, held against the figures that caliptra-sw prints."""

import re

import pytest
from vectors import published

from seemachine.caliptra.errors import CaliptraError
from seemachine.caliptra.judging import reused, why_not
from seemachine.caliptra.keys import CaliptraKey, of_bytes, of_key, reversed_words
from seemachine.caliptra.requests import Target
from seemachine.document import advised
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.keys import PublicKey
from seemachine.testing import make_key

FIGURES = published.cases("caliptra")
SIGNED = [
    case
    for case in published.cases("implementations")
    if case["source"].startswith("chipsalliance/caliptra-sw") and case["valid"]
]


def key_of(data: bytes) -> CaliptraKey:
    """One of LMS."""
    return of_bytes("LMS", data)


@pytest.mark.parametrize("figures", FIGURES, ids=lambda case: case["sha384"][:8])
def test_keys_are_written_as_caliptra_writes_them(figures: dict[str, str]) -> None:
    """The PEM byte by byte, the hash as tools print it, and as a descriptor has it."""
    key = key_of(bytes.fromhex(figures["key"]))
    assert key.pem == figures["pem"]
    assert key.sha384.hex() == figures["sha384"]
    assert key.descriptor_hash.hex() == figures["descriptor_hash"]


def test_words_are_reversed_and_reversed_again() -> None:
    """Four bytes each."""
    assert reversed_words(bytes(range(8))) == bytes([3, 2, 1, 0, 7, 6, 5, 4])
    assert reversed_words(reversed_words(bytes(range(48)))) == bytes(range(48))


@pytest.mark.parametrize("case", SIGNED, ids=lambda case: case["source"][-16:])
def test_signatures_of_caliptra_are_good(case: dict[str, str]) -> None:
    """Their vectors sign other messages than digests, which are in the place of one here; with a
    bit turned they are not good.
    """
    key, made = key_of(bytes.fromhex(case["public_key"])), bytes.fromhex(case["signature"])
    target = Target("t", "e", "p", bytes.fromhex(case["message"]), b"")
    assert why_not(key, target, made) == ""
    for place in (3, 40, len(made) - 1):
        turned = bytearray(made)
        turned[place] ^= 1
        assert why_not(key, target, bytes(turned))


def test_there_are_vectors_of_both_kinds() -> None:
    """Four keys, two signatures."""
    assert (len(FIGURES), len(SIGNED)) == (4, 2)


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (lambda made: b"\0\0\0\0" + made, "an HSS signature, and Caliptra takes the plain one"),
        (lambda made: made[:-1], "has 1620 bytes, not 1619"),
        (lambda _: b"\1\2\3", "longer than 3 bytes"),
    ],
)
def test_what_is_not_a_plain_signature_is_told(made: object, sentence: str) -> None:
    """An HSS signature says so, for it only has 4 bytes too many."""
    case = SIGNED[0]
    key, given = key_of(bytes.fromhex(case["public_key"])), bytes.fromhex(case["signature"])
    target = Target("t", "e", "p", bytes.fromhex(case["message"]), b"")
    assert sentence in why_not(key, target, made(given))


def test_a_signature_over_another_digest_names_its_leaf() -> None:
    """So a person can look it up in the ledger."""
    case = SIGNED[0]
    key = key_of(bytes.fromhex(case["public_key"]))
    told = why_not(key, Target("t", "e", "p", bytes(48), b""), bytes.fromhex(case["signature"]))
    assert told == "leaf 0 of some key made it, and not of this key over this digest"


def test_keys_of_other_sets_are_refused() -> None:
    """With the command that makes the right one."""
    made = make_key("sha256_m24_h5", "sha256_n24_w4").public_key
    with pytest.raises(CaliptraError, match=re.escape("it is sha256_m24_h5 sha256_n24_w4")) as told:
        of_bytes("LMS", made.encode())
    [command] = advised(str(told.value))
    assert command.startswith("pipsqueak generate alias=ALIAS algorithm=lms")
    with pytest.raises(CaliptraError, match="ML-DSA-87 alone") as told:
        of_bytes("ML-DSA", bytes(1952))
    assert "mldsacode=mldsa87" in advised(str(told.value))[0]


def test_more_levels_than_one_are_refused() -> None:
    """Caliptra has no HSS."""
    plain = PublicKey.decode(bytes.fromhex(FIGURES[0]["key"]))
    with pytest.raises(CaliptraError, match="HSS key of 2 levels"):
        of_key(HssPublicKey(2, plain))
    assert of_key(HssPublicKey(1, plain)).data == plain.encode()


def test_what_is_not_a_key_is_refused() -> None:
    """Whatever it is called."""
    for algorithm in ("LMS", "ML-DSA"):
        with pytest.raises(CaliptraError):
            of_bytes(algorithm, b"\0" * 9)


def test_a_leaf_that_signed_two_digests_is_found() -> None:
    """Not one that signed one digest twice, and not one of another key."""
    keys = [key_of(bytes.fromhex(each["key"])) for each in FIGURES[:2]]
    made = bytes.fromhex(SIGNED[0]["signature"])
    other = b"\0\0\0\1" + made[4:]

    def target(name: str, digest: int) -> Target:
        return Target(name, "e", "p", bytes([digest]) * 48, b"")

    found = reused(
        [
            (keys[0], target("a", 1), made),
            (keys[0], target("b", 2), made),
            (keys[0], target("c", 3), other),
            (keys[0], target("d", 3), other),
            (keys[1], target("e", 4), made),
        ]
    )
    assert sorted(found) == ["a", "b"]
    assert found["a"].startswith("leaf 0 of its key signed 2 digests here")
