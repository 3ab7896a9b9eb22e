"""Bundles are signed with one leaf for each target."""

import json
from pathlib import Path

from caliptra.bundles import FIRST, ONLY_VENDOR, leaves, remains, sign_vendor, signatures
from caliptra.conftest import KEYS, World
from caliptra.making import OWNER, VENDOR, WANTED, put, request
from kit.verdicts import verifies

from seemachine.caliptra import requests


def test_each_target_gets_a_signature_and_each_of_lms_a_leaf(world: World, bundle: Path) -> None:
    """Two targets of one digest, too: a leaf signs once."""
    before = world.left()
    code, said = world.sign(bundle)
    assert code == 0, said
    assert {name: len(each) for name, each in signatures(bundle).items()} == {
        **dict.fromkeys(VENDOR, 1620),
        **dict.fromkeys(OWNER, 4627),
    }
    assert len(set(leaves(bundle))) == 2
    assert world.left() == before - 2
    assert "LMS is over the 48 bytes of digest_sha384, ML-DSA-87 over the payload" in said
    assert world.caliptra("verify", bundle, *KEYS)[0] == 0
    assert remains(bundle) == []


def test_messages_are_what_caliptra_verifies(world: World, bundle: Path) -> None:
    """The 48 bytes of the digest, and the payload without a context, to verifiers that know nothing
    of Caliptra: that of LMS is of another maker.
    """
    world.sign(bundle)
    with world.fleet() as fleet:
        vendor, owner = fleet.key("vendor"), fleet.key("owner")
    for target in requests.read(bundle.read_bytes()).targets:
        made = signatures(bundle)[target.name]
        if target.name in VENDOR:
            assert verifies(vendor.public_key, made, target.digest)
            assert not verifies(vendor.public_key, made, target.payload)
        else:
            owner.verify(target.payload, made)


def test_two_targets_of_one_digest_and_one_key_take_two_leaves(world: World, folder: Path) -> None:
    """No signature stands for two targets."""
    path = put(folder / "r.json", request("vendor_imc_signatures", "owner_imc_signatures"))
    keys = ("--key", "vendor_man_pqc_key=vendor", "--key", "owner_man_pqc_key=vendor")
    assert world.caliptra("sign", path, *keys, "--yes")[0] == 0
    assert len(set(leaves(path))) == 2


def test_done_again_it_takes_no_leaf(world: World, bundle: Path) -> None:
    """Nothing is written, no question is asked, and no machine need be up."""
    world.sign(bundle)
    before, written = world.left(), bundle.parent.joinpath("signatures.json").read_bytes()
    with world.without_machines():
        code, said = world.caliptra("sign", bundle, *KEYS)
    assert (code, said.count("kept, it is good")) == (0, 4)
    assert bundle.parent.joinpath("signatures.json").read_bytes() == written
    assert world.left() == before


def test_what_others_wrote_stays(world: World, bundle: Path) -> None:
    """ECC signatures, fields that nobody knows, order, and the mode of the file."""
    there = {
        "tool": {"version": 3},
        OWNER[1]: {"ecc_sig": "AB" * 96, "note": None},
        FIRST: {"ecc_sig": "cd" * 96},
    }
    path = put(bundle.parent / "signatures.json", there)
    path.chmod(0o640)
    code, said = world.sign(bundle)
    assert code == 0, said
    found = json.loads(path.read_text())
    assert list(found)[:3] == list(there)
    assert sorted(found) == sorted([*there, OWNER[0], VENDOR[1]])
    for entry in found.values():
        entry.pop("pqc_sig", None)
    assert {name: found[name] for name in there} == there
    assert path.stat().st_mode & 0o777 == 0o640
    assert f"no ecc_sig yet, which Caliptra wants too: {OWNER[0]}, {VENDOR[1]}" in said


def test_vendor_and_owner_sign_each_for_themselves(world: World, bundle: Path) -> None:
    """Into one file, with the keys that each has."""
    chosen = [word for name in VENDOR for word in ("--target", name)]
    assert world.caliptra("sign", bundle, *ONLY_VENDOR, "--yes", *chosen)[0] == 0
    assert sorted(signatures(bundle)) == sorted(VENDOR)
    first = signatures(bundle)
    assert world.sign(bundle)[0] == 0
    assert sorted(signatures(bundle)) == sorted(WANTED)
    assert signatures(bundle).items() >= first.items()


def test_labels_may_be_in_a_file(world: World, bundle: Path) -> None:
    """One file for all bundles, which may have more labels; words overrule it."""
    (bundle.parent / "keys.toml").write_text(
        'vendor_fw_pqc_key = "vendor"\nvendor_man_pqc_key = "vendor"\n'
        'owner_fw_pqc_key = "nobody"\nowner_man_pqc_key = "owner"\nrecovery = "other"\n'
    )
    words = ("--keys", "keys.toml", "--key", "owner_fw_pqc_key=owner", "--yes")
    assert world.caliptra("sign", bundle, *words)[0] == 0


def test_the_file_may_be_a_link(world: World, vendor: Path, tmp_path: Path) -> None:
    """What it leads to is replaced."""
    (tmp_path / "elsewhere").mkdir()
    real = put(tmp_path / "elsewhere" / "s.json", {})
    (vendor.parent / "signatures.json").symlink_to(real)
    assert sign_vendor(world, vendor)[0] == 0
    assert (vendor.parent / "signatures.json").is_symlink()
    assert len(json.loads(real.read_text())) == 2
