"""folders: each file gets its signature, and one leaf, however often somebody has to begin."""

import errno
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kit.lossy import REPLY, LossyRig
from seeclient import Status, StatusError, files, verify
from seeclient.algorithms.lms import frames, persisting
from seeclient.folders import journal as journal_module
from seeclient.folders import signing
from seeclient.folders.events import Event, FileFailed, FileKept, FileSigned, FileSkipped
from seeclient.folders.files import FolderFiles
from seeclient.folders.journal import Journal
from seeclient.folders.names import Names
from seeclient.folders.places import Places
from seeclient.folders.signing import sign_folder
from seeclient.signing_options import SigningOptions

from seemachine.testing import ESN, OTHER_ESN

NAMES = ("a", "b", "sub/c", "sub/deeper/d", ".hidden", "with\nbreak", "no utf-8 \udcff")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a machine that is gone; a request has few messages."""
    monkeypatch.setattr(persisting, "RETRY_PAUSES", (0.0,))
    monkeypatch.setattr(frames, "MAX_SIGNINGS", 3)
    monkeypatch.setattr(os, "sync", lambda: None)


@pytest.fixture
def rig(home: Path) -> LossyRig:
    """Two machines with 16 leaves each of the key `shared`."""
    made = LossyRig(home)
    made.start(ESN)
    made.start(OTHER_ESN)
    made.share(tree="sha256_m24_h5")
    return made


class Release:
    """A folder of files and one of signatures."""

    def __init__(self, rig: LossyRig, folder: Path) -> None:
        self.rig, self.messages, self.signatures = rig, folder / "images", folder / "signatures"
        self.messages.mkdir()

    def put(self, *names: str) -> None:
        """Files with their names in them."""
        for name in names:
            path = self.messages / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.fsencode(name))

    def events(
        self, alias: str = "shared", *, partial: bool = False, **options: Any
    ) -> list[Event]:
        """What became of each file."""
        told: list[Event] = []
        with self.rig.fleet() as fleet:
            sign_folder(
                fleet,
                fleet.key(alias).file,
                Places(self.messages, self.signatures),
                told.append,
                SigningOptions(**options),
                partial=partial,
            )
        assert len({each.name for each in told}) == len(told)
        return told

    def sign(self, alias: str = "shared", **options: Any) -> dict[str, str]:
        """The same in words."""
        return {each.name: WORDS[type(each)] for each in self.events(alias, **options)}

    def failures(self, alias: str = "shared", **options: Any) -> dict[str, StatusError]:
        """Why some have none."""
        told = self.events(alias, **options)
        return {each.name: each.error for each in told if isinstance(each, FileFailed)}

    def signature(self, name: str) -> Path:
        """Where it goes."""
        return self.signatures / f"{name}.sig"

    def check(self, *names: str) -> None:
        """Each has a good signature, and there is nothing else."""
        with self.rig.fleet() as fleet:
            public_key = fleet.key("shared").public_key
        for name in names:
            verify(self.messages / name, self.signature(name).read_bytes(), public_key)
        found = {path for path in self.signatures.rglob("*") if path.is_file()}
        assert found == {self.signature(name) for name in names}


WORDS = {
    FileSigned: "signed",
    FileKept: "kept",
    FileFailed: "failed",
    FileSkipped: "skipped",
}


@pytest.fixture
def release(rig: LossyRig, tmp_path: Path) -> Release:
    """Without files."""
    return Release(rig, tmp_path)


# ---------------------------------------------------------------- what is signed


def test_each_file_is_signed_and_the_next_time_left_alone(release: Release) -> None:
    """Whatever it is called, in the order of the bytes; nothing is left beside the signatures."""
    release.put(*NAMES)
    told = release.sign()
    assert told == dict.fromkeys(NAMES, "signed")
    release.check(*NAMES)
    assert len(release.rig.rows()) == len(NAMES)
    assert release.sign() == dict.fromkeys(NAMES, "kept")
    assert len(release.rig.rows()) == len(NAMES)


def test_what_was_changed_or_added_is_signed(release: Release) -> None:
    """In place of the old signature; also a file with another key's."""
    release.put("a", "b", "c")
    release.sign()
    (release.messages / "a").write_text("changed")
    release.signature("b").write_bytes(release.signature("c").read_bytes())
    release.put("d")
    assert release.sign() == {"c": "kept", "a": "signed", "b": "signed", "d": "signed"}
    release.check("a", "b", "c", "d")


