"""`seemachine sign` with a key that has few leaves, or none, or can't sign now."""

import json
from pathlib import Path

import pytest
from kit.typed import Command, Run
from signing_files.named_files import put

from seemachine.testing import BlockingFleet


def test_few_signatures_left(fleet: BlockingFleet, done: Run, refused: Run) -> None:
    """Need a reason, which is how it is said; a refusal leaves nothing behind."""
    put("a")
    fleet.generate_lms("few", lms="sha256_m24_h5", lmots="sha256_n24_w4", warnat=32)
    told = refused("sign few a")
    assert (
        "few has 32 signatures left, and each of its last 32 needs an acknowledgement; to sign"
        " anyway, say why with --acknowledge REASON" in told
    )
    assert list(map(str, Path().iterdir())) == ["a"]
    done("sign few a --acknowledge drill")
    assert fleet.key("few").info().remaining == 31


def test_a_threshold_that_would_be_crossed(fleet: BlockingFleet, done: Run, refused: Run) -> None:
    """Is told before the first leaf, and before anybody is asked; with a reason all are signed,
    and without one as many as need none. No sentence has the name of a request.
    """
    put("a", "b", "c")
    key = fleet.generate_lms("near", lms="sha256_m24_h5", lmots="sha256_n24_w4", warnat=30)
    told = refused("sign near a b c")
    assert (
        "near has 2 signatures left here that need no acknowledgement, and 3 are needed; to sign"
        " anyway, say why with --acknowledge REASON" in told
    )
    assert sorted(map(str, Path().iterdir())) == ["a", "b", "c"]
    assert key.info().remaining == 32
    done("sign near a b --yes")
    assert "1 signed, 2 already signed" in done("sign near a b c --acknowledge drill")
    assert key.info().remaining == 29
    put(*map(str, range(30)))
    several = " ".join(map(str, range(30)))
    assert (
        "near has 29 signatures left here, and 30 are needed; sign fewer files, or make another key"
        in refused(f"sign near {several}")
    )


def test_a_document_has_no_name_of_a_request(fleet: BlockingFleet, command: Command) -> None:
    """Neither in the detail of a file nor in that of the whole."""
    put("a")
    fleet.generate_lms("named", lms="sha256_m24_h5", lmots="sha256_n24_w4", warnat=32)
    code, out, told = command("sign named a --json")
    assert (code, json.loads(out)["files"][0]["outcome"]) == (1, "failed")
    assert (
        "named has 32 signatures left, and each of its last 32"
        in json.loads(out)["files"][0]["detail"]
    )
    assert "nvmemfile" not in out + told


def test_a_key_that_is_used_up(fleet: BlockingFleet, refused: Run) -> None:
    """The refusal says so, of one file and of several, and to make another."""
    put("a", "b")
    key = fleet.generate_lms("spent", lms="sha256_m24_h5", lmots="sha256_n24_w4")
    key.sign_many([b"m"] * 32)
    for line in ("sign spent a", "sign spent a --out -", "sign spent a b --yes"):
        assert "all signatures of spent are used up; make another key" in refused(line)


@pytest.mark.parametrize("line", ["cms sign rel a --out a.p7s --yes", "sign rel a", "sign rel a b"])
def test_a_module_that_failed(line: str, fleet: BlockingFleet, refused: Run) -> None:
    """Its own refusal says what to do, whoever signs; the leaves are there, and it has them."""
    put("a", "b")
    fleet.faults.add("module-failed")
    try:
        told = refused(line if "--yes" in line else f"{line} --yes")
    finally:
        fleet.faults.clear()
    assert "the module has failed; clear it with: seemachine fault clear" in told
    assert "used up" not in told
