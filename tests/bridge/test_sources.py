"""The C of the bridge and of both libraries, as compilers see it."""

import shutil
import subprocess
from pathlib import Path

import pytest
from bridge.native import LOCAL, NATIVE
from seeclient import library


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("folder", ["", "acorn", "pkcs11"])
def test_no_compiler_has_anything_to_say(compiler: str, folder: str, tmp_path: Path) -> None:
    """Warnings are errors, conversions and shadows among them."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    sources = sorted((NATIVE / folder).glob("*.c"))
    assert sources
    words = [compiler, *LOCAL, "-O2", "-fvisibility=hidden", f"-I{library.INCLUDE}"]
    for source in sources:
        done = subprocess.run(
            [*words, "-c", str(source), "-o", str(tmp_path / "out.o")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
