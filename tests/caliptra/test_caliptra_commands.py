"""`seemachine caliptra`: verifying, keys, documents, and the question."""

import json
import os
from pathlib import Path

import pytest
from caliptra.conftest import KEYS, World
from caliptra.making import OWNER, VENDOR, put, request
from kit.documents import Document, answer
from kit.in_process import as_a_command_has_it
from vectors import published

from seemachine.cli.command import main

FIGURES = published.cases("caliptra")[0]


@pytest.fixture
def bundle(world: World, folder: Path) -> Path:
    """A signed one."""
    path = put(folder / "signing_request.json", request())
    assert world.sign(path)[0] == 0
    return path


def document(world: World, *words: object) -> Document:
    """What a command says to a program, which the schema describes."""
    with as_a_command_has_it(world.env):
        return answer(["caliptra", *map(str, words)], world.home)


def change(path: Path, target: str, **fields: object) -> None:
    """Write something else into signatures.json."""
    there = json.loads((path.parent / "signatures.json").read_text())
    there[target] = {
        name: value for name, value in (there[target] | fields).items() if value is not None
    }
    put(path.parent / "signatures.json", there)


def turned(path: Path, target: str) -> str:
    """The signature of a target with one bit turned."""
    there = json.loads((path.parent / "signatures.json").read_text())
    made = bytearray.fromhex(there[target]["pqc_sig"])
    made[-1] ^= 1
    return made.hex()


# ---- verify --------------------------------------------------------------------------------------


def test_it_verifies_without_machines_and_keys_of_this_host(
    world: World, bundle: Path, folder: Path
) -> None:
    """With public keys as files: Caliptra's PEM, the bytes, and the PEM of ML-DSA."""
    world.caliptra("key", "vendor", "--out", "v.pem")
    world.caliptra("key", "vendor", "--out", "v.bin", "--format", "raw")
    world.caliptra("key", "owner", "--out", "o.pem")
    assert (folder / "v.bin").stat().st_size == 48
    words = (
        *("--key", "vendor_fw_pqc_key=v.pem", "--key", "vendor_man_pqc_key=./v.bin"),
        *("--key", "owner_fw_pqc_key=o.pem", "--key", "owner_man_pqc_key=o.pem"),
    )
    with world.without_machines():
        code, said = world.caliptra("verify", bundle, *words, "--home", folder / "nobodys")
    assert code == 0, said
    assert (said.count("good (LMS)"), said.count("good (ML-DSA-87)")) == (2, 2)


@pytest.mark.parametrize("target", [VENDOR[0], OWNER[0]])
def test_a_bit_that_is_turned_is_found(target: str, world: World, bundle: Path) -> None:
    """With its target, by the exit code too."""
    change(bundle, target, pqc_sig=turned(bundle, target))
    code, said = world.caliptra("verify", bundle, *KEYS)
    assert (code, said.count("not good")) == (1, 1)
    assert f"{target}: not good: " in said


def test_a_target_without_a_signature_is_found(world: World, bundle: Path) -> None:
    """Unless others are asked for."""
    change(bundle, OWNER[1], pqc_sig=None)
    code, said = world.caliptra("verify", bundle, *KEYS)
    assert code == 1
    assert f"{OWNER[1]}: not good: it has no pqc_sig" in said
    assert world.caliptra("verify", bundle, *KEYS, "--target", OWNER[0])[0] == 0


def test_the_zero_that_caliptras_signer_adds_is_taken(world: World, bundle: Path) -> None:
    """It fills up the last word of 4,628 bytes; another byte is not good."""
    there = json.loads((bundle.parent / "signatures.json").read_text())
    made = there[OWNER[0]]["pqc_sig"]
    change(bundle, OWNER[0], pqc_sig=made.upper() + "00")
    assert world.caliptra("verify", bundle, *KEYS)[0] == 0
    change(bundle, OWNER[0], pqc_sig=made + "01")
    code, said = world.caliptra("verify", bundle, *KEYS)
    assert code == 1
    assert "it has 4628 bytes, and a signature of ML-DSA-87 4627" in said


def test_a_signature_that_ends_in_zero_is_told(
    world: World, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of Caliptra's tools would cut it off there."""
    there = json.loads((bundle.parent / "signatures.json").read_text())
    change(bundle, VENDOR[0], pqc_sig=there[VENDOR[0]]["pqc_sig"][:-2] + "00")
    monkeypatch.setattr("seemachine.caliptra.bundles.signing.why_not", lambda *_: "")
    code, said = world.sign(bundle)
    assert code == 0
    assert f"the signature of {VENDOR[0]} ends in a zero byte" in said


def test_there_is_nothing_to_verify(world: World, folder: Path) -> None:
    """It is said which file is missing."""
    path = put(folder / "r.json", request())
    code, said = world.caliptra("verify", path, *KEYS)
    assert code == 2
    assert "there is no signatures.json; name it with --signatures" in said.replace(
        f"{folder}/", ""
    )


# ---- key -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["nosuch.json"],
        ["signing_request.json", "--signatures", "nosuch.json"],
        ["signing_request.json", "--signatures", "text"],
        ["text"],
        ["signing_request.json", "--keys", "nosuch.toml"],
        ["signing_request.json", "--keys", "text"],
        ["signing_request.json", "--key", "vendor_fw_pqc_key=./nosuch.pem"],
        ["signing_request.json", "--key", "vendor_fw_pqc_key=./text"],
        ["signing_request.json", "--target", "nosuch"],
    ],
)
def test_what_can_not_be_judged_is_not_said_to_be_wrong(
    words: list[str], world: World, bundle: Path
) -> None:
    """Exit code 2, as of `seemachine verify`; `sign` of the same is refused with 1."""
    (bundle.parent / "text").write_text("vendor_fw_pqc_key")
    kept = [] if any(word.startswith("vendor_fw") for word in words) else KEYS
    code, said = world.caliptra("verify", *words, *kept)
    assert code == 2, said
    assert world.caliptra("sign", "nosuch.json", *KEYS)[0] == 1


