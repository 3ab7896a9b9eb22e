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


def sources(folder: Path) -> Path:
    """What a wheel is built of, copied into a folder."""
    source = folder / "source"
    junk = shutil.ignore_patterns("__pycache__", "*.so", "*not_built.txt", "*.egg-info", "python")
    for name in ("seemachine", "client"):
        shutil.copytree(ROOT / name, source / name, ignore=junk)
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    return source


def wheel(folder: Path, **variables: str) -> Path:
    """A wheel in a folder, built with these variables in the environment."""
    output = folder / "output"
    output.mkdir(parents=True)
    run(sources(folder), "-c", BUILD, str(output), **variables)
    [built] = output.iterdir()
    return built


def run(source: Path, *words: str, **variables: str) -> None:
    """Run Python in a folder, with these variables in the environment."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=source,
        # The engine is not run here: no time is spent on making it fast.
        env={**os.environ, "SEEMACHINE_CFLAGS": "-O0", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
