"""`seemachine library`, and the C libraries as they are built: what they show, need and are found
by.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from seeclient import library

import seemachine
from seemachine.cli.command import main
from seemachine.cli.words.library import WHAT

ROOT = Path(__file__).parent.parent
ACORN_CALLS = re.compile(r"\b(acorn_[A-Za-z_]+)\(")
TOKEN_CALLS = re.compile(r"\b(C_[A-Za-z]+)\b")
HEADERS = {
    "acorn": (ACORN_CALLS, "acorn.h"),
    "pkcs11": (TOKEN_CALLS, "seemachine-pkcs11-functions.h"),
}
PROGRAM = """
#include <stdio.h>
#include "acorn.h"
int main(void) {
    struct acorn_response_getVersion version = {0};
    char *why = NULL;
    if (acorn_cmd_getVersion(&version, &why) == 0)
        puts("linked");
    acorn_free_getVersion(NULL, &version);
    return 0;
}
"""


@pytest.fixture(params=library.FILES)
def name(request: pytest.FixtureRequest) -> str:
    """Each library that is built here; skips where it is not."""
    try:
        library.path_of(request.param)
    except library.NotBuiltError as missing:
        pytest.skip(str(missing))
    return str(request.param)


def tool(*words: str) -> str:
    """What a tool of the compiler's prints; skips where it is not installed."""
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_it_prints_where_each_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, that of a file which is there."""
    assert main(["library", name]) == 0
    printed = capsys.readouterr().out
    assert printed == f"{library.path_of(name)}\n"


def test_the_commands_of_the_page(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/how-to/other-programs.md: each is one, and prints what it says."""
    page = (ROOT / "docs/how-to/other-programs.md").read_text()
    asked = re.findall(r"^    seemachine library (\S+)$", page, re.MULTILINE)
    assert set(asked) == set(WHAT)
    for what in asked:
        assert main(["library", what]) == 0
    assert str(library.path_of(name)) in capsys.readouterr().out


@pytest.mark.parametrize("what", ["include", "pkgconfig"])
def test_folders_are_there_without_a_compiler(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Headers, and what pkg-config reads."""
    assert main(["library", what]) == 0
    assert any(Path(capsys.readouterr().out.rstrip("\n")).iterdir())


@pytest.mark.parametrize("what", ["acorn", "pkcs11", "p11-kit"])
@pytest.mark.parametrize("note", ["there was no C compiler (cc) when seemachine was installed", ""])
def test_what_is_not_built_is_refused_with_the_reason(
    what: str,
    note: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And with what to do; `info` says the same."""
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    if note:
        for file in library.FILES.values():
            (tmp_path / f"{file}.not_built.txt").write_text(f"{note}\n")
    assert main(["library", what]) == 1
    why = f"{note or 'seemachine was installed without it'}; install a C compiler (Debian: apt"
    file = library.FILES["pkcs11" if what == "p11-kit" else what]
    assert capsys.readouterr().err.startswith(f"seemachine library: {file} is not built: {why}")
    assert main(["info", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["libraries"] == {}
    assert why in told["not_built"]["acorn"]


def test_p11_kit_reads_what_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One line in its form of module files (pkcs11.conf)."""
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    (tmp_path / "seemachine-pkcs11.so").touch()
    assert main(["library", "p11-kit"]) == 0
    assert capsys.readouterr().out == f"module: {tmp_path}/seemachine-pkcs11.so\n"


def test_a_library_shows_its_interface_and_no_more(name: str) -> None:
    """Every function of its header, and none besides: what is the bridge's stays inside."""
    pattern, header = HEADERS[name]
    declared = set(pattern.findall((library.INCLUDE / header).read_text()))
    shown = tool("nm", "-D", "--defined-only", str(library.path_of(name))).splitlines()
    assert {line.split()[-1].partition("@")[0] for line in shown} == declared
    assert len(declared) > 40


def test_a_library_needs_the_system_alone(name: str) -> None:
    """No Python, no TLS, no C++."""
    listed = tool("readelf", "-d", str(library.path_of(name)))
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", listed)
    assert needed
    assert all(re.match(r"lib(c|dl|pthread)\.so|ld-", each) for each in needed), needed
    assert re.findall(r"\(SONAME\).*\[(.*)\]", listed) == [library.FILES[name]]
    assert "BIND_NOW" in listed or "NOW" in listed


@pytest.mark.parametrize("file", ["seemachine-acorn.pc", "seemachine-pkcs11.pc"])
def test_pkg_config_knows_the_version(file: str) -> None:
    """That of the package."""
    text = (library.PKGCONFIG / file).read_text()
    assert f"\nVersion: {seemachine.__version__}\n" in text
    path = f"--with-path={library.PKGCONFIG}"
    assert tool("pkg-config", path, "--modversion", file.removesuffix(".pc")).strip()


def test_pkg_config_names_the_module() -> None:
    """For build tools that need its path."""
    words = (f"--with-path={library.PKGCONFIG}", "--variable=p11_module", "seemachine-pkcs11")
    named = Path(tool("pkg-config", *words).strip())
    assert named.resolve() == (library.FOLDER / library.FILES["pkcs11"]).resolve()


def test_a_program_is_compiled_by_what_pkg_config_says(tmp_path: Path) -> None:
    """And finds the library when it runs."""
    try:
        library.path_of("acorn")
    except library.NotBuiltError as missing:
        pytest.skip(str(missing))
    path = f"--with-path={library.PKGCONFIG}"
    flags = tool("pkg-config", path, "--cflags", "--libs", "seemachine-acorn").split()
    (tmp_path / "program.c").write_text(PROGRAM)
    tool("cc", str(tmp_path / "program.c"), "-o", str(tmp_path / "program"), *flags)
    assert tool(str(tmp_path / "program")) == "linked\n"
