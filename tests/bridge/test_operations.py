"""What a C library can ask for: every operation over the bridge, to a machine and back."""

from pathlib import Path

import pytest
import seeclient
from bridge.native import FAILED, Bridge
from kit.verdicts import leaf_of, verifies
from seeclient import blocking

from seemachine.testing import ESN
from seemachine.wire.status import Status

MESSAGE = b"firmware"
QUICK = "lms:sha256_m24_h5:sha256_n24_w2"


def public_key(bridge: Bridge, alias: str) -> bytes:
    """That of a key, as the helper gives it."""
    return bridge.ask("key", alias, "").fields[3]


def test_a_signature_of_c_is_one_of_the_client(bridge: Bridge, alias: str) -> None:
    """It verifies with an independent implementation, with the client and over the bridge."""
    made = bridge.sign(alias, MESSAGE)
    assert made.status == 0
    [signature] = made.fields
    assert verifies(public_key(bridge, alias), signature, MESSAGE)
    assert bridge.ask("verify", alias, "", MESSAGE, signature, b"").number == 1
    assert bridge.ask("verify", alias, "", b"other", signature, b"").number == 0
    key = public_key(bridge, alias)
    assert bridge.ask("verify_immediate", key, "LMS", MESSAGE, signature, b"").number == 1
    assert bridge.ask("verify_immediate", key, "LMS", b"other", signature, b"").number == 0
    with blocking.open_fleet() as fleet:
        fleet.key(alias).verify(MESSAGE, signature)


def test_a_name_makes_one_signature(bridge: Bridge, alias: str) -> None:
    """Under it no second leaf is taken; who comes with it again without a note of the first time
    gets nothing, for the leaf was seen.
    """
    token = bridge.token()
    first = bridge.sign(alias, MESSAGE, token)
    assert bridge.sign(alias, MESSAGE, token).status == Status.AccessDenied
    assert leaf_of(bridge.sign(alias, MESSAGE).fields[0]) == leaf_of(first.fields[0]) + 1
    assert bridge.ask("remaining", alias).number == 1022


def test_a_signature_without_a_name_is_refused(bridge: Bridge, alias: str) -> None:
    """Too short, or all zero as after a failure of the source of chance: no leaf is taken."""
    for token in (b"short", bytes(16)):
        assert bridge.sign(alias, MESSAGE, token).status == Status.InvalidParameter
    assert bridge.ask("remaining", alias).number == 1024


def test_a_name_is_a_uuid_of_version_7(bridge: Bridge) -> None:
    """It grows with time, and no two are the same."""
    first, second = bridge.token(), bridge.token()
    assert first != second
    assert first[:5] <= second[:5]
    assert {first[6] >> 4, second[6] >> 4} == {7}
    assert {first[8] >> 6, second[8] >> 6} == {2}


def test_a_key_is_made_listed_shown_and_destroyed(bridge: Bridge) -> None:
    """By its alias, and by the hash of its public key."""
    made = bridge.ask("generate", "made", QUICK, "", 0)
    assert made.status == 0, made.fields
    alias, hashed, blob, private = made.fields
    assert (alias, private) == (b"made", b"")
    listed = bridge.ask("list").fields
    assert (b"made", b"LMS") in set(zip(listed[::2], listed[1::2], strict=True))
    shown = bridge.ask("key", "", hashed)
    assert shown == bridge.ask("key", "made", "ignored")
    sets = b"sha256_m24_h5 sha256_n24_w2"
    assert shown.fields == [b"made", b"LMS", hashed, blob, blob, sets, b""]
    signed = bridge.ask("sign_immediate", blob, "", MESSAGE, b"", 0, "")
    assert verifies(shown.fields[3], signed.fields[0], MESSAGE)
    assert bridge.ask("destroy", "made").status == 0
    assert bridge.ask("key", "made", "").status == Status.UnknownID
    assert bridge.ask("key", "", hashed).status == Status.UnknownID


def test_a_key_that_cannot_be_is_refused_with_the_form_to_use(bridge: Bridge, alias: str) -> None:
    """A name without parameter sets, an unknown one, what LMS does not have."""
    form = "lms:sha256_m32_h10:sha256_n32_w8[:expcards:explease]"
    for algorithm in (
        "LMS",
        "lms:sha256_m24_h5",
        f"{QUICK}:1",
        f"{QUICK}:1:x",
        "rsa",
        "",
        "lms:a:b",
    ):
        assert form in bridge.ask("generate", "none", algorithm, "", 0).sentence
    assert "algorithm is missing" in bridge.ask("generate", "none", "", "", 0).sentence
    pair = bridge.ask("generate", "none", "lms:sha256_m24_h5:sha256_n32_w8", "", 0).sentence
    assert pair.endswith("use lms:sha256_m24_h5:sha256_n24_w...")
    refused = [
        bridge.ask("generate", "none", QUICK, "cards", 0),
        bridge.ask("generate", "none", QUICK, "", 2),
        bridge.ask("generate", alias, QUICK, "", 1),
        bridge.ask("generate", "none", "mldsa44", "", 99),
        bridge.ask("import", "none", QUICK, b"public", b"private", "", 0),
    ]
    assert [each.status for each in refused] == [Status.InvalidParameter] * 5
    assert f"seemachine key destroy {alias}" in refused[2].sentence


