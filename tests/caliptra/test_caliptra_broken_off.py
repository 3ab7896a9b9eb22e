"""Whatever breaks `caliptra sign` off, no target takes a second leaf."""

import errno
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from caliptra.bundles import FIRST, ONLY_VENDOR, leaves, refused, remains, sign_vendor, signatures
from caliptra.conftest import World
from caliptra.making import VENDOR, put, request
from seeclient.algorithms.lms import notes
from seeclient.algorithms.lms.signing import new_token
from seeclient.files import left_by
from seeclient.folders import asking
from seeclient.folders.journal import Journal
from seeclient.keyfile import KeyFile
from seeclient.wanted import UNWATCHED, Wanted, Watch

from seemachine.caliptra.bundles import files, signing, verifying
from seemachine.caliptra.bundles.files import SignaturesFile
from seemachine.cli import caliptra as command
from seemachine.wire.status import Status, StatusError


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


def test_what_a_killed_run_left_is_removed(world: World, vendor: Path) -> None:
    """Half a file beside the other."""
    left_by(vendor.parent / "signatures.json").write_text("{")
    assert sign_vendor(world, vendor)[0] == 0
    assert remains(vendor) == []


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
    assert f"{vendor.parent}: Permission denied; check its permissions" in refused(world, vendor)


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
