"""What a wheel's name says is in it, what else is, and what is said where the engine is missing."""

import email
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from kit.processes import environment
from package.building import NO_COMPILER, ROOT, run, sources, wheel
from seeclient import library

import seemachine

ENGINE = "seemachine/lms/engines/_native.abi3.so"
NOTE = "seemachine/lms/engines/not_built.txt"
LIBRARIES = [f"seeclient/library/{file}" for file in library.FILES.values()]
NOTES = {NOTE, *(f"{each}.not_built.txt" for each in LIBRARIES)}


def can_compile() -> bool:
    """Whether the engine can be built here."""
    headers = Path(sysconfig.get_path("include"), "Python.h")
    compiler = os.environ.get("CC", sysconfig.get_config_var("CC") or "cc").split()[0]
    return headers.exists() and shutil.which(compiler) is not None


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], zipfile.ZipFile]:
    """A wheel built by a C compiler of that name, or by the usual one."""
    built: dict[str, zipfile.ZipFile] = {}

    def one(compiler: str = "") -> zipfile.ZipFile:
        if compiler not in built:
            variables = {"CC": compiler} if compiler else {}
            built[compiler] = zipfile.ZipFile(wheel(tmp_path_factory.mktemp("wheel"), **variables))
        return built[compiler]

    return one


@pytest.fixture
def native(build: Callable[[str], zipfile.ZipFile]) -> zipfile.ZipFile:
    """One with the engine; skips where none can be built."""
    if not can_compile():
        pytest.skip("no C compiler, or no headers of Python, here")
    return build("")


@pytest.fixture
def pure(build: Callable[[str], zipfile.ZipFile]) -> zipfile.ZipFile:
    """One that was built without a compiler."""
    return build(NO_COMPILER)


def tag(archive: zipfile.ZipFile) -> str:
    """The end of its name."""
    return Path(str(archive.filename)).name.split("-", 2)[2]


def metadata(archive: zipfile.ZipFile) -> email.message.Message:
    """What an index shows."""
    [name] = [name for name in archive.namelist() if name.endswith("dist-info/METADATA")]
    return email.message_from_bytes(archive.read(name))


def test_a_native_wheel_is_for_this_platform_and_every_python(native: zipfile.ZipFile) -> None:
    """Its tag names the stable ABI; the engine and the C libraries are in it, and no note. Which
    Python runs the helper is found where it is installed.
    """
    assert re.fullmatch(r"cp311-abi3-(?!any)\w+\.whl", tag(native))
    assert {ENGINE, *LIBRARIES} <= set(native.namelist())
    assert not NOTES & set(native.namelist())
    assert "seeclient/library/python" not in native.namelist()


def test_a_wheel_without_the_engine_is_for_every_platform(pure: zipfile.ZipFile) -> None:
    """Its tag says so, and a note in it says why."""
    assert tag(pure) == "py3-none-any.whl"
    assert not [name for name in pure.namelist() if name.endswith(".so")]
    for note in NOTES:
        assert pure.read(note).decode() == (
            f"there was no C compiler ({NO_COMPILER}) when seemachine was installed\n"
        )


def test_an_install_that_stays_in_its_clone_knows_why_too(tmp_path: Path) -> None:
    """The note is in the sources, and goes once the engine is built."""
    source = sources(tmp_path)
    words = ["setup.py", "--quiet", "build_ext", "--inplace"]
    run(source, *words, CC=NO_COMPILER)
    places = [source / ENGINE, *(source / "client" / each for each in LIBRARIES)]
    notes = [source / NOTE, *(source / "client" / note for note in NOTES - {NOTE})]
    for note in notes:
        assert note.read_text().startswith(f"there was no C compiler ({NO_COMPILER}) ")
    if can_compile():
        run(source, *words)
        assert all(place.exists() for place in places)
        assert not any(note.exists() for note in notes)
        named = source / "client/seeclient/library/python"
        assert named.read_text() == f"{sys.executable}\n"


def test_the_page_names_each_extra_and_what_it_installs(pure: zipfile.ZipFile) -> None:
    """As the wheel itself tells pip."""
    found: dict[str, set[str]] = {}
    for line in metadata(pure).get_all("Requires-Dist", []):
        if extra := re.search(r'extra == "(\w+)"', line):
            found.setdefault(extra[1], set()).add(re.split(r"[^\w-]", line)[0])
    page = (ROOT / "docs/how-to/install.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE)
    assert {extra: set(packages.split(", ")) for extra, packages in rows} == found


def test_a_wheel_has_what_is_needed_and_no_more(pure: zipfile.ZipFile) -> None:
    """Every module of both packages, markers of types, headers, what pkg-config reads, and the
    license; no C, no tests.
    """
    names = {name for name in pure.namelist() if ".dist-info/" not in name}
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("seemachine/**/*.py")}
    modules |= {
        path.relative_to(ROOT / "client").as_posix() for path in ROOT.glob("client/**/*.py")
    }
    typed = {"seemachine/py.typed", "seeclient/py.typed", "seemachine/lms/engines/_native.pyi"}
    native = {
        path.relative_to(ROOT / "client").as_posix()
        for folder in (library.INCLUDE, library.PKGCONFIG)
        for path in folder.iterdir()
    }
    assert names == modules | typed | native | NOTES
    licenses = [name for name in pure.namelist() if "/licenses/" in name]
    assert sorted(Path(name).name for name in licenses) == ["LICENSE", "NOTICE"]


def test_its_page_on_an_index_leads_nowhere_wrong(pure: zipfile.ZipFile) -> None:
    """The version is that of the package, the license has its name, and the text is the README
    without links to files, which an index does not have.
    """
    shown = metadata(pure)
    text = str(shown.get_payload())
    assert shown["Version"] == seemachine.__version__
    assert shown["License-Expression"] == "Apache-2.0"
    assert shown["Description-Content-Type"] == "text/markdown"
    assert re.findall(r"\]\((?!\w+:)", text) == []
    assert "# seemachine" in text
    assert "](docs/" in (ROOT / "README.md").read_text()


def test_who_has_no_engine_is_told_why(pure: zipfile.ZipFile, tmp_path: Path) -> None:
    """`info` and `fleet up` say what was missing; where plain Python was asked for, `fleet up` has
    nothing to say.
    """
    pure.extractall(tmp_path / "package")
    env = environment(tmp_path / "world", PYTHONPATH=str(tmp_path / "package"))
    (tmp_path / "world").mkdir()
    (tmp_path / "world/fleet.toml").write_text('[[machines]]\nesn = "0000-0000-0001"\nport = 0\n')

    def seemachine_there(*words: str, **more: str) -> str:
        command = [sys.executable, "-m", "seemachine", *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=env | more, capture_output=True, text=True, check=True
        )
        return done.stdout + done.stderr

    why = f"there was no C compiler ({NO_COMPILER}) when seemachine was installed"
    assert f"not used     native: the native engine is not built: {why}" in seemachine_there("info")
    for more in ({}, {"SEEMACHINE_ENGINE": "portable"}):
        try:
            told = seemachine_there("fleet", "up", "--detach", **more)
        finally:
            seemachine_there("fleet", "down")
        assert (why in told) == (not more)
