"""ML-DSA keys as C programs use them: taken in, given out, signing by blob, under a card set."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from seeclient.bridge import operations
from seeclient.bridge.errand import Errand
from seeclient.bridge.fleets import Fleets
from seeclient.bridge.frames import Field, Request

from seemachine.state.cards import shares
from seemachine.testing import ESN, QUICK, Rig
from seemachine.wire.names import FIRST_DYNAMIC_SLOT
from seemachine.wire.status import Status, StatusError

OCS, PASSPHRASE = b"ops", b"correct horse"
NO, YES = bytes(8), bytes(7) + b"\1"
OVERWRITE, EXPORT = bytes(7) + b"\1", bytes(7) + b"\2"
TOKEN = b"a token of sixt."


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """None in a process; a passphrase becomes a key at once."""
    monkeypatch.setattr(shares, "ROUNDS", 1)


@pytest.fixture
def environ() -> None:
    """None of a process."""


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A machine with the card of a set in a slot."""
    made = Rig(tmp_path)
    made.start()
    made.deal_cards(OCS.decode(), 1, 1, PASSPHRASE.decode())
    made.move(f"{OCS.decode()}-1")
    return made


@pytest.fixture
def fleets(rig: Rig) -> Fleets:
    """Of that machine."""
    return Fleets(lambda: rig.environment, rig.connect)


def ask(fleets: Fleets, operation: str, *fields: bytes) -> Sequence[Field]:
    """The fields of a reply. Raises StatusError."""
    one = Errand(fleets, "", lambda _text: None)
    try:
        return one.run(operations.found(Request(1, operation, b"", fields)))
    finally:
        one.end()


def refusal(fleets: Fleets, operation: str, *fields: bytes) -> StatusError:
    """What is refused."""
    with pytest.raises(StatusError) as refused:
        ask(fleets, operation, *fields)
    return refused.value


def protected(rig: Rig) -> None:
    """A key under the set, made by who knows its passphrase."""
    with rig.fleet() as fleet:
        fleet.generate_mldsa("p", "mldsa44", token=OCS.decode(), passphrases=[PASSPHRASE.decode()])


def test_a_key_pair_goes_out_and_comes_in(fleets: Fleets) -> None:
    """As the same key, in place of another where that is asked for."""
    _, hashed, blob, private = ask(fleets, "generate", b"out", b"mldsa65", b"", EXPORT)
    public = ask(fleets, "key", b"out", b"")[3]
    assert isinstance(public, bytes)
    assert isinstance(private, bytes)
    assert len(private) == 32
    came = ask(fleets, "import", b"in", b"ML-DSA-65", public, private, b"", NO)
    assert came[:2] == ["in", hashed]
    assert came[2] != blob
    again = (b"in", b"mldsa65", public, private, b"")
    assert refusal(fleets, "import", *again, NO).status is Status.ObjectInUse
    assert ask(fleets, "import", *again, YES)[1] == hashed


def test_a_family_alone_is_its_default_set_or_that_of_the_public_key(fleets: Fleets) -> None:
    """`ML-DSA` is what a key says of itself, so it names a key that is made or taken in."""
    ask(fleets, "generate", b"made", b"ML-DSA", b"", NO)
    assert ask(fleets, "key", b"made", b"")[5] == "mldsa87"
    private = ask(fleets, "generate", b"small", b"mldsa44", b"", EXPORT)[3]
    public = ask(fleets, "key", b"small", b"")[3]
    assert isinstance(public, bytes)
    assert isinstance(private, bytes)
    ask(fleets, "import", b"taken", b"ML-DSA", public, private, b"", NO)
    assert ask(fleets, "key", b"taken", b"")[5] == "mldsa44"
    assert "not one of" in refusal(fleets, "import", b"c", b"ML-DSA", b"x", private, b"", NO).detail


def test_what_is_taken_in_must_be_what_it_is_called(fleets: Fleets) -> None:
    """The parameter set of the public key, and a private key that belongs to it."""
    private = ask(fleets, "generate", b"a", b"mldsa44", b"", EXPORT)[3]
    ask(fleets, "generate", b"b", b"mldsa44", b"", NO)
    public, other = (ask(fleets, "key", name, b"")[3] for name in (b"a", b"b"))
    assert isinstance(public, bytes)
    assert isinstance(other, bytes)
    assert isinstance(private, bytes)
    wrong = refusal(fleets, "import", b"c", b"mldsa87", public, private, b"", NO)
    assert wrong.detail == "the public key is not one of mldsa87, but of mldsa44"
    assert (
        "no parameter set"
        in refusal(fleets, "import", b"c", b"mldsa87", b"public", private, b"", NO).detail
    )
    assert refusal(fleets, "import", b"c", b"mldsa44", other, private, b"", NO).status
    assert refusal(fleets, "import", b"c", b"lms:a:b", other, private, b"", NO).status


