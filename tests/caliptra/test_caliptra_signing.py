"""Bundles are signed with one leaf for each target, whatever happens on the way."""

import errno
import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from caliptra.conftest import KEYS, LMS, World
from caliptra.making import OWNER, VENDOR, WANTED, put, request
from kit.verdicts import verifies
from seeclient.algorithms.lms import notes
from seeclient.algorithms.lms.inspecting import LmsInfo
from seeclient.algorithms.lms.signing import new_token
from seeclient.folders import asking
from seeclient.folders.hold import hold
from seeclient.folders.journal import Journal
from seeclient.keyfile import KeyFile
from seeclient.wanted import UNWATCHED, Wanted, Watch

from seemachine.caliptra import requests
from seemachine.caliptra.bundles import files, signing, verifying
from seemachine.caliptra.bundles.files import SignaturesFile
from seemachine.cli import caliptra as command
from seemachine.lms.keys import Signature
from seemachine.wire.status import Status, StatusError

FIRST = VENDOR[0]
ONLY_VENDOR = KEYS[:4]


@pytest.fixture
def bundle(folder: Path) -> Path:
    """A request for all four targets."""
    return put(folder / "signing_request.json", request())


@pytest.fixture
def vendor(folder: Path) -> Path:
    """A request for the two of the vendor, whose key has leaves."""
    return put(folder / "signing_request.json", request(*VENDOR))


def sign_vendor(world: World, path: Path, *more: object) -> tuple[int, str]:
    """Sign those."""
    return world.caliptra("sign", path, *ONLY_VENDOR, "--yes", *more)


def signatures(path: Path) -> dict[str, bytes]:
    """By target, what is in the file beside a request."""
    document = json.loads((path.parent / "signatures.json").read_text())
    return {name: bytes.fromhex(entry["pqc_sig"]) for name, entry in document.items()}


def leaves(path: Path) -> list[int]:
    """The leaves of those of LMS."""
    return [Signature.decode(each).leaf for each in signatures(path).values() if len(each) == 1620]


def remains(path: Path) -> list[str]:
    """What is in the folder beside the request and the signatures."""
    known = (path.name, "signatures.json")
    return sorted(each.name for each in path.parent.iterdir() if each.name not in known)


# ---- all is well ---------------------------------------------------------------------------------


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


# ---- nothing is signed ---------------------------------------------------------------------------


def refused(world: World, path: Path, *more: object) -> str:
    """The sentence of a refusal, which takes no leaf and changes nothing."""
    before = world.left(), sorted(path.parent.iterdir())
    code, said = sign_vendor(world, path, *more)
    assert code, said
    assert (world.left(), sorted(path.parent.iterdir())) == before
    return said.splitlines()[-1]


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


# ---- broken off ----------------------------------------------------------------------------------


def break_off(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, error: BaseException
) -> None:
    """The next call of something raises."""

    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(owner, name, broken)


def test_killed_before_it_wrote_it_takes_no_second_leaf(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signatures came, and are written by the next run, without a machine."""
    before = world.left()
    with monkeypatch.context() as patch:
        break_off(patch, SignaturesFile, "write", KeyboardInterrupt())
        assert sign_vendor(world, vendor)[0] == 130
    assert not (vendor.parent / "signatures.json").exists()
    with world.without_machines():
        code, said = world.caliptra("sign", vendor, *ONLY_VENDOR)
    assert code == 0, said
    for leaf in leaves(vendor):
        assert f"signed with leaf {leaf} of vendor on" in said
    assert world.left() == before - 2
    assert remains(vendor) == []


def test_killed_before_a_reply_came_it_takes_no_second_leaf(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine signed, and nobody heard of it: asked again it gives the same."""
    before = world.left()

    def deaf(
        fleet: Any, key: KeyFile, wanted: Sequence[Wanted], options: Any, watch: Watch
    ) -> None:
        asking.sign_asking(fleet, key, wanted, options, Watch(UNWATCHED.progress, watch.asking))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "sign_asking", deaf)
        assert sign_vendor(world, vendor)[0] == 130
    assert world.left() == before - 2
    code, said = world.caliptra("sign", vendor, *ONLY_VENDOR)
    assert code == 0, said
    assert world.left() == before - 2
    assert world.caliptra("verify", vendor, *ONLY_VENDOR)[0] == 0


