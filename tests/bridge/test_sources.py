"""The C of the bridge, as compilers see it."""

import shutil
import subprocess
from pathlib import Path

import pytest
from bridge.native import LOCAL, NATIVE


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_no_compiler_has_anything_to_say(compiler: str, level: str, tmp_path: Path) -> None:
    """Warnings are errors, conversions and shadows among them."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    for source in sorted(NATIVE.glob("*.c")):
        words = [compiler, *LOCAL, level, "-fvisibility=hidden", "-c", str(source)]
        done = subprocess.run(
            [*words, "-o", str(tmp_path / "out.o")], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
