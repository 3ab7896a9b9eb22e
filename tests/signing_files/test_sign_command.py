"""`seemachine sign`: what becomes of files, folders, standard input; and how many leaves that
takes.
"""

import hashlib
import json
import os
import resource
import stat
import tempfile
from pathlib import Path

import pytest
from kit.typed import Command, Leaves, Run, pipe_in
from seeclient import verify
from signing_files.named_files import check, put

from seemachine.encodings.forms import recognized_key
from seemachine.encodings.kinds import bytes_of
from seemachine.testing import BlockingFleet


def test_a_file_is_signed_once(fleet: BlockingFleet, done: Run, leaves: Leaves) -> None:
    """Beside it, for everybody to read; it says over which bytes; the next time it is kept."""
    put("a")
    told = done("sign rel a")
    assert "a.sig: signed with leaf" in told
    assert told.endswith("\n1 signed\n")
    assert check(fleet, Path("a"), "a.sig") == "lms"
    assert stat.S_IMODE(Path("a.sig").stat().st_mode) == 0o644
    before = Path("a.sig").read_bytes()
    assert "a.sig: already signed\n0 signed, 1 already signed" in done("sign rel a --force")
    assert (Path("a.sig").read_bytes(), leaves()) == (before, 1)
    assert sorted(map(str, Path().iterdir())) == ["a", "a.sig"]


def test_files_and_folders_go_into_one(fleet: BlockingFleet, done: Run, leaves: Leaves) -> None:
    """By their paths; links are skipped; a folder within the one that is signed is left out."""
    put("a", "d/x", "d/sub/y")
    Path("d/link").symlink_to("x")
    told = done("sign rel a d --out d/sigs --yes")
    assert "d/link: skipped, it is a link to x\n" in told
    assert "3 signed, 1 skipped" in told
    assert "3 already signed, 1 skipped" in done("sign rel a d --out d/sigs --yes")
    for name in ("a", "x", "sub/y"):
        check(fleet, Path(name if name == "a" else f"d/{name}"), f"d/sigs/{name}.sig")
    assert (stat.S_IMODE(Path("d/sigs/sub").stat().st_mode), leaves()) == (0o755, 3)


def test_one_file_takes_one_leaf(done: Run, refused: Run, leaves: Leaves) -> None:
    """However often it is named; a link beside it has a signature of its own."""
    put("a")
    assert "1 signed" in done("sign rel a ./a a")
    assert leaves() == 1
    here = Path("a").resolve()
    assert f"a and {here} are one file; name it once" in refused(f"sign rel a {here} --out b --yes")
    Path("link").symlink_to("a")
    assert "1 signed, 1 already signed" in done("sign rel a link")
    assert leaves() == 1


def test_files_of_more_folders_than_may_be_open(done: Run) -> None:
    """Each is held meanwhile: the limit is raised as far as the system lets it be."""
    names = [f"{number}/a" for number in range(40)]
    put(*names)
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = len([*Path("/proc/self/fd").iterdir()]) + len(names)
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, allowed[1]))
    try:
        assert "40 signed" in done(f"sign ml {' '.join(names)}")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, allowed)


@pytest.mark.parametrize("form", ["lms", "hss", "base64", "json"])
def test_each_form(form: str, fleet: BlockingFleet, done: Run) -> None:
    """Is read as what it is."""
    put("a")
    done(f"sign rel a --format {form} --out made")
    assert check(fleet, Path("a"), "made") == form


@pytest.mark.parametrize("form", ["raw", "base64", "json"])
def test_mldsa(form: str, fleet: BlockingFleet, done: Run) -> None:
    """In its forms, of several files, and nobody is asked."""
    put("a", "b")
    done(f"sign ml a b --format {form} --out made")
    suffix = {"raw": "sig", "base64": "b64", "json": "json"}[form]
    assert check(fleet, Path("b"), f"made/b.{suffix}", "ml") == form
    assert "2 already signed" in done(f"sign ml a b --format {form} --out made")


