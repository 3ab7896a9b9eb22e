"""Lists of digests: what is read, what is refused, and that a file that differs is not signed."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.typed import Leaves, Run
from signing_files.named_files import put

from seemachine.signing_files import manifests
from seemachine.signing_files.sources import Source
from seemachine.wire.status import StatusError

SIZES = {"sha256": 64, "sha384": 96, "sha512": 128}


def read(data: bytes) -> list[Source]:
    """The files of a list."""
    return list(manifests.sources(Path("-"), data))


def escaped(name: str) -> tuple[str, str]:
    """As sha256sum writes a name: what is before the digest, and the name."""
    told = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return ("\\" if told != name else ""), told


NAMES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20
)


@given(NAMES, st.sampled_from([*SIZES]), st.sampled_from(["  ", " *", "tag"]), st.data())
def test_what_the_tools_print_is_read(
    name: str, kind: str, style: str, data: st.DataObject
) -> None:
    """Whatever is in a name."""
    digest = data.draw(st.binary(min_size=SIZES[kind] // 2, max_size=SIZES[kind] // 2))
    mark, told = escaped(name)
    line = f"{mark}{digest.hex()}{style}{told}"
    if style == "tag":
        line = f"{mark}{kind.upper()} ({told}) = {digest.hex()}"
    [found] = read(f"{line}\n".encode())
    assert (found.name, found.stated) == (name, (kind, digest))


REFUSED = {
    "": "standard input lists no files",
    "\n \n": "standard input lists no files",
    "hello": "line 1: it is not DIGEST  NAME, as sha256sum prints it",
    f"{'a' * 64} x": "line 1: it is not DIGEST  NAME",
    f"\n{'a' * 40}  x": "line 2: a digest of 40 digits is none of sha256, sha384, sha512",
    f"MD5 (x) = {'a' * 32}": "MD5 is none of sha256",
    f"SHA256 (x) = {'a' * 63}": "63 digits are no SHA-256",
    f"\\{'a' * 64}  x\\y": "a backslash in a name stands before a backslash, n or r",
    f"{'a' * 64}  x\0y": "a name has no zero byte",
}


@pytest.mark.parametrize("text", REFUSED)
def test_other_lists_are_refused(text: str) -> None:
    """With the line."""
    with pytest.raises(StatusError) as refusal:
        read(text.encode())
    assert REFUSED[text] in refusal.value.detail


def test_files_of_a_list_are_signed(done: Run, leaves: Leaves) -> None:
    """By their paths in it, after their digests are checked."""
    put("a", "d/x")
    Path("sums").write_text("".join(f"{digest(name)}  {name}\n" for name in ("a", "d/x")))
    assert "2 signed" in done("sign rel --manifest sums --out sigs --yes")
    assert sorted(map(str, Path("sigs").rglob("*.sig"))) == ["sigs/a.sig", "sigs/d/x.sig"]
    assert leaves() == 2


@pytest.mark.parametrize("out", ["--out sigs", "--out -", ""])
def test_one_that_differs_stops_all(out: str, refused: Run, leaves: Leaves) -> None:
    """Before the first leaf."""
    put("a", "b")
    names = ("b",) if out == "--out -" else ("a", "b")
    Path("sums").write_text("".join(f"{digest(name)}  {name}\n" for name in names))
    Path("b").write_text("changed")
    told = refused(f"sign rel --manifest sums --format base64 --yes {out}")
    assert "b has another SHA-256 than the list states" in told
    assert leaves() == 0
    assert not Path("a.b64").exists()


def test_one_that_is_listed_twice_is_signed_once(done: Run, refused: Run, leaves: Leaves) -> None:
    """However its name is written; with two digests of it no list can be right."""
    put("a")
    line = f"{digest('a')}  a\n"
    Path("sums").write_text(f"{line}{line}{digest('a')}  ./a\n")
    assert "1 signed" in done("sign rel a --manifest sums --out sigs")
    assert leaves() == 1
    longer = hashlib.sha512(b"a").hexdigest()
    for other in ("0" * 64, longer):
        Path("sums").write_text(f"{other}  a\n{line}")
        assert "a is listed twice, with two digests" in refused("sign rel --manifest sums --out s")
    assert leaves() == 0


def test_one_that_changes_while_a_person_thinks_takes_no_leaf(
    refused: Run, leaves: Leaves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does any other of the list."""
    put("a", "b")
    Path("sums").write_text("".join(f"{digest(name)}  {name}\n" for name in ("a", "b")))

    def asked(*_: object, **__: object) -> None:
        Path("b").write_text("changed")

    monkeypatch.setattr("seemachine.cli.leaves.ask", asked)
    assert "b has another SHA-256 than the list states" in refused("sign rel --manifest sums")
    assert leaves() == 0
    assert not Path("a.sig").exists()


def test_names_that_lead_elsewhere_stay_where_they_are(
    refused: Run, done: Run, tmp_path: Path
) -> None:
    """With --out they have no place; without, their signatures are beside them."""
    put("elsewhere/a", "here/b")
    path = tmp_path / "elsewhere/a"
    Path("sums").write_text(f"{digest('elsewhere/a')}  {path}\n{digest('here/b')}  here/b\n")
    assert f"{path} has no place in sigs" in refused("sign rel --manifest sums --out sigs --yes")
    done("sign rel --manifest sums --yes")
    assert path.with_name("a.sig").exists()


def digest(name: str) -> str:
    """Of a file, in hexadecimal."""
    return hashlib.sha256(Path(name).read_bytes()).hexdigest()
