"""What is refused of a bundle is refused before a leaf is taken."""

import os
import threading
from pathlib import Path

import pytest
from caliptra.bundles import FIRST, ONLY_VENDOR, refused, remains, sign_vendor, signatures
from caliptra.conftest import LMS, World
from caliptra.making import OWNER, VENDOR, put, request
from seeclient.algorithms.lms.inspecting import LmsInfo
from seeclient.folders.hold import hold

from seemachine.caliptra.bundles import signing
from seemachine.lms.keys import Signature


def test_a_file_of_another_digest_is_refused(world: World, vendor: Path) -> None:
    """A request that was changed after it was signed: the file has a signature of another leaf. It
    is replaced only by whoever says so.
    """
    sign_vendor(world, vendor)
    before = signatures(vendor)
    other = request(*VENDOR)
    entry = other["requests"][FIRST]
    entry.update(other["requests"][VENDOR[1]] | {"pqc_key": entry["pqc_key"]})
    put(vendor, other)
    code, said = sign_vendor(world, vendor)
    leaf = Signature.decode(before[FIRST]).leaf
    assert code == 1
    assert (
        f"signatures.json has another pqc_sig for {FIRST}: leaf {leaf} of some key made it" in said
    )
    assert "or replace it with --force" in said
    assert signatures(vendor) == before
    assert sign_vendor(world, vendor, "--force")[0] == 0
    assert signatures(vendor)[VENDOR[1]] == before[VENDOR[1]]
    assert Signature.decode(signatures(vendor)[FIRST]).leaf not in leaves_of(before)
    assert world.caliptra("verify", vendor, *ONLY_VENDOR)[0] == 0


def leaves_of(made: dict[str, bytes]) -> list[int]:
    """Those of signatures."""
    return [Signature.decode(each).leaf for each in made.values()]


def test_signatures_in_each_others_places_are_refused(world: World, vendor: Path) -> None:
    """Each is good, and over the other's digest."""
    sign_vendor(world, vendor)
    one, other = signatures(vendor).values()
    put(
        vendor.parent / "signatures.json",
        {VENDOR[0]: {"pqc_sig": other.hex()}, VENDOR[1]: {"pqc_sig": one.hex()}},
    )
    code, said = world.caliptra("verify", vendor, *ONLY_VENDOR)
    assert (code, said.count("not good: leaf")) == (1, 2)
    assert sign_vendor(world, vendor)[0] == 1


def test_a_key_of_another_set_is_refused(world: World, vendor: Path) -> None:
    """Before a machine is asked, with the command that makes the right one."""
    quick = ("algorithm=lms", "lmscode=sha256_m24_h5", "lmotscode=sha256_n24_w4")
    assert world.pipsqueak("generate", "alias=quick", *quick)[0] == 0
    words = ("--key", "vendor_fw_pqc_key=vendor", "--key", "vendor_man_pqc_key=quick", "--yes")
    before = world.left()
    code, said = world.caliptra("sign", vendor, *words)
    assert code == 1
    assert "quick: it is sha256_m24_h5 sha256_n24_w4" in said
    assert "lmscode=sha256_m24_h15 lmotscode=sha256_n24_w4" in said
    assert world.left() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--key", "vendor_fw_pqc=vendor"), "did you mean vendor_fw_pqc_key?"),
        (("--key", "vendor_fw_pqc_key=owner"), "names two keys for vendor_fw_pqc_key"),
        (("--target", "vendor_imc"), "did you mean vendor_imc_signatures?"),
        (("--signatures", "/nosuch/signatures.json"), "there is no folder /nosuch; make it first"),
        (("--signatures", "."), "is not a file; name one with --signatures"),
        (("--signatures", "/dev/null"), "is not a file; name one with --signatures"),
        (("--signatures", "signing_request.json"), "signing_request.json is what is read"),
        (("--keys", "nosuch.toml"), "nosuch.toml: No such file or directory"),
        (("--acknowledge", ""), "acknowledge takes a reason"),
    ],
)
def test_wrong_words_take_no_leaf(
    words: tuple[str, ...], sentence: str, world: World, vendor: Path
) -> None:
    """Each says what to do."""
    assert sentence in refused(world, vendor, *words)


def test_a_label_without_a_key_takes_no_leaf(world: World, bundle: Path) -> None:
    """Also where other labels have one."""
    before = world.left()
    code, said = sign_vendor(world, bundle)
    assert code == 1
    assert f"{OWNER[0]} wants the key owner_fw_pqc_key; say which one" in said
    assert world.left() == before


def test_a_public_key_does_not_sign(world: World, vendor: Path) -> None:
    """A file has no more than that."""
    words = ("--key", "vendor_fw_pqc_key=./v.pem", "--key", "vendor_man_pqc_key=vendor", "--yes")
    code, said = world.caliptra("sign", vendor, *words)
    assert code == 1
    assert "./v.pem is a file, which has no more than a public key" in said


def test_nobody_is_there_to_say_yes(world: World, vendor: Path) -> None:
    """A script gives --yes; how many leaves it would take is said."""
    before = world.left()
    code, said = world.caliptra("sign", vendor, *ONLY_VENDOR)
    assert (code, world.left()) == (2, before)
    assert f"signing {', '.join(VENDOR)} takes 2 of the {before} signatures" in said
    assert "nobody can be asked before" in said


def test_a_damaged_signatures_file_takes_no_leaf(world: World, vendor: Path) -> None:
    """It is named."""
    (vendor.parent / "signatures.json").write_text('{"vendor_imc_signatures": {"pqc_sig": 1')
    assert "signatures.json: it is not JSON" in refused(world, vendor)


def test_two_at_once_wait_for_each_other(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of `sign` do; where it takes too long, the second takes no leaf, and says why."""
    before, lock = world.left(), hold(vendor.parent)
    told: list[tuple[int, str]] = []
    waiting = threading.Thread(target=lambda: told.append(sign_vendor(world, vendor)))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    os.close(lock)
    waiting.join(20)
    assert (told[0][0], world.left()) == (0, before - 2)
    lock = hold(vendor.parent)
    monkeypatch.setattr(signing, "PATIENCE", 0.0)
    assert "another command signs into" in refused(world, vendor, "--target", FIRST)
    os.close(lock)


def test_too_few_leaves_sign_with_none(
    world: World, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is wanted is there before the first leaf is taken."""
    before = world.left()
    with monkeypatch.context() as patch:
        patch.setattr(LmsInfo, "remaining", 1)
        code, said = world.sign(bundle)
    assert (code, world.left()) == (1, before)
    assert "vendor has 1 signature left here, and 2 are needed" in said
    assert remains(bundle) == []


def test_a_threshold_that_would_be_crossed_signs_with_none(world: World, vendor: Path) -> None:
    """A bundle is not signed in part; with a reason all of it is."""
    assert world.pipsqueak("generate", "alias=near", *LMS, "warnat=32767")[0] == 0
    words = [word.replace("=vendor", "=near") for word in ONLY_VENDOR]
    code, said = world.caliptra("sign", vendor, *words, "--yes")
    assert (code, world.left("near")) == (1, 32768)
    assert "near has 1 signature left here that needs no acknowledgement, and 2 are needed" in said
    assert said.endswith("to sign anyway, say why with --acknowledge REASON")
    assert world.caliptra("sign", vendor, *words, "--yes", "--acknowledge", "drill")[0] == 0
    assert world.left("near") == 32766