def test_who_answers(bridge: Bridge) -> None:
    """The client's version, then each machine's; a passphrase that nobody needs is right."""
    assert bridge.ask("version").fields == [
        seeclient.__version__.encode(),
        f"{ESN}: 1.4.1".encode(),
    ]
    assert bridge.ask("login", "anything").status == 0


def test_a_refusal_has_its_sentence_class_and_advice(bridge: Bridge, alias: str) -> None:
    """As the client has them."""
    missing = bridge.sign("nothing", MESSAGE)
    assert (missing.status, missing.fields[1:]) == (Status.UnknownID, [b"", b""])
    assert missing.sentence.startswith("UnknownID(4): there is no key named nothing in /")
    assert missing.sentence.endswith("/kmdata/local; see them with: pipsqueak list")
    lms = bridge.ask("sign", alias, "", MESSAGE, bridge.token(), b"context", 0, "")
    assert lms.status == Status.InvalidParameter
    assert bridge.ask("key", "", "").status == Status.InvalidParameter
    empty = bridge.ask("provision", ESN, 2)
    assert empty.status


def test_a_key_whose_leaves_lie_on_cards_says_so(bridge: Bridge, tmp_path: Path) -> None:
    """The class of the refusal, and what to do."""
    with blocking.open_fleet() as fleet:
        key = fleet.generate_lms("gone", "sha256_m24_h5", "sha256_n24_w2")
        for _ in range(32):
            key.sign(MESSAGE)
    refused = bridge.sign("gone", MESSAGE)
    assert refused.status == Status.NotAvailable
    assert refused.fields[1] == b"UsedUp"
    assert b"make another key" in refused.fields[2]


def test_what_is_no_question_is_refused(bridge: Bridge) -> None:
    """An operation of another version, too few fields, a text that is none, a number that is none,
    more fields than there can be.
    """
    assert bridge.ask("levitate").status == Status.UnknownCommand
    assert "1 fields, not 0" in bridge.ask("remaining").sentence
    assert bridge.ask("remaining", b"\xff").status == Status.InvalidParameter
    assert bridge.ask("provision", ESN, b"2").status == Status.InvalidParameter
    assert bridge.ask("list", *[b""] * 17).status == FAILED


@pytest.mark.parametrize("algorithm", ["mldsa44", "ML-DSA-65", "mldsa87"])
def test_an_mldsa_key_signs_with_context_and_without(bridge: Bridge, algorithm: str) -> None:
    """It is made, shown, and checked by alias and by public key alone."""
    made = bridge.ask("generate", "ml", algorithm, "", 1)
    assert made.status == 0, made.fields
    alias, hashed, blob, private = made.fields
    shown = bridge.ask("key", "", hashed).fields
    public = shown[3]
    name = algorithm.lower().replace("-", "").encode()
    assert shown == [alias, b"ML-DSA", hashed, public, blob, name, b""]
    assert private == b""
    assert bridge.ask("remaining", "ml").number == (1 << 64) - 1
    for context in (b"", b"context"):
        signed = bridge.ask("sign", "ml", "", MESSAGE, bridge.token(), context, 1, "unused")
        again = bridge.ask("sign", "ml", "", MESSAGE, bridge.token(), context, 1, "")
        assert signed == again, signed
        [signature] = signed.fields
        for other, good in ((context, 1), (b"other", 0)):
            assert bridge.ask("verify", "ml", "", MESSAGE, signature, other).number == good
            asked = (public, algorithm, MESSAGE, signature, other)
            assert bridge.ask("verify_immediate", *asked).number == good


def test_an_mldsa_key_gives_way_to_another_and_never_an_lms_key(bridge: Bridge, alias: str) -> None:
    """Where it is asked for; leaves of an LMS key would be orphaned."""
    first = bridge.ask("generate", "again", "mldsa44", "", 1)
    assert bridge.ask("generate", "again", "mldsa44", "", 0).status == Status.ObjectInUse
    second = bridge.ask("generate", "again", "mldsa44", "", 1 | 2)
    assert second.fields[1] != first.fields[1]
    assert len(second.fields[3]) == 32
    refused = bridge.ask("generate", alias, "mldsa44", "", 1)
    assert f"seemachine key destroy {alias}" in refused.sentence
    assert bridge.ask("destroy", "again").status == 0