def test_links_pipes_and_what_commands_left_are_skipped(release: Release) -> None:
    """Each is told, with what it is. A loop of links is none."""
    release.put("a", "sub/b", ".pipsqueak-0123456789abcdef.journal", "sub/.0123456789abcdef.new")
    (release.messages / "link").symlink_to("a")
    (release.messages / "sub" / "loop").symlink_to("..")
    os.mkfifo(release.messages / "pipe")
    told = release.events()
    assert {each.name: each.what for each in told if isinstance(each, FileSkipped)} == {
        "link": "a link",
        "sub/loop": "a link",
        "pipe": "a pipe",
        ".pipsqueak-0123456789abcdef.journal": "a signing journal",
        "sub/.0123456789abcdef.new": "what a killed command left",
    }
    assert [each.name for each in told if isinstance(each, FileSigned)] == ["a", "sub/b"]


def test_what_is_replaced_is_told(release: Release) -> None:
    """The signature of a file that was changed took the place of another one."""
    release.put("a")
    release.sign()
    (release.messages / "a").write_text("changed")
    release.put("b")
    told = [each for each in release.events() if isinstance(each, FileSigned)]
    assert {each.name: each.replaced for each in told} == {"a": True, "b": False}


def test_a_good_signature_of_another_key_is_not_replaced(release: Release) -> None:
    """No leaf is taken, whatever else there is to sign. Once the file is another one, it is."""
    release.put("a")
    release.sign()
    before = release.signature("a").read_bytes()
    release.rig.share("other", tree="sha256_m24_h5", ots="sha256_n24_w4")
    release.put("b")
    with pytest.raises(StatusError, match=r"a\.sig is a good signature of shared; choose another"):
        release.sign("other")
    assert release.signature("a").read_bytes() == before
    assert not release.signature("b").exists()
    (release.messages / "a").write_text("changed")
    assert release.sign("other") == {"a": "signed", "b": "signed"}


def test_too_few_leaves_take_none(release: Release) -> None:
    """Who mistyped the folder does not use up the key; who means it says so."""
    names = [f"file {number:02}" for number in range(33)]
    release.put(*names)
    said = "33 files to sign, and the HSMs that answer hold 32 leaves of shared; .*partial=yes"
    with pytest.raises(StatusError, match=said):
        release.sign()
    assert release.rig.rows() == []
    assert Counter(release.sign(partial=True).values()) == {"signed": 32, "failed": 1}


