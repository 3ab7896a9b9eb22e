"""Which files `seemachine sign` takes, and where their signatures go; `verify` agrees."""

import hashlib
import os
from pathlib import Path

import pytest
from kit.typed import Command, Leaves, Run
from signing_files.named_files import check, put

from seemachine.testing import BlockingFleet

VERIFY = "verify --key key --signature s d"


def files_below(folder: Path) -> list[Path]:
    """All of them."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def key(done: Run) -> None:
    """The public key, in a file."""
    done("key export rel --out key")


def test_a_list_of_one_file_has_a_folder(done: Run, refused: Run, leaves: Leaves) -> None:
    """As one of several has, and as a folder of one file, whatever else is named."""
    put("a", "d/x", "there")
    Path("sums").write_text(f"{hashlib.sha256(b'a').hexdigest()}  a\n")
    done("sign rel --manifest sums --out s")
    done("sign rel d d/x --out t")
    assert [Path("s/a.sig").is_file(), Path("t/x.sig").is_file(), leaves()] == [True, True, 2]
    told = refused("sign rel --manifest sums --out there")
    assert "there is a file; the signatures of several files, of a folder or of a list go" in told
    assert leaves() == 0


@pytest.mark.parametrize("target", ["x", "sub", "chain", "."])
def test_links_to_what_is_signed_are_skipped_by_name(
    target: str, key: None, done: Run, command: Command, leaves: Leaves
) -> None:
    """By `verify`, too: what they lead to is verified."""
    del key
    put("d/x", "d/sub/y")
    Path("d/chain").symlink_to("x")
    Path("d/link").symlink_to(target)
    told = done("sign rel d --out s --yes")
    assert f"d/link: skipped, it is a link to {'x' if target == 'chain' else target}\n" in told
    assert leaves() == 2
    code, told, _ = command(VERIFY)
    assert "d/link: skipped" in told
    assert "2 of 2 verified" in told
    assert code == 0


@pytest.mark.parametrize("target", ["../elsewhere", "nowhere", "loop", "../s", "../s/x.sig", ".."])
def test_other_links_are_told_of(
    target: str, key: None, command: Command, leaves: Leaves, done: Run
) -> None:
    """`sign` says that `verify` refuses the folder, and `verify` does."""
    del key
    put("d/x", "elsewhere")
    done("sign rel d --out s")
    Path("d/loop").symlink_to("loop")
    Path("d/link").symlink_to(target)
    told = command("sign rel d --out s")
    assert "d/link is a link: not signed, and `seemachine verify` refuses its folder" in told[2]
    Path("d/loop").unlink()
    code, _, told_so = command(VERIFY)
    assert (code, leaves()) == (2, 1)
    assert "d/link is a link, which is not verified; take it out of d" in told_so


@pytest.mark.parametrize("name", ["s.bin", "fake.sig", "x.json"])
def test_files_among_signatures_are_not_left_out(
    name: str, key: None, done: Run, command: Command, leaves: Leaves
) -> None:
    """Where the folder of the signatures is within the one that is signed, it has nothing else:
    neither `sign` nor `verify` goes on, before the first leaf.
    """
    del key
    put("d/x")
    done("sign rel d --out d/s")
    assert leaves() == 1
    put(f"d/s/{name}", "d/new")
    for line in ("sign rel d --out d/s --yes", "verify --key key --signature d/s d"):
        code, _, told = command(line)
        assert f"d/s/{name} is not a signature, and is left out with d/s" in told
        assert (code, leaves()) == (1 if line.startswith("sign") else 2, 0)
    Path(f"d/s/{name}").unlink()
    done("sign rel d --out d/s --yes")
    done("verify --key key --signature d/s d")
    assert leaves() == 1


@pytest.mark.parametrize("words", ["a", "d --out s", "a --out -", "--manifest sums --out s"])
def test_an_empty_file_takes_no_leaf(
    words: str, refused: Run, command: Command, leaves: Leaves, tmp_path: Path
) -> None:
    """Whatever it was named by; with --allow-empty it does."""
    for name in ("a", "d/a"):
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    Path("sums").write_text(f"{hashlib.sha256(b'').hexdigest()}  a\n")
    before = files_below(tmp_path)
    told = refused(f"sign rel {words} --format base64")
    assert "a is empty; nothing was signed; to sign it, too, add --allow-empty" in told
    assert (leaves(), files_below(tmp_path)) == (0, before)
    assert command(f"sign rel {words} --format base64 --allow-empty")[0] == 0
    assert leaves() == 1


def test_a_file_that_is_emptied_while_a_person_thinks_takes_no_leaf(
    refused: Run, leaves: Leaves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does any other of that run."""
    put("a", "b")
    monkeypatch.setattr("seemachine.cli.leaves.ask", lambda *_, **__: os.truncate("b", 0))
    assert "b is empty; nothing was signed" in refused("sign rel a b")
    assert leaves() == 0


def test_what_is_signed_and_empty_stays(done: Run, leaves: Leaves) -> None:
    """It takes no leaf, and needs no word."""
    Path("a").write_bytes(b"")
    done("sign rel a --allow-empty")
    assert "1 already signed" in done("sign rel a")
    assert leaves() == 1


@pytest.mark.parametrize("out", ["", " --out s"])
def test_signatures_beside_their_files_are_skipped(
    out: str, fleet: BlockingFleet, done: Run, leaves: Leaves
) -> None:
    """As `sign KEY *` names them the second time."""
    put("a", "b")
    done("sign rel a")
    told = done(f"sign rel a a.sig b --yes{out}")
    assert "a.sig: skipped, it is the signature of a\n" in told
    assert leaves() == (3 if out else 2)
    check(fleet, Path("b"), f"{'s/' if out else ''}b.sig")
    assert not list(Path().rglob("*.sig.sig"))


def test_who_signs_a_signature_is_asked(
    command: Command, leaves: Leaves, done: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it is one file: its file may have been meant. --yes goes on, with a line."""
    put("a")
    done("sign rel a")
    assert leaves() == 1
    code, _, told = command("sign rel a.sig")
    assert "1 of these files is a signature itself (a.sig)" in told
    assert "signing takes 1 of the" in told
    assert (code, leaves()) == (2, 0)
    code, _, told = command("sign rel a.sig --yes")
    assert "is a signature itself" in told
    assert (code, leaves()) == (0, 1)
    put("b")
    assert command("sign rel a.sig b")[::2] == (0, "")
    assert leaves() == 1


def test_with_yes_nothing_is_said_of_leaves(command: Command) -> None:
    """Nobody is asked: standard error has nothing."""
    put("a", "b")
    assert command("sign rel a b --yes")[::2] == (0, "")


def test_a_link_that_is_named_as_a_signature_is_signed(done: Run, leaves: Leaves) -> None:
    """What it leads to is what it has, whether that is a signature or not."""
    put("a", "b.json")
    done("sign rel a")
    Path("latest.json").symlink_to("b.json")
    Path("latest.sig").symlink_to("a.sig")
    assert "1 signed" in done("sign rel latest.json")
    assert "1 signed" in done("sign rel latest.sig --yes")
    assert leaves() == 3