def test_another_form_takes_no_leaf(
    fleet: BlockingFleet,
    done: Run,
    refused: Run,
    leaves: Leaves,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is good is written anew with --force alone, and is on the disk before it takes the place
    of the only other copy.
    """
    put("a")
    done("sign rel a")
    assert "write it in the form hss with --force, which takes no leaf" in refused(
        "sign rel a --format hss"
    )
    flushed, fsync = [], os.fsync

    def flush(file: int) -> None:
        flushed.append(os.fstat(file).st_ino)
        fsync(file)

    monkeypatch.setattr(os, "fsync", flush)
    done("sign rel a --format hss --force")
    assert (check(fleet, Path("a"), "a.sig"), leaves()) == ("hss", 1)
    assert Path("a.sig").stat().st_ino in flushed


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_a_digest_is_signed(name: str, fleet: BlockingFleet, done: Run) -> None:
    """In place of the file, and it says so."""
    put("a")
    told = done(f"sign rel a --digest {name}")
    digest = hashlib.new(name, b"a").digest()
    assert f"over the {len(digest)} bytes of the SHA-{name[3:]} of the file, not the file" in told
    check(fleet, digest, "a.sig")
    assert "1 already signed" in done(f"sign rel a --digest {name}")


def test_a_preset_says_how_to_export_its_key(done: Run) -> None:
    """In the last line: typed, it gives a key that the signature is one of."""
    put("a")
    told = done("sign rel a --preset jdk").splitlines()[-1]
    assert told.startswith("the JDK takes the public key from: seemachine key export rel")
    done(told.partition(": seemachine ")[2].replace("FILE", "key"))
    form, key = recognized_key(Path("key").read_bytes())
    assert form == "der"
    verify(Path("a"), Path("a.sig").read_bytes(), bytes_of(key))


def test_several_leaves_are_asked_for(
    command: Command, leaves: Leaves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first is taken: on a terminal, or with --yes."""
    put("a", "b")
    code, _, told = command("sign rel a b")
    assert (code, leaves()) == (2, 0)
    assert "signing takes 2 of the" in told
    assert "nobody can be asked before" in told
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, wanted, taken in (("no\n", 1, 0), ("y\n", 0, 2)):
        monkeypatch.setattr("sys.stdin.readline", lambda answer=answer: answer, raising=False)
        assert (command("sign rel a b")[0], leaves()) == (wanted, taken)


REFUSED = {
    "rel": "name files, folders, - for standard input, or a list",
    "rel nosuch": "nosuch: No such file or directory",
    "nosuch a": "there is no key named nosuch",
    "rel a --format raw": (
        "raw is not a form of an LMS signature, and rel is an LMS key; use one of lms, hss, base64,"
        " json"
    ),
    "ml a --format hss": (
        "hss is not a form of an ML-DSA signature, and ml is an ML-DSA key; use one of raw, base64,"
        " json"
    ),
    "rel d": "d is a folder; name one for its signatures with --out",
    "rel d --out d": "must not be d, which is signed, or a folder above it",
    "rel d --out .": "must not be d, which is signed, or a folder above it",
    "rel e --out s": "e has no files; nothing was signed",
    "rel a b --out there": "there is a file; the signatures of several files",
    "rel a --out there": "there is there and is not a signature; remove it",
    "rel a --out there --force": "there is there and is not a signature; remove it",
    "rel a --out other.sig": "other.sig does not match a; replace it with --force",
    "rel a --out link": "link is there and is not a regular file; remove it",
    "rel a --out /dev/full": "/dev/full is not a regular file; name one, or - for standard output",
    "rel a --out /dev/stdout": "/dev/stdout is not a regular file; name one, or - for standard",
    "rel a --out /dev/fd/1": "/dev/fd/1 is not a regular file; name one, or - for standard output",
    "rel a --out pipe": "pipe is not a regular file; name one, or - for standard output",
    "rel a --out no/such": "there is no folder no; make it first",
    "rel a d/a --out s": "a and d/a would both have their signature in s/a.sig",
    "rel a a.sig": "a.sig is where the signature of a goes, and is to be signed itself",
    "rel a --out -  --json": "--json has standard output; name a file with --out",
    "rel a b --out -": "standard output takes one signature",
    "rel a --preset jdk --format hss": "--preset says form and digest",
    "rel - -": "standard input can be one thing",
    "ml a --acknowledge x": "ML-DSA",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_refused_takes_no_leaf(
    words: str, refused: Run, done: Run, leaves: Leaves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves everything as it was; even where other files could be signed."""
    pipe_in(monkeypatch, b"x")
    put("a", "b", "a.sig", "d/a", "d/other", "there")
    Path("e").mkdir()
    Path("link").symlink_to("b")
    os.mkfifo("pipe")
    if "other.sig" in words:
        done("sign rel d/other --out other.sig")
        leaves()
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert REFUSED[words] in refused(f"sign {words} --yes")
    assert leaves() == 0
    found = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert found == before


def test_a_file_in_memory(done: Run) -> None:
    """Is a file as any other, though it is below /dev."""
    put("a")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        done(f"sign rel a --out {folder}/made")
        assert Path(folder, "made").is_file()


def test_what_was_changed_is_signed_with_force(
    fleet: BlockingFleet, done: Run, refused: Run, leaves: Leaves
) -> None:
    """The signature of what a file was before is not replaced unasked."""
    put("a", "b")
    done("sign rel a b --yes")
    Path("a").write_text("changed")
    assert "a.sig does not match a; replace it with --force" in refused("sign rel a b")
    told = json.loads(done("sign rel a b --force --json"))
    assert {each["file"]: each["outcome"] for each in told["files"]} == {"a": "signed", "b": "kept"}
    assert [told[name] for name in ("signed", "kept", "failed")] == [1, 1, 0]
    check(fleet, Path("a"), "a.sig")
    assert leaves() == 3


def test_what_is_all_there_needs_no_machine(
    done: Run, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Good signatures are known to be good by the key file."""
    put("a", "b")
    done("sign rel a")
    monkeypatch.setenv("SEEMACHINE_FLEET", "127.0.0.1:1")
    assert "1 already signed" in done("sign rel a")
    code, _, told = command("sign rel a b")
    assert code == 1
    assert "b: no HSM answers" in told
    assert "1 of 2 are not signed" in told


def test_signatures_in_a_folder_are_told_of(done: Run, command: Command, leaves: Leaves) -> None:
    """They are signed, too, as all files are; a signature of no file there is one of the files."""
    put("d/x", "d/y", "d/z.sig")
    done("sign rel d/x")
    Path("d/y.p7s").write_bytes(b"m")
    code, _, told = command("sign rel d --out o --yes")
    assert (code, leaves()) == (0, 6)
    assert "2 of these files are signatures themselves (d/x.sig, and 1 more)" in told
    assert "are signatures" not in command("sign rel d --out o --yes")[2]
