"""libacorn over a bridge that answers as it is told: what it asks, what it fills in, and whose
memory is whose. The cases are in cases.c; the sanitizers and their search for leaks watch each.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from acorn.compiling import FAKED, HERE, INCLUDE, SANITIZED, SOURCES, compile_c

CASES = re.findall(r"^    CASE\((\w+)\)", (HERE / "cases.c").read_text(), re.MULTILINE)
FAKE = [HERE / "fake_bridge.c", HERE / "calls.c"]
EXPORTED = re.compile(r"^ACORN_EXPORT \w+ (acorn_\w+)\(", re.MULTILINE)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All cases in one program."""
    made = tmp_path_factory.mktemp("acorn") / "cases"
    return compile_c(made, [*SOURCES, *FAKE, HERE / "cases.c"], *SANITIZED, *FAKED)


@pytest.mark.parametrize("case", CASES)
def test_case(program: Path, case: str) -> None:
    """The sentence that names the case holds, without a leak, a stray access or a stray byte."""
    done = subprocess.run([program, case], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_case_is_run(program: Path) -> None:
    """The program knows the cases that are tested, and refuses others."""
    printed = subprocess.run([program], capture_output=True, text=True, check=True)
    assert printed.stdout.split() == CASES
    assert len(CASES) > 20
    assert subprocess.run([program, "no_such_case"], check=False).returncode == 1


def test_layouts_are_those_of_the_vendors_header(tmp_path: Path) -> None:
    """Sizes, places of members and numbers of flags, as compilers see them."""
    program = compile_c(tmp_path / "layout", [HERE / "layout.c"])
    subprocess.run([program], check=True)


@pytest.mark.parametrize("standard", ["c99", "c11", "c++11", "c++20"])
def test_the_header_compiles_alone(tmp_path: Path, standard: str) -> None:
    """As C and as C++, and twice in one program."""
    language = "c++" if "+" in standard else "c"
    if shutil.which("g++" if "+" in standard else "gcc") is None:
        pytest.skip("no compiler for it")
    source = tmp_path / "program"
    source.write_text("#include <acorn.h>\n#include <acorn.h>\nint main(void) { return 0; }\n")
    words = ["gcc", "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    subprocess.run([*words, "-fsyntax-only", f"-I{INCLUDE}", source], check=True)


def test_the_interface_and_nothing_else_is_exported(tmp_path: Path) -> None:
    """Every function of the header is a symbol of the library, and no other is."""
    flags = ("-shared", "-fPIC", "-fvisibility=hidden", *FAKED)
    library = compile_c(tmp_path / "libacorn.so", [*SOURCES, HERE / "fake_bridge.c"], *flags)
    words = ["nm", "--dynamic", "--defined-only", "--format=posix", library]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    symbols = {line.split()[0] for line in listed.splitlines()}
    declared = EXPORTED.findall((INCLUDE / "acorn.h").read_text())
    assert len(declared) == 3 + 3 * 14 + 2
    assert symbols == set(declared)
