"""The vendor's tools: found by PATH, called as the guide prints them, each line of theirs shown."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from nshield.listen import Ran, Way, listen
from nshield.step import Call

# Whoever finds this finds /opt/nfast: its bin folder is what the guide puts into PATH (2.3).
LANDMARK = "generatekey"
# A tool that was only asked something, and one that does something and waits for nobody. Who is
# waited for (a card) may take all day.
ASK_SECONDS = 120.0
DO_SECONDS = 3600.0


class Unanswered(Exception):
    """A question was not answered, so that nothing may be concluded from it.

    The text has the command and its last line.
    """

    def __init__(self, words: Sequence[str], ran: Ran) -> None:
        ended = (
            f"ended with exit code {ran.code}" if ran.code else "gave no answer that can be read"
        )
        super().__init__(
            f"{shlex.join(words)} {ended}"
            + "".join(f"\n  it said: {line}" for line in ran.lines[-1:])
        )


def name_of(words: Sequence[str]) -> str:
    """Of a script its own, not that of the Python that runs it."""
    first, *rest = (Path(word).name for word in words)
    return rest[0] if first.startswith("python") and rest else first


class Tools:
    """Calls tools in the work folder, or before there is one where we are.

    A tool has `inherited` open, if that is 0 or more.

    Questions are asked once until something was done; a silent one asks nothing.
    """

    def __init__(self, folder: Path, nfast: str, inherited: int, *, silent: bool = False) -> None:
        self.folder, self.inherited, self._silent = folder, inherited, silent
        self._given = nfast
        self._asked: dict[tuple[str, ...], Ran] = {}

    @property
    def nfast(self) -> Path:
        """/opt/nfast, or what takes its place."""
        found = shutil.which(LANDMARK)
        if self._given or found is None:
            return Path(self._given or "/opt/nfast")
        # The folder may be named by a link; a tool that is a link to something elsewhere says
        # nothing of where its folder is.
        return Path(found).parent.resolve().parent

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
            self._asked[words] = self._run(
                words, Way(shlex.join(words), folder or self.folder, "", ASK_SECONDS, shown=False)
            )
        return self._asked[words]

    def answer(self, *words: str) -> Ran:
        """The same of one that must not fail. Raises Unanswered."""
        ran = self.ask(*words)
        if ran.code:
            self.refuse(words, ran)
        return ran

    def refuse(self, words: Sequence[str], ran: Ran) -> None:
        """What was answered can't be believed.

        Where nothing is asked nothing is to be believed. Raises Unanswered.
        """
        if not self._silent:
            raise Unanswered(words, ran)

    def unanswered(self, looks: Sequence[str]) -> list[str]:
        """Which of these were asked and failed, each with its last line."""
        return [
            str(Unanswered(words, ran))
            for words, ran in self._asked.items()
            if ran.code and shlex.join(words) in looks
        ]

    def forget(self) -> None:
        """Something is about to change: ask again afterwards."""
        self._asked.clear()

    def do(self, call: Call, words: Sequence[str]) -> Ran:
        """Make a call, shown as it goes."""
        self.forget()
        print(f"$ {shlex.join(words)}", flush=True)
        if call.reads_cards and sys.stdin.isatty():
            return self._at_the_terminal(words)
        # Passphrases that were piped to us are for the tool that reads cards, and for no other.
        ours = call.reads_cards or (not call.typed and sys.stdin.isatty())
        seconds = None if call.reads_cards else DO_SECONDS
        return self._run(
            words,
            Way(name_of(words), self.folder, None if ours else call.typed, seconds, shown=True),
        )

    def _at_the_terminal(self, words: Sequence[str]) -> Ran:
        """The tool waits for cards and passphrases; its prompts must not wait in a pipe."""
        try:
            done = subprocess.run(
                words,
                cwd=self.folder,
                env=_environment(words[0]),
                check=False,
                pass_fds=self._passed(),
            )
        except OSError as error:
            return Ran(127, f"{words[0]}: {error.strerror}")
        return Ran(done.returncode, "")

    def _passed(self) -> list[int]:
        return [self.inherited] if self.inherited >= 0 else []

    def _run(self, words: Sequence[str], way: Way) -> Ran:
        stdin = None if way.typed is None else subprocess.PIPE if way.typed else subprocess.DEVNULL
        try:
            process = subprocess.Popen(
                words,
                cwd=way.folder if way.folder.is_dir() else None,
                env=_environment(words[0]),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=self._passed(),
            )
        except OSError as error:
            return Ran(127, f"{words[0]}: {error.strerror}")
        return listen(process, way)


def _environment(tool: str) -> dict[str, str]:
    """What tools print is read, so they print it in one language.

    Of pipsqueak: its shared library is beside it (guide 2.6 step 3).
    """
    own = (
        {"LD_LIBRARY_PATH": f"./:{os.environ.get('LD_LIBRARY_PATH', '')}"}
        if tool == "./pipsqueak"
        else {}
    )
    return {**os.environ, "LC_ALL": "C", **own}
