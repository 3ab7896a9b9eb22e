"""The deploy scripts on a site of tests/nfast, with the tools run in this process: the same steps,
much faster than as processes.
"""

import importlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from kit.site import FIVE, XC, Site
from seeclient import pipsqueak

from seemachine.nfast import install, tools
from seemachine.world import World

DEPLOY = Path(__file__).parents[2] / "deploy"
sys.path.insert(0, str(DEPLOY))

from nshield import command  # noqa: E402
from nshield.listen import Ran, Way  # noqa: E402
from nshield.tools import Tools  # noqa: E402

IDENTITY = ["--cname", "interops.local", "--org", "Hurricanes", "--address", "127.0.0.1"]
Done = tuple[int, list[str]]


class Killed(BaseException):
    """Nobody catches this: all that goes on is what was made durable, as after SIGKILL."""


class Desk:
    """A host with a release, its tools, and the two commands.

    `watch` sees each call before (False) and after (True) it is made.
    """

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site = site
        self.calls: list[str] = []
        self.looks: list[str] = []
        self.watch: Callable[[str, bool], None] = lambda *_: None
        self.bin = install.install(World.at(site.home), tools.known(tools.HOST))
        install.release(
            World.at(site.home), tools.known(tools.RELEASE, tools.SUPPORT), Path("release.zip")
        )
        monkeypatch.setenv("PATH", f"{self.bin}{os.pathsep}{os.environ['PATH']}")
        desk = self

        class InThisProcess(Tools):
            def _run(self, words: Sequence[str], way: Way) -> Ran:
                folder = self.folder if self.folder.is_dir() else Path.cwd()
                line = " ".join(Path(word).name if word.startswith("/") else word for word in words)
                if not way.shown:
                    desk.looks.append(line)
                    return Ran(*desk.ran(words, "", folder))
                desk.calls.append(line)
                desk.watch(line, False)
                ran = Ran(*desk.ran(words, way.typed or "", folder))
                print("\n".join(f"  {line}" for line in ran.said.splitlines()))
                desk.watch(line, True)
                return ran

        monkeypatch.setattr(command, "Tools", InThisProcess)

    def deploy(self, model: str, *words: str) -> Done:
        """Run a command. Returns its exit code and all lines."""
        self.calls.clear()
        self.looks.clear()
        code, said = _said(
            lambda: command.main(
                model, ["--release", "release.zip", *(IDENTITY if model == "5c" else []), *words]
            )
        )
        return code, [line for line in said.splitlines() if line]

    def done(self, model: str, *words: str) -> list[str]:
        """The lines of a run that must succeed."""
        code, lines = self.deploy(model, *words)
        assert code == 0, "\n".join(lines)
        return lines

    def stopped(self, code: int, model: str, *words: str) -> str:
        """What a run says at its end that must stop with an exit code."""
        found, lines = self.deploy(model, *words)
        assert found == code, "\n".join(lines)
        [at] = [number for number, line in enumerate(lines) if line.startswith(f"nshield{model}: ")]
        assert "what to do" not in "\n".join(lines[:at])
        return "\n".join(lines[at:])

    def certify(self, *words: str, name: str = "devkeyident", output: str = "") -> Path:
        """Entrust Support answers the CSR."""
        csr, pem = Path(f"pqcop-5c/{name}.csr"), Path(output or f"pqcop-5c/{name}.pem")
        assert self.site.seemachine("nfast", "certify", str(csr), str(pem), *words)[0] == 0
        return pem

    def set_up_5c(self, *words: str) -> list[str]:
        """All of guide 2.5.2, the certificate fetched when it is waited for."""
        assert "send" in self.stopped(3, "5c", *words)
        self.certify()
        return self.done("5c", *words)

    def banner(self) -> str:
        """What pipsqueak sees."""
        return self.pipsqueak()

    def pipsqueak(self, *words: str) -> str:
        """The last line of `pipsqueak`."""
        return _said(lambda: pipsqueak.main(list(words)))[1].splitlines()[-1]

    def ran(self, words: Sequence[str], typed: str, folder: Path) -> tuple[int, str]:
        """Run a tool in this process, another program as a process."""
        name, rest = words[0], list(words[1:])
        if name.endswith("/python3"):
            name, rest = Path(rest[0]).name, rest[1:]
        modules = tools.known()
        if name in modules:
            return self._tool(modules[name], rest, typed, folder)
        if name.endswith("pipsqueak"):
            return _said(lambda: pipsqueak.main(rest))
        done = subprocess.run(
            [name, *rest],
            cwd=folder,
            env={**self.site.env, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def _tool(self, module: str, words: list[str], typed: str, folder: Path) -> tuple[int, str]:
        main: Any = importlib.import_module(module).main
        self.site.typed[:] = typed.splitlines()
        before = Path.cwd()
        os.chdir(folder)
        try:
            return _said(lambda: main(words))
        finally:
            os.chdir(before)


def _said(act: Callable[[], int]) -> tuple[int, str]:
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        code = act()
    return code, printed.getvalue()


__all__ = ["DEPLOY", "FIVE", "IDENTITY", "XC", "Desk", "Killed"]