def test_what_has_its_leaf_needs_no_other(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many files as leaves, of which some are spent for files that were asked for before."""
    names = [f"file {number:02}" for number in range(32)]
    release.put(*names)
    with monkeypatch.context() as patch:
        patch.setattr(FolderFiles, "write", killed_in(FolderFiles, "write", 1, after=False))
        patch.setattr(signing, "MADE", 2)
        with pytest.raises(KilledError):
            release.sign()
    assert release.rig.rows()
    assert release.sign() == dict.fromkeys(names, "signed")
    assert len(release.rig.rows()) == 32


def test_large_files_are_hashed_here(release: Release) -> None:
    """Among the others, and journalled as they are."""
    release.put("a", "z")
    (release.messages / "m").write_bytes(bytes(3 << 20))
    assert release.sign() == dict.fromkeys("amz", "signed")
    release.check("a", "m", "z")


def test_windows_of_files(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, some are looked at at a time."""
    monkeypatch.setattr(signing, "WINDOW", 4)
    monkeypatch.setattr(signing, "MADE", 2)
    names = [f"file {number:02}" for number in range(18)]
    release.put(*names)
    assert release.sign() == dict.fromkeys(names, "signed")
    release.check(*names)


def test_signatures_within_the_folder_of_the_files(release: Release) -> None:
    """They are not signed the next time."""
    release.signatures = release.messages / "signatures"
    release.put("a")
    assert release.sign() == {"a": "signed"}
    assert release.sign() == {"a": "kept"}


@pytest.mark.parametrize("place", ["", "..", "link"])
def test_folders_that_would_grow_by_their_own_signatures(release: Release, place: str) -> None:
    """Are refused, by whatever name."""
    (release.messages / "link").symlink_to(".")
    release.signatures = release.messages / place
    release.put("a")
    with pytest.raises(StatusError, match="must not be the folder of the files, or one above it"):
        release.sign()
    assert release.rig.rows() == []


def test_an_mldsa_key_and_its_context(release: Release) -> None:
    """Without leaves, and without a journal; under another context it is another signature."""
    release.put("a", "b")
    with release.rig.fleet() as fleet:
        fleet.generate_mldsa("free", "mldsa44")
    assert release.sign("free", context=b"here") == {"a": "signed", "b": "signed"}
    assert release.sign("free", context=b"here") == {"a": "kept", "b": "kept"}
    assert release.sign("free") == {"a": "signed", "b": "signed"}
    assert release.sign("free") == {"a": "kept", "b": "kept"}
    assert [each.suffix for each in release.signatures.iterdir()] == [".sig", ".sig"]


# ---------------------------------------------------------------- what is not


def test_what_cannot_be_signed_holds_nobody_up(release: Release) -> None:
    """And costs no leaf: what is no signature is not written over, a name is too long, a folder
    has the name of a signature.
    """
    long = "n" * 253
    release.put("a", "b", "c.sig/d", "c", long)
    release.signatures.mkdir()
    release.signature("a").write_text("my notes")
    release.signature("c").mkdir()
    failures = release.failures()
    assert {name: each.status for name, each in failures.items()} == {
        "a": Status.InvalidParameter,
        "c": Status.InvalidParameter,
        long: Status.OSErrorErrno,
    }
    assert "is there and is not a signature" in failures["a"].detail
    assert "is not a regular file" in failures["c"].detail
    assert release.signature("a").read_text() == "my notes"
    assert len(release.rig.rows()) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_named(release: Release) -> None:
    """A file, and a folder."""
    release.put("a", "b", "sub/c")
    (release.messages / "a").chmod(0)
    (release.messages / "sub").chmod(0)
    failures = release.failures()
    (release.messages / "sub").chmod(0o700)
    assert failures.keys() == {"a", "sub"}
    assert release.signature("b").exists()


def test_a_file_that_is_gone_by_then(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was listed, and can't be read."""
    release.put("a", "b")
    names = Places.names

    def with_gone(places: Places) -> Names:
        found = names(places)
        found.files.append("gone")
        return found

    monkeypatch.setattr(Places, "names", with_gone)
    assert [*release.failures()] == ["gone"]


def test_a_folder_that_cannot_be_listed(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is a failure: what is in it has no signatures."""
    release.put("a", "sub/b")
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("sub"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    failures = release.failures()
    assert [*failures] == ["sub"]
    assert "Permission denied; check its permissions" in failures["sub"].detail


def test_a_file_that_is_changed_while_it_is_signed(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its signature is of what it was, and not written; the next run signs what it is."""
    release.put("a", "b")
    asked = Journal.asked

    def change(journal: Journal, *words: Any) -> None:
        asked(journal, *words)
        (release.messages / "a").write_text("changed")

    monkeypatch.setattr(Journal, "asked", change)
    failures = release.failures()
    assert {name: each.status for name, each in failures.items()} == {"a": Status.VerifyFailed}
    assert not release.signature("a").exists()
    monkeypatch.undo()
    assert release.sign() == {"a": "signed", "b": "kept"}
    assert len(release.rig.rows()) == 3


def test_a_folder_that_cannot_be_written(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is said before a leaf is taken. What is signed there already is found good all the same."""
    release.put("a", "b")
    release.sign()
    release.put("c")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert release.sign() == {"a": "kept", "b": "kept", "c": "failed"}
    assert len(release.rig.rows()) == 2


def test_folders_that_are_not_there(release: Release, tmp_path: Path) -> None:
    """The first one has to be; the second is made, with those that it is in."""
    release.put("a")
    release.signatures = tmp_path / "no" / "folder"
    assert release.sign() == {"a": "signed"}
    release.messages = tmp_path / "nowhere"
    with pytest.raises(StatusError, match="there is no folder"):
        release.sign()


def test_folders_that_are_files(release: Release, tmp_path: Path) -> None:
    """Are called so, with what would be right."""
    release.put("a")
    release.signatures = tmp_path / "file"
    release.signatures.write_text("notes")
    with pytest.raises(StatusError, match=r"sigdir=.*/file is a file, not a folder"):
        release.sign()
    release.messages = release.messages / "a"
    with pytest.raises(StatusError, match=r"msgdir=.*/a is a file; use msgfile="):
        release.sign()


def test_a_folder_that_turns_out_to_be_that_of_the_files(release: Release) -> None:
    """Once it is made, a path through a folder that was not there leads back."""
    release.put("a")
    release.signatures = release.messages / "new" / ".."
    with pytest.raises(StatusError, match="must not be the folder of the files"):
        release.sign()
    assert release.rig.rows() == []


def test_two_at_once(release: Release) -> None:
    """The second is refused, and may come again when the first is done."""
    release.put("a")
    release.signatures.mkdir()
    with release.rig.fleet() as fleet:
        first = Journal(release.signatures, fleet.key("shared").file)
    with pytest.raises(StatusError, match="another command signs into") as refused:
        release.sign()
    assert refused.value.status is Status.ObjectInUse
    first.release()
    assert release.sign() == {"a": "signed"}


# ---------------------------------------------------------------- interruptions


class KilledError(BaseException):
    """The process is gone here."""


def killed_in(owner: Any, name: str, count: int, *, after: bool) -> Callable[..., Any]:
    """A function that the process does not survive the `count`th call of: before, or just after
    it.
    """
    real, calls = getattr(owner, name), [0]

    def call(*words: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == count and not after:
            raise KilledError
        done = real(*words, **named)
        if calls[0] == count:
            raise KilledError
        return done

    return call


PLACES: dict[str, tuple[Any, str]] = {
    "noting": (Journal, "asked"),
    "signatures noted": (Journal, "signed"),
    "a line": (journal_module, "_write_line"),
    "comparing": (FolderFiles, "write"),
    "writing": (Places, "write"),
    "the end": (Journal, "forget"),
    "asking": (LossyRig, "_fate"),
}
COUNT = 8


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", PLACES)
def test_who_begins_again_takes_no_second_leaf(
    release: Release, monkeypatch: pytest.MonkeyPatch, place: str, after: bool
) -> None:
    """Killed again and again, at every call of each step, each time one call later."""
    names = [f"file {number}" for number in range(COUNT)]
    release.put(*names)
    owner, name = PLACES[place]
    for count in range(1, 30):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, killed_in(owner, name, count, after=after))
            try:
                release.sign()
            except KilledError:
                continue
        break
    assert release.sign() == dict.fromkeys(names, "kept")
    release.check(*names)
    assert len(release.rig.rows()) == COUNT


def test_a_machine_that_dies_and_comes_back(release: Release) -> None:
    """Its part is not signed by the other; when it is there again, it gives what it signed."""
    names = [f"file {number}" for number in range(12)]
    release.put(*names)
    release.rig.dies_at = {OTHER_ESN: 2}
    failures = release.failures()
    assert [*failures] == ["file 4", "file 5", "file 7"] or len(failures) == 3
    assert {each.where for each in failures.values()} == {"dispatch_socket_connect"}
    assert [*release.failures()] == [*failures]
    release.rig.revive(OTHER_ESN)
    assert [*release.sign().values()].count("kept") == 9
    release.check(*names)
    assert len(release.rig.rows()) == 12


def test_a_reply_that_is_lost(release: Release) -> None:
    """It is asked for again within the same run."""
    release.put("a", "b")
    release.rig.losses = [REPLY, REPLY]
    assert release.sign() == {"a": "signed", "b": "signed"}
    assert len(release.rig.rows()) == 2


def test_leaves_that_run_out(release: Release) -> None:
    """As many are signed as there are leaves; who was refused is not asked again first."""
    names = [f"file {number:02}" for number in range(34)]
    release.put(*names)
    failures = release.failures(partial=True)
    assert len(failures) == 2
    assert {each.status for each in failures.values()} == {Status.NotAvailable}
    release.rig.stop(ESN)
    assert {each.status for each in release.failures().values()} == {Status.NotAvailable}


def test_what_was_asked_for_a_file_that_was_changed_since(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is of no use: the file is signed as it is now."""
    release.put("a", "b")
    with monkeypatch.context() as patch:
        patch.setattr(LossyRig, "_fate", killed_in(LossyRig, "_fate", 1, after=False))
        with pytest.raises(KilledError):
            release.sign()
    (release.messages / "a").write_text("changed")
    assert release.sign() == {"a": "signed", "b": "signed"}
    release.check("a", "b")


def full(*_: Any, **__: Any) -> None:
    """No room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_before_anybody_is_asked(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be noted is not asked for."""
    release.put("a", "b")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        failures = release.failures()
    assert {"No space left on device; make room there" in str(each) for each in failures.values()}
    assert release.rig.rows() == []
    assert release.sign() == {"a": "signed", "b": "signed"}


def test_a_full_disk_afterwards(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be written is written the next time, without a leaf."""
    release.put("a", "b")
    with monkeypatch.context() as patch:
        patch.setattr(files, "written_aside", full)
        failures = release.failures()
    assert {each.status for each in failures.values()} == {Status.OSErrorErrno}
    assert release.sign() == {"a": "signed", "b": "signed"}
    assert len(release.rig.rows()) == 2


def test_a_disk_that_stays_full(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is named once, those that had been signed too, with what is wrong."""
    release.put("a", "b", "c")
    with monkeypatch.context() as patch:
        patch.setattr(files, "written_aside", full)
        release.failures()
        release.put("d")
        patch.setattr(os, "write", full)
        failures = release.failures()
    assert failures.keys() == {"a", "b", "c", "d"}
    assert {each.status for each in failures.values()} == {Status.OSErrorErrno}
    assert release.sign() == dict.fromkeys("abcd", "signed")
    assert len(release.rig.rows()) == 4


def test_a_full_disk_while_somebody_is_asked_again(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the reason for all files, not that no machine has leaves."""
    release.rig.stop(OTHER_ESN)
    release.put("a")
    with monkeypatch.context() as patch:
        patch.setattr(LossyRig, "_fate", killed_in(LossyRig, "_fate", 3, after=False))
        with pytest.raises(KilledError):
            release.sign()
    release.put("b")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        failures = release.failures()
    assert failures.keys() == {"a", "b"}
    assert {each.status for each in failures.values()} == {Status.OSErrorErrno}


def test_what_is_on_the_disk_when(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal before anybody is asked; the signatures before the journal is gone, once for all,
    and only if there are any.
    """
    told: list[str] = []

    def telling(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any) -> Any:
            told.append(name)
            return real(*words)

        return call

    def fate(_rig: LossyRig, _esn: str, data: bytes) -> None:
        if b"nvmemfile_sign_many" in data:
            told.append("asked")

    monkeypatch.setattr(os, "fdatasync", telling("journal", os.fdatasync))
    monkeypatch.setattr(os, "sync", telling("signatures", os.sync))
    monkeypatch.setattr(LossyRig, "_fate", fate)
    monkeypatch.setattr(Journal, "forget", telling("forgotten", Journal.forget))
    release.put("a", "b")
    release.rig.stop(OTHER_ESN)
    release.sign()
    assert told == ["journal", "asked", "signatures", "forgotten"]
    told.clear()
    release.sign()
    assert told == ["forgotten"]


# ---------------------------------------------------------------- the journal


@pytest.fixture
def journal(release: Release, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a run that was killed when it had asked for two files, and got nothing."""
    release.put("a", "b")
    with monkeypatch.context() as patch:
        patch.setattr(FolderFiles, "write", killed_in(FolderFiles, "write", 1, after=False))
        patch.setattr(Journal, "signed", lambda *_: None)
        with pytest.raises(KilledError):
            release.sign()
    [path] = release.signatures.iterdir()
    return path


def test_the_journal_is_for_the_user_alone(journal: Path) -> None:
    """It says which files there are."""
    assert oct(journal.stat().st_mode & 0o777) == "0o600"
    assert len(journal.read_bytes().splitlines()) == 3


def test_the_end_of_a_line_is_taken_off(
    release: Release, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was being written when the process was killed, and nobody had been asked yet. The next
    line does not go on with it.
    """
    journal.write_bytes(journal.read_bytes() + b'{"asked": "7852')
    with monkeypatch.context() as patch:
        patch.setattr(Places, "write", killed_in(Places, "write", 1, after=False))
        with pytest.raises(KilledError):
            release.sign()
    assert release.sign() == {"a": "signed", "b": "signed"}
    assert len(release.rig.rows()) == 2


def test_the_journal_does_not_keep_what_is_in_its_place(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would grow by all signatures, and whoever goes on would read them all; what could not be
    written it keeps.
    """
    release.put(*"abcdefgh")
    (release.messages / "bad").write_bytes(b"bad")
    monkeypatch.setattr(signing, "MADE", 1)
    write = Places.write

    def some(places: Places, name: str, signature: bytes) -> None:
        write(places, name, signature) if name != "bad" else full()

    with monkeypatch.context() as patch:
        patch.setattr(Places, "write", some)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            release.sign()
    [path] = release.signatures.glob(".*")
    lines = map(json.loads, path.read_bytes().splitlines())
    assert [name for line in lines for name, _ in line.get("signed", ())] == ["bad"]
    release.sign()
    release.check(*"abcdefgh", "bad")
    assert len(release.rig.rows()) == 9


@pytest.mark.parametrize(
    "damage",
    [
        *(b"{}\n", b"[1]\n", b'{"signed": [["x", "eA=="]]}\n', b'{"files": [[1]]}\n'),
        b'{"asked": 5, "files": [["x", "%s", "00"]]}\n' % (b"00" * 16),
        b'{"asked": "nobody", "files": [["x", "%s", "00"]]}\n' % (b"00" * 16),
        b'{"asked": "", "files": [["x", "00", "00"]]}\n',
    ],
)
def test_a_damaged_journal_is_refused(release: Release, journal: Path, damage: bytes) -> None:
    """With what it means to do without it; a line that says nothing is none."""
    before = journal.read_bytes()
    journal.write_bytes(before + damage)
    if damage == b"{}\n":
        release.sign()
        return
    with pytest.raises(StatusError, match=r"is damaged .* takes new leaves: remove it"):
        release.sign()
    assert journal.read_bytes() == before + damage


def test_a_journal_of_a_later_version_is_left_alone(release: Release, journal: Path) -> None:
    """It is not damaged."""
    head, *rest = journal.read_bytes().splitlines(keepends=True)
    later = json.dumps(json.loads(head) | {"version": 2}).encode() + b"\n"
    journal.write_bytes(b"".join([later, *rest]))
    with pytest.raises(StatusError, match="written by a newer version of seemachine"):
        release.sign()


def test_keys_have_journals_of_their_own(release: Release, journal: Path) -> None:
    """Another key does not touch it."""
    release.rig.share("other", tree="sha256_m24_h5", ots="sha256_n24_w4")
    assert release.sign("other") == {"a": "signed", "b": "signed"}
    assert journal.exists()
