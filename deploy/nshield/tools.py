"""The vendor's tools: found by PATH, called as the guide prints them, each line of theirs shown."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nshield.step import Call

# Whoever finds this finds /opt/nfast: its bin folder is what the guide puts into PATH (2.3).
LANDMARK = "generatekey"


@dataclass(frozen=True, slots=True)
class Ran:
    """A tool that has ended. `said` is what it printed, both streams; empty when it had the terminal to itself."""

    code: int
    said: str

    @property
    def lines(self) -> list[str]:
        """Without empty ones."""
        return [line.strip() for line in self.said.splitlines() if line.strip()]


class Tools:
    """Calls tools in the work folder. Questions are asked once until something was done; a silent one asks nothing."""

    def __init__(self, folder: Path, nfast: str, inherited: int, *, silent: bool = False) -> None:
        self.folder, self._inherited, self._silent = folder, inherited, silent
        self._given = nfast
        self._asked: dict[tuple[str, ...], Ran] = {}

    @property
    def nfast(self) -> Path:
        """/opt/nfast, or what takes its place."""
        found = shutil.which(LANDMARK)
        if self._given or found is None:
            return Path(self._given or "/opt/nfast")
        return Path(found).resolve().parent.parent

    @property
    def python(self) -> Path:
        """The Python that the scripts of the release are run with."""
        return self.nfast / "python3" / "bin" / "python3"

    @property
    def kmdata(self) -> Path:
        """Key management data."""
        return self.nfast / "kmdata"

    @property
    def kmlocal(self) -> Path:
        """Key files of this host."""
        return Path(os.environ.get("NFAST_KMLOCAL") or self.kmdata / "local")

    def ask(self, *words: str, folder: Path | None = None) -> Ran:
        """What a tool answers that changes nothing."""
        if self._silent:
            return Ran(127, "")
        if words not in self._asked:
            self._asked[words] = self._run(words, subprocess.DEVNULL, folder or self.folder)
        return self._asked[words]

    def forget(self) -> None:
        """Something is about to change: ask again afterwards."""
        self._asked.clear()

    def do(self, call: Call, words: Sequence[str]) -> Ran:
        """Make a call, shown as it goes."""
        self.forget()
        print(f"$ {shlex.join(words)}", flush=True)
        if call.reads_cards and sys.stdin.isatty():
            # The tool waits for cards and passphrases; its prompts must not wait in a pipe.
            return Ran(subprocess.run(words, cwd=self.folder, check=False, pass_fds=[self._inherited]).returncode, "")
        return self._shown(words, call.typed)

    def _shown(self, words: Sequence[str], typed: str) -> Ran:
        try:
            process = self._start(words, subprocess.PIPE if typed else None)
        except OSError as error:
            return Ran(127, f"{words[0]}: {error.strerror}")
        if process.stdin is not None:
            process.stdin.write(typed)
            process.stdin.close()
        said = []
        assert process.stdout is not None
        for line in process.stdout:
            print(f"  {line}", end="", flush=True)
            said.append(line)
        return Ran(process.wait(), "".join(said))

    def _start(self, words: Sequence[str], stdin: int | None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            words,
            cwd=self.folder,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=[self._inherited],
        )

    def _run(self, words: Sequence[str], stdin: int, folder: Path) -> Ran:
        try:
            done = subprocess.run(
                words,
                cwd=folder,
                env=_environment(words[0]),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as error:
            return Ran(127, f"{words[0]}: {error.strerror}")
        return Ran(done.returncode, done.stdout)


def _environment(tool: str) -> dict[str, str]:
    """Of pipsqueak: its shared library is beside it (guide 2.6 step 3)."""
    own = {"LD_LIBRARY_PATH": f"./:{os.environ.get('LD_LIBRARY_PATH', '')}"} if tool == "./pipsqueak" else {}
    return {**os.environ, **own}
