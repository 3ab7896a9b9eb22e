"""Wheels built from a copy of the tree, without an environment of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "NOTICE")
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
NO_COMPILER = "no-such-compiler"


def wheel(folder: Path, **variables: str) -> Path:
    """A wheel in a folder, built with these variables in the environment."""
    source, output = folder / "source", folder / "output"
    output.mkdir(parents=True)
    junk = shutil.ignore_patterns("__pycache__", "*.so", "not_built.txt", "*.egg-info")
    for name in ("seemachine", "client"):
        shutil.copytree(ROOT / name, source / name, ignore=junk)
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(output)],
        cwd=source,
        # The engine is not run here: no time is spent on making it fast.
        env={**os.environ, "SEEMACHINE_CFLAGS": "-O0", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = output.iterdir()
    return built
