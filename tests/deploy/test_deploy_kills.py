"""Killed in the middle of a file, or a tool that leaves no file: what is half is never taken for
whole.
"""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from deploy.desk import FIVE, XC, Desk, Killed
from nshield.journal import Journal


def test_a_release_that_was_killed_while_it_was_unpacked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a program is never taken for one: each file is there whole or not at all; what was put
    beside them stays.
    """
    with zipfile.ZipFile("release.zip") as archive:
        whole = {name: archive.read(name) for name in archive.namelist()}
    for count in range(len(whole)):
        copied = iter(range(len(whole)))

        def half(
            source: object, target: object, *_: object, copied: object = copied, count: int = count
        ) -> None:
            target.write(source.read()[: None if next(copied) < count else 5])  # type: ignore[attr-defined,call-overload]
            if next(iter([copied.__length_hint__()])) < len(whole) - count:  # type: ignore[attr-defined]
                raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(shutil, "copyfileobj", half)
            with pytest.raises(Killed):
                desk.deploy("5c")
        for name, content in whole.items():
            path = Path("pqcop-5c") / name
            assert not path.exists() or path.read_bytes() == content
    beside = Path("pqcop-5c/pqsdk-1.4.1-win64/put-beside")
    beside.parent.mkdir(parents=True, exist_ok=True)
    beside.write_text("kept")
    Path("pqcop-5c/pqsdk-1.4.1-win64/network.json").unlink(missing_ok=True)
    assert "send" in desk.stopped(3, "5c")
    assert {name: (Path("pqcop-5c") / name).read_bytes() for name in whole} == whole
    assert os.access("pqcop-5c/pqsdk-1.4.1-win64/pipsqueak", os.X_OK)
    assert beside.read_text() == "kept"
    assert not Path("pqcop-5c/unpacking").exists()


def test_a_damaged_release(desk: Desk) -> None:
    """A zip that is damaged is named."""
    content = bytearray(Path("release.zip").read_bytes())
    content[60] ^= 0xFF
    Path("release.zip").write_bytes(content)
    assert "can't be unpacked" in desk.stopped(1, "5c")
    Path("release.zip").write_bytes(b"no zip")
    assert "can't be unpacked" in desk.stopped(1, "5c")


def test_a_journal_is_old_or_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while it is written, it is what it was before; a note that is dropped is gone; each
    module has its own.
    """
    journal = Journal(tmp_path)
    journal.note("A", one=1, two=2)
    journal.note("A", two=None)
    journal.note("B", one=3)

    def half(_values: object, file: object, **_: object) -> None:
        file.write("{")  # type: ignore[attr-defined]
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(json, "dump", half)
        with pytest.raises(Killed):
            journal.note("A", one=4)
    again = Journal(tmp_path)
    assert [
        again.get("A", "one"),
        again.get("A", "two"),
        again.get("B", "one"),
        again.get("C", "one"),
    ] == [1, None, 3, None]


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"modules": 1}', '{"modules": {"A": 1}}', '{"made": []}', "\udcff"]
)
def test_a_journal_of_another_form(text: str, tmp_path: Path) -> None:
    """It is refused with its name and what to do."""
    (tmp_path / "journal.json").write_text(text, errors="surrogateescape")
    with pytest.raises(ValueError, match=r"journal.json is damaged .* remove it"):
        Journal(tmp_path)


def set_up_and_away(desk: Desk, output: str) -> tuple[str, ...]:
    """The command that made a file, all made and taken down again."""
    if output.endswith(".sar"):
        words = ("xc", "--module", "2", "--yes")
        desk.done(*words)
    else:
        words = ("5c",)
        desk.set_up_5c()
    desk.done(*words, "--uninstall", *([] if "--yes" in words else ["--yes"]))
    return words


@pytest.mark.parametrize(
    "output", ["userdata.raw", "pqsdk.cs5", "pqsdk-signed.cs5", "pqsdk-1.4.1.sar", "userdata.sar"]
)
def test_a_tool_that_writes_nothing(output: str, desk: Desk) -> None:
    """What was there before is never taken for what a tool should have made: it is away before the
    call, and its absence is seen after.
    """
    words = set_up_and_away(desk, output)
    path = Path(f"pqcop-{words[0]}") / output
    path.write_text("old")
    there = []

    def remove(call: str, made: bool) -> None:
        if call.endswith(output) or f" -o {output} " in call or f"--out {output} " in call:
            there.append(path.exists())
            path.unlink(missing_ok=True)

    desk.watch = remove
    for _ in range(2):
        assert "the calls went well, and still it is not so" in desk.stopped(1, *words)
    assert there == [False, True] * 2


def test_a_module_is_cleared_after_a_kill(desk: Desk) -> None:
    """Stopped by others, destroyed by a run that was killed then: the module is still cleared."""
    desk.set_up_5c()
    [loaded] = desk.site.module(FIVE).loaded
    desk.site.done("csadmin", "stop", "--esn", FIVE, "--uuid", loaded.uuid)

    def kill(call: str, made: bool) -> None:
        if call.startswith("csadmin destroy") and made:
            raise Killed

    desk.watch = kill
    with pytest.raises(Killed):
        desk.deploy("5c", "--uninstall", "--yes")
    desk.watch = lambda *_: None
    desk.done("5c", "--uninstall", "--yes")
    assert desk.calls[0] == "nopclearfail -c -m 1"


@pytest.mark.parametrize("made", [False, True], ids=["before", "after"])
def test_a_configuration_that_was_begun(made: bool, desk: Desk) -> None:
    """Killed before or after an XC's configuration was made: the uninstall takes all of it away, be
    it there or not.
    """

    def kill(call: str, now: bool) -> None:
        if call.startswith("loadsee-setup --setup") and now is made:
            raise Killed

    desk.watch = kill
    with pytest.raises(Killed):
        desk.deploy("xc", "--module", "2", "--yes")
    desk.watch = lambda *_: None
    desk.done("xc", "--module", "2", "--uninstall", "--yes")
    assert [call.split()[:2] for call in desk.calls] == [
        ["loadsee-setup", "-r"],
        ["nopclearfail", "-c"],
        ["python3", "pqsdk-1.4.1-win64/removepubobj.py"],
    ]
    assert desk.banner() == "PQSDK: 1.4.1 ()"
    assert "nothing to do" in desk.done("xc", "--module", "2", "--uninstall")[-1]


def test_a_configuration_that_was_erased_before_the_kill(desk: Desk) -> None:
    """The XC still runs, its configuration is gone: the uninstall goes on to the clear."""
    desk.done("xc", "--module", "2", "--yes")

    def erase(call: str, made: bool) -> None:
        if call.startswith("loadsee-setup -r") and not made:
            desk.site.done("loadsee-setup", "-r", "-m", "2", typed=("yes", "no"))
            raise Killed

    desk.watch = erase
    with pytest.raises(Killed):
        desk.deploy("xc", "--module", "2", "--uninstall", "--yes")
    desk.watch = lambda *_: None
    assert XC in desk.banner()
    desk.done("xc", "--module", "2", "--uninstall", "--yes")
    assert desk.banner() == "PQSDK: 1.4.1 ()"
