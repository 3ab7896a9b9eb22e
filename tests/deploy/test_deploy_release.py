"""The release's zip file and the container's root tree: whole or not at all, whatever form they
have, and nothing of the user's removed.
"""

import zipfile
from pathlib import Path

import pytest
from deploy.desk import FIVE, Desk
from nshield import command, zips

UNPACKED = Path("pqcop-5c/pqsdk-1.4.1-win64")


def rezip(target: Path, names: dict[str, str], *, first: str = "") -> None:
    """The release again, its names changed by prefix, perhaps with another entry before all."""
    with zipfile.ZipFile("release.zip") as source, zipfile.ZipFile(target, "w") as made:
        if first:
            made.writestr(first, "in the way")
        for entry in source.infolist():
            content = source.read(entry)
            for old, new in names.items():
                entry.filename = entry.filename.replace(old, new, 1)
            if entry.filename:
                made.writestr(entry, content)


def test_what_others_half_unpacked_is_not_the_release(desk: Desk) -> None:
    """All names are there, a program is cut: it is unpacked again, once; what was put beside it
    stays.
    """
    UNPACKED.mkdir(parents=True)
    with zipfile.ZipFile("release.zip") as archive:
        archive.extractall("pqcop-5c")
        program = archive.read("pqsdk-1.4.1-win64/pqsdk-1.4.1.bin")
    (UNPACKED / "pqsdk-1.4.1.bin").write_bytes(program[: len(program) // 2])
    (UNPACKED / "removepubobj.py").write_text("put beside")
    Path("without.zip").write_bytes(Path("release.zip").read_bytes())
    desk.stopped(3, "5c")
    assert (UNPACKED / "pqsdk-1.4.1.bin").read_bytes() == program
    (UNPACKED / "network.json").write_text("mine")
    desk.stopped(3, "5c")
    assert (UNPACKED / "network.json").read_text() == "mine"


def test_another_zip_file_is_unpacked(desk: Desk) -> None:
    """The names are the same, the program is not."""
    desk.stopped(3, "5c")
    with zipfile.ZipFile("release.zip") as old, zipfile.ZipFile("other.zip", "w") as new:
        for entry in old.infolist():
            new.writestr(
                entry, old.read(entry) + (b"\n" if entry.filename.endswith(".bin") else b"")
            )
    desk.stopped(3, "5c", "--release", "other.zip")
    assert (UNPACKED / "pqsdk-1.4.1.bin").read_bytes().endswith(b"\n")


@pytest.mark.parametrize(
    ("names", "first", "name", "folder"),
    [
        ({"pqsdk-1.4.1-win64/": ""}, "", "flat.zip", "flat"),
        ({}, "__MACOSX/._pqsdk-1.4.1-win64", "mac.zip", "pqsdk-1.4.1-win64"),
        ({}, "", "LOUD.ZIP", "pqsdk-1.4.1-win64"),
        ({"pqsdk-1.4.1-win64/": "deep/er/"}, "README.txt", "deep.zip", "deep/er"),
    ],
)
def test_forms_of_a_zip_file(
    names: dict[str, str], first: str, name: str, folder: str, desk: Desk
) -> None:
    """Without a top folder, packed on a Mac, in capitals, deeper than usual: the release is where
    userdatatool.py is.
    """
    rezip(Path(name), names, first=first)
    assert "send" in desk.stopped(3, "5c", "--release", name)
    assert (Path("pqcop-5c") / folder / "userdatatool.py").exists()
    assert zips.unpacked(Path(name), Path("pqcop-5c")) == Path("pqcop-5c") / folder


@pytest.mark.parametrize("name", ["../out", "/tmp/out-of-the-zip", "a/../../out"])
def test_a_zip_file_that_reaches_elsewhere(name: str, desk: Desk) -> None:
    """It is refused, and nothing of it is unpacked."""
    rezip(Path("evil.zip"), {}, first=name)
    assert "would be written elsewhere" in desk.stopped(1, "5c", "--release", "evil.zip")
    assert not UNPACKED.exists()


@pytest.mark.parametrize("rootdir", ["pqcop-5c/container", "pqcop-5c", "."])
def test_a_root_tree_in_the_work_folder(
    rootdir: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """The work folder, in it or around it: what the run makes anew there is the user's; it is
    refused as wrong usage, and kept.
    """
    kept = Path("pqcop-5c/container/usr/bin/entrypoint")
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    assert desk.deploy("5c", "--rootdir", rootdir)[0] == 2
    assert command.main("5c", ["--dry-run", "--rootdir", rootdir]) == 2
    assert "rootdir must be outside of the work folder" in capsys.readouterr().err
    assert kept.read_text() == "mine"


def test_a_tree_that_can_not_be_copied_leaves_the_old_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for the new tree: the old one is still there, and the next run makes it."""
    desk.set_up_5c()
    desk.done("5c", "--uninstall", "--yes")
    entry = Path("pqcop-5c/container/usr/bin/entrypoint")
    Path("pqcop-5c/userdata.raw").unlink()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("nshield.image.shutil.copy", full)
        said = desk.stopped(1, "5c", "--signer", "second")
    assert "No space left" in said
    assert entry.exists()
    desk.done("5c", "--signer", "second")
    assert FIVE in desk.banner()
