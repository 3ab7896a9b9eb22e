"""C programs for tests: compiled against the header that users get, warnings being errors."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
INCLUDE = ROOT / "client/seeclient/library/include"
NATIVE = ROOT / "client/native"
SOURCES = sorted((NATIVE / "acorn").glob("*.c"))
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wstrict-prototypes", "-Werror")
# Over the bridge that tests/acorn/fake_bridge.c is; malloc() and free() of the library are ours.
FAKED = ("-Wl,--wrap=malloc,--wrap=free", f"-I{NATIVE}", f"-I{HERE}")
SANITIZED = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def compile_c(made: Path, sources: list[Path], *flags: str, compiler: str = "gcc") -> Path:
    """A program, or with -shared a library; skips the test where there is no compiler."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} not installed")
    words = [compiler, "-std=c11", *WARNINGS, f"-I{INCLUDE}", *map(str, sources), "-o", str(made)]
    subprocess.run([*words, *flags], check=True)
    return made


def linked_with(library: Path) -> tuple[str, ...]:
    """The flags of a program over a library."""
    return str(library), f"-Wl,-rpath,{library.parent}"