def test_a_full_disk_takes_no_second_leaf(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that the same command goes on; an earlier file stays as it was."""
    there = put(vendor.parent / "signatures.json", {FIRST: {"ecc_sig": "ab"}})
    before = world.left()
    with monkeypatch.context() as patch:
        error = StatusError(Status.OSErrorErrno, "signatures.json: No space left on device", "w")
        break_off(patch, SignaturesFile, "write", error)
        code, said = sign_vendor(world, vendor)
    assert code == 1
    assert "No space left on device; the same command goes on" in said
    assert json.loads(there.read_text()) == {FIRST: {"ecc_sig": "ab"}}
    assert sign_vendor(world, vendor)[0] == 0
    assert world.left() == before - 2


def test_the_name_is_durable_before_the_journal_ends(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut could leave neither."""
    with monkeypatch.context() as patch:
        error = OSError(errno.EIO, "Input/output error")
        break_off(patch, files, "flush_folder", error)
        code, said = sign_vendor(world, vendor)
    assert (code, len(remains(vendor))) == (1, 1)
    assert "Input/output error; the same command goes on" in said


def test_a_folder_that_can_not_be_written_takes_no_leaf(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is a file that can be."""
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    assert f"nothing can be written into {vendor.parent}; see who may" in refused(world, vendor)


@pytest.mark.parametrize(("status", "code"), [("NotAvailable", 2), ("ObjectInUse", 0)])
def test_what_took_no_leaf_is_asked_for_as_the_first_time(
    status: str, code: int, world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of any machine, and after a question. What a machine may have taken a leaf for was agreed to
    before.
    """

    def refuses(_f: Any, _k: KeyFile, wanted: Sequence[Wanted], _o: Any, watch: Watch) -> None:
        for each in wanted:
            each.token = new_token()
            each.outcome = StatusError(Status[status], "not now", "sign")
        with world.fleet() as fleet:
            peer = fleet.roster.peers[0]
            watch.asking(wanted, notes.written(peer, {}))

    with monkeypatch.context() as patch:
        patch.setattr(command, "sign_asking", refuses)
        assert "2 of 2 targets not signed: not now" in sign_vendor(world, vendor)[1]
    assert world.caliptra("sign", vendor, *ONLY_VENDOR)[0] == code


def test_a_machine_that_goes_down_leaves_what_it_gave(
    world: World, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The targets that were signed are in the file; the same command signs the others."""
    signed = asking.sign_asking

    def goes_down(fleet: Any, key: KeyFile, wanted: Sequence[Wanted], *more: Any) -> None:
        if key.alias == "vendor":
            signed(fleet, key, wanted, *more)
            return
        for each in wanted:
            each.outcome = StatusError(Status.NotAvailable, "it does not answer", "connect")

    before = world.left()
    with monkeypatch.context() as patch:
        patch.setattr(command, "sign_asking", goes_down)
        code, said = world.sign(bundle)
    assert code == 1
    assert "2 of 4 targets not signed: it does not answer" in said
    assert f"no ecc_sig yet, which Caliptra wants too: {', '.join(VENDOR)}" in said.splitlines()
    assert "the same command goes on" in said
    assert sorted(signatures(bundle)) == sorted(VENDOR)
    assert world.sign(bundle)[0] == 0
    assert world.left() == before - 2
    assert remains(bundle) == []


def test_a_request_that_was_changed_meanwhile_is_signed_anew(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a machine gave for another digest goes nowhere."""
    with monkeypatch.context() as patch:
        break_off(patch, SignaturesFile, "write", KeyboardInterrupt())
        sign_vendor(world, vendor)
    document = request(*VENDOR)
    wanted = document["requests"]
    wanted[FIRST], wanted[VENDOR[1]] = (
        wanted[VENDOR[1]] | {"pqc_key": wanted[FIRST]["pqc_key"]},
        wanted[FIRST] | {"pqc_key": wanted[VENDOR[1]]["pqc_key"]},
    )
    put(vendor, document)
    before = world.left()
    assert world.caliptra("sign", vendor, *ONLY_VENDOR)[0] == 2
    assert sign_vendor(world, vendor)[0] == 0
    assert world.left() == before - 2
    assert world.caliptra("verify", vendor, *ONLY_VENDOR)[0] == 0


def test_files_beside_each_other_have_journals_of_their_own(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is done does not forget what was asked for the other."""
    before = world.left()
    with monkeypatch.context() as patch:
        break_off(patch, SignaturesFile, "write", KeyboardInterrupt())
        sign_vendor(world, vendor, "--signatures", "one.json")
    assert sign_vendor(world, vendor, "--signatures", "other.json")[0] == 0
    assert sign_vendor(world, vendor, "--signatures", "one.json")[0] == 0
    assert world.left() == before - 4


def test_a_machine_that_lies_is_not_believed(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not verify is not written."""
    signed = asking.sign_asking

    def lies(fleet: Any, key: KeyFile, wanted: Sequence[Wanted], *more: Any) -> None:
        signed(fleet, key, wanted, *more)
        wanted[0].outcome, wanted[1].outcome = wanted[1].outcome, wanted[0].outcome

    monkeypatch.setattr(command, "sign_asking", lies)
    code, said = sign_vendor(world, vendor)
    assert code == 1
    assert f"gave what is not a signature of {FIRST}" in said
    assert not (vendor.parent / "signatures.json").exists()


def test_killed_before_it_asked_it_takes_one_leaf_each(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal has the tokens, and no machine heard of them."""
    before = world.left()
    with monkeypatch.context() as patch:
        noting = Journal.asked

        def killed(journal: Journal, *what: Any) -> None:
            noting(journal, *what)
            raise KeyboardInterrupt

        patch.setattr(Journal, "asked", killed)
        assert sign_vendor(world, vendor)[0] == 130
    assert (world.left(), len(remains(vendor))) == (before, 1)
    assert sign_vendor(world, vendor)[0] == 0
    assert (world.left(), remains(vendor)) == (before - 2, [])


def test_killed_after_it_wrote_it_has_nothing_to_do(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is gone after the next run, which asks no machine."""
    with monkeypatch.context() as patch:
        break_off(patch, Journal, "forget", KeyboardInterrupt())
        assert sign_vendor(world, vendor)[0] == 130
    before = world.left()
    assert len(remains(vendor)) == 1
    with world.without_machines():
        code, said = sign_vendor(world, vendor)
    assert (code, said.count("kept, it is good")) == (0, 2)
    assert (world.left(), remains(vendor)) == (before, [])


def test_one_target_that_is_done_does_not_forget_another(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked for both is there for the other too."""
    before = world.left()
    with monkeypatch.context() as patch:
        break_off(patch, SignaturesFile, "write", KeyboardInterrupt())
        sign_vendor(world, vendor)
    assert sign_vendor(world, vendor, "--target", FIRST)[0] == 0
    assert sign_vendor(world, vendor)[0] == 0
    assert (world.left(), remains(vendor)) == (before - 2, [])


def test_a_file_of_a_signer_without_state_is_refused(
    world: World, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each signature is good, and two have one leaf: nothing is added, and verify says so."""
    sign_vendor(world, vendor)
    made = {name: b"\0\0\0\5" + each[4:] for name, each in signatures(vendor).items()}
    put(
        vendor.parent / "signatures.json",
        {name: {"pqc_sig": each.hex()} for name, each in made.items()},
    )
    for module in (signing, verifying):
        monkeypatch.setattr(module, "why_not", lambda *_: "")
    assert "leaf 5 of its key signed 2 digests here" in refused(world, vendor)
    code, said = world.caliptra("verify", vendor, *ONLY_VENDOR)
    assert (code, said.count("replace the key")) == (1, 2)