def test_a_key_is_shown_as_caliptra_has_it(world: World, folder: Path) -> None:
    """Its bytes, PEM and hashes, held against published ones."""
    (folder / "fake.pem").write_text(FIGURES["pem"])
    code, said = world.caliptra("key", "fake.pem")
    assert code == 0
    for name in ("key", "sha384", "descriptor_hash"):
        assert FIGURES[name] in said
    assert FIGURES["pem"].strip() in said
    assert document(world, "key", "fake.pem")["descriptor_hash"] == FIGURES["descriptor_hash"]


def test_a_key_of_a_seeded_world_is_told(world: World, folder: Path) -> None:
    """Nobody puts it into a fuse unawares."""
    data = bytes.fromhex(FIGURES["key"])
    (folder / "seeded.bin").write_bytes(data[:8] + b"INSECURE" + data[16:])
    code, said = world.caliptra("key", "seeded.bin")
    assert code == 0
    assert "INSECURE: a key is of a seeded world" in said


def test_what_is_there_is_not_overwritten(world: World, folder: Path) -> None:
    """It may be the key of something else."""
    (folder / "v.pem").write_text("mine")
    code, said = world.caliptra("key", "vendor", "--out", "v.pem")
    assert (code, (folder / "v.pem").read_text()) == (1, "mine")
    assert "v.pem is there already" in said
    assert "SHA-384" not in said
    assert world.caliptra("key", "vendor", "--out", "v.pem", "--force")[0] == 0
    assert (folder / "v.pem").read_text().startswith("-----BEGIN PUBLIC KEY-----")


def test_what_is_public_is_for_whom_its_user_says(world: World, folder: Path) -> None:
    """By the umask: others attach signatures and burn keys."""
    path = put(folder / "signing_request.json", request())
    before = os.umask(0o022)
    try:
        world.caliptra("key", "vendor", "--out", "v.pem")
        os.umask(0o022)  # a command takes a strict one for its process
        assert world.sign(path, "--target", OWNER[0])[0] == 0
    finally:
        os.umask(before)
    for name in ("v.pem", "signatures.json"):
        assert (folder / name).stat().st_mode & 0o777 == 0o644, name


def test_standard_output_has_the_key_alone(
    folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """As of every command with --out, so that it can be piped."""
    key = bytes.fromhex(FIGURES["key"])
    (folder / "key.bin").write_bytes(key)
    assert main(["caliptra", "key", "./key.bin", "--format", "raw", "--out", "-"]) == 0
    assert capsysbinary.readouterr().out == key


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nosuch", "nosuch"),
        ("./nosuch.pem", "nosuch.pem: No such file or directory"),
        ("junk.pem", "junk.pem is not an LMS, HSS or ML-DSA public key"),
    ],
)
def test_what_is_not_a_key_is_refused(name: str, sentence: str, world: World, folder: Path) -> None:
    """By its name."""
    (folder / "junk.pem").write_text("junk")
    code, said = world.caliptra("key", name)
    assert code == 1
    assert sentence in said


# ---- documents -----------------------------------------------------------------------------------


def test_documents_tell_of_each_target(world: World, folder: Path) -> None:
    """What signed it, then that it is kept, then that it is good."""
    path = put(folder / "signing_request.json", request())
    told = document(world, "sign", path, *KEYS, "--yes")
    assert [each["outcome"] for each in told["targets"]] == ["signed"] * 4
    assert [each["leaf"] is None for each in told["targets"]] == [False, True, False, True]
    assert told["signatures"] == str(folder / "signatures.json")
    assert any(note.startswith("no ecc_sig yet") for note in told["notes"])
    told = document(world, "sign", path, *KEYS, "--yes")
    assert [each["outcome"] for each in told["targets"]] == ["kept"] * 4
    told = document(world, "verify", path, *KEYS)
    assert [each["good"] for each in told["targets"]] == [True] * 4


def test_a_signature_that_is_not_good_is_found(world: World, bundle: Path) -> None:
    """All fields are there."""
    change(bundle, VENDOR[0], pqc_sig=turned(bundle, VENDOR[0]))
    told = document(world, "verify", bundle, *KEYS)
    assert (told["ok"], told["error"]["code"]) == (False, "found")
    assert [each["good"] for each in told["targets"]] == [False, True, True, True]