def test_a_blob_signs_without_its_key_file(rig: Rig, fleets: Fleets) -> None:
    """The public key checks it; an LMS key takes no context, and no other blob is one."""
    blob = ask(fleets, "generate", b"k", b"mldsa44", b"", NO)[2]
    public = ask(fleets, "key", b"k", b"")[3]
    assert isinstance(blob, bytes)
    assert isinstance(public, bytes)
    ask(fleets, "destroy", b"k")
    asked = (blob, b"", b"message", b"context", YES, b"")
    [signature] = ask(fleets, "sign_immediate", *asked)
    assert isinstance(signature, bytes)
    checked = (public, b"mldsa44", b"message", signature)
    assert ask(fleets, "verify_immediate", *checked, b"context") == [1]
    assert ask(fleets, "verify_immediate", *checked, b"") == [0]
    assert refusal(fleets, "sign_immediate", b"blob", *asked[1:]).status
    with rig.fleet() as fleet:
        lms = fleet.generate_lms("lms", **QUICK).public_key
    assert "LMS takes no context" in refusal(fleets, "sign_immediate", lms, *asked[1:]).detail


def test_a_login_is_right_or_wrong(rig: Rig, fleets: Fleets) -> None:
    """Against the set that a key needs; before there is such a key, anything is right."""
    assert ask(fleets, "login", b"anything") == []
    protected(rig)
    assert ask(fleets, "login", PASSPHRASE) == []
    assert refusal(fleets, "login", b"wrong").status is Status.AccessDenied
    rig.rack.remove(ESN, FIRST_DYNAMIC_SLOT)
    assert refusal(fleets, "login", PASSPHRASE).status is Status.NotAvailable


def test_a_login_leaves_nothing_loaded(rig: Rig, fleets: Fleets) -> None:
    """However often a program logs in: a connection holds 64 sets at most, and each is a secret.

    One machine that has the cards is enough.
    """
    protected(rig)
    for passphrase in (PASSPHRASE, b"wrong", PASSPHRASE):
        if passphrase == PASSPHRASE:
            assert ask(fleets, "login", passphrase) == []
        else:
            assert refusal(fleets, "login", passphrase).status is Status.AccessDenied
        assert len(rig.machines[ESN].tokens) == 0


def test_a_login_finds_a_machine_that_came_since(rig: Rig, fleets: Fleets) -> None:
    """With a fleet that was used before it, as each question does."""
    protected(rig)
    rig.stop()
    assert refusal(fleets, "sign", b"p", b"", b"m", TOKEN, b"", NO, PASSPHRASE).status
    rig.start()
    assert ask(fleets, "login", PASSPHRASE) == []


def test_a_protected_key_wants_its_passphrase(rig: Rig, fleets: Fleets) -> None:
    """With each question that comes over a connection of its own. An LMS key has no use for it."""
    protected(rig)
    shown = ask(fleets, "key", b"p", b"")
    assert shown[6] == OCS.decode()
    asked = (b"p", b"", b"message", TOKEN, b"", NO)
    assert refusal(fleets, "sign", *asked, b"").status is Status.AccessDenied
    [signature] = ask(fleets, "sign", *asked, PASSPHRASE)
    assert isinstance(signature, bytes)
    assert ask(fleets, "verify", b"p", b"", b"message", signature, b"") == [1]
    with rig.fleet() as fleet:
        fleet.generate_lms("lms", **QUICK)
    assert ask(fleets, "sign", b"lms", *asked[1:], PASSPHRASE)


def test_a_card_set_protects_a_new_key(fleets: Fleets) -> None:
    """One that is loaded, or needs no passphrase; one that there is."""
    wants = refusal(fleets, "generate", b"n", b"mldsa44", OCS, NO)
    assert wants.status is Status.AccessDenied
    missing = refusal(fleets, "generate", b"n", b"mldsa44", b"none", NO)
    assert missing.status is Status.UnknownID
    assert "there is no card set none" in missing.detail
