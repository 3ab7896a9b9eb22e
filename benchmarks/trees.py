"""The trees that are measured: this one, and an older one beside it for honest ratios."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNKNOWN = "unknown"
BUILD = ("setup.py", "--quiet", "build_ext", "--inplace")
COMPILE = ("-m", "compileall", "-q", "seemachine", "client")


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder with the sources; `clean`: as they are in that commit."""

    folder: Path
    commit: str
    clean: bool

    def python(self, *words: str) -> "subprocess.Popen[str]":
        """A process of Python that runs this tree, as do those that it starts; its output is
        read.
        """
        path = os.pathsep.join(map(str, (self.folder, self.folder / "client")))
        # Without bytecode each of its processes would compile it anew.
        env = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""}
        # In its folder: `python -m` looks there before anywhere else.
        return subprocess.Popen(
            [sys.executable, *words], env=env, cwd=self.folder, stdout=subprocess.PIPE, text=True
        )


def here() -> Tree:
    """The tree that these benchmarks are of."""
    try:
        return Tree(ROOT, commit_of("HEAD"), not _git("status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return Tree(ROOT, UNKNOWN, clean=False)


def commit_of(name: str) -> str:
    """Its short hash."""
    return _git("rev-parse", "--short=7", f"{name}^{{commit}}")


@contextlib.contextmanager
def checked_out(name: str) -> Iterator[Tree]:
    """The tree of a commit, compiled, in a folder that goes again."""
    with tempfile.TemporaryDirectory(prefix="seemachine-bench.") as temporary:
        folder = Path(temporary) / "tree"
        _git("worktree", "add", "--quiet", "--detach", str(folder), name)
        try:
            for words in (BUILD, COMPILE):
                subprocess.run([sys.executable, *words], cwd=folder, check=True)
            yield Tree(folder, commit_of(name), clean=True)
        finally:
            _git("worktree", "remove", "--force", str(folder))


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *words], stdout=subprocess.PIPE, check=True, text=True
    )
    return done.stdout.strip()
