"""The deploy scripts as an administrator starts them: real processes, found by PATH, in a pipe and
at a terminal.
"""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deploy.desk import DEPLOY, FIVE, IDENTITY, XC
from kit import processes
from kit.waiting import eventually

from seemachine.nfast import install, tools
from seemachine.state.cards.rack import Rack
from seemachine.world import World

SECONDS = 60.0
FLEET = (
    f'[[machines]]\nesn = "{FIVE}"\nport = 0\n[[machines]]\nesn = "{XC}"\nmodel = "xc"\nport = 0\n'
)


class Host:
    """A host whose cards have the passphrase `secret`."""

    def __init__(self, folder: Path) -> None:
        self.home, self.work = folder / "world", folder / "work"
        for made in (self.home, self.work):
            made.mkdir(mode=0o700)
        (self.home / "fleet.toml").write_text(FLEET)
        self.env = processes.environment(self.home)
        self.seemachine("nfast", "setup", "--passphrase", "secret", "--ocs-cards", "3")
        self.bin = install.install(World.at(self.home), tools.known(tools.HOST))
        self.env["PATH"] = (
            f"{self.bin}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{self.env['PATH']}"
        )
        install.release(
            World.at(self.home),
            tools.known(tools.RELEASE, tools.SUPPORT),
            self.work / "release.zip",
        )
        self.rack = Rack(World.at(self.home))

    def seemachine(self, *words: str) -> list[str]:
        """Run `seemachine`, which must succeed."""
        code, lines = processes.seemachine(list(words), self.env)
        assert code == 0, lines
        return lines

    def deploy(self, model: str, *words: str, typed: str = "", **more: str) -> tuple[int, str]:
        """Run a script in a pipe."""
        command = [DEPLOY / f"nshield{model}", "--release", "release.zip", *words]
        done = subprocess.run(
            command,
            cwd=self.work,
            env={**self.env, **more},
            input=typed,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def done(self, model: str, *words: str, typed: str = "") -> str:
        """Run a script that must succeed."""
        code, said = self.deploy(model, *words, typed=typed)
        assert code == 0, said
        return said

    def pipsqueak(self, *words: str) -> list[str]:
        """Run `pipsqueak`, which must succeed."""
        code, lines = processes.pipsqueak(list(words), self.env)
        assert code == 0, lines
        return lines


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A host with nothing set up; down again at the end."""
    made = Host(tmp_path)
    yield made
    processes.seemachine(["fleet", "down"], made.env)


def at_a_terminal(host: Host, *command: object) -> Iterator[str]:
    """Run a command at a terminal: yields what it prints, is sent what to type.

    Its exit code is the last that is yielded.
    """
    master, slave = pty.openpty()
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=host.work,
        env=host.env,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    deadline = time.monotonic() + SECONDS
    try:
        while time.monotonic() < deadline:
            if not select.select([master], [], [], 0.1)[0]:
                continue
            try:
                part = os.read(master, 4096)
            except OSError:
                break
            typed = yield part.decode(errors="replace")
            if typed:
                os.write(master, typed.encode())
        yield f"exit code {process.wait(10)}"
    finally:
        process.kill()
        process.wait()
        os.close(master)


def answered(
    host: Host, answers: dict[str, str], acts: dict[str, Callable[[], None]], *command: object
) -> str:
    """All that a command at a terminal prints, its questions answered, an act done when a text is
    printed.
    """
    said, seen = "", 0
    run = at_a_terminal(host, *command)
    part = next(run)
    for _ in range(100_000):
        said += part
        new, typed = said[seen:], ""
        for text in [text for text in acts if text in new]:
            acts.pop(text)()
        for question, answer in answers.items():
            if new.rstrip().endswith(question):
                typed, seen = f"{answer}\n", len(said)
        try:
            part = run.send(typed)
        except StopIteration:
            break
    return said


def test_a_mixed_fleet_from_empty_folders_to_signatures_and_back(host: Host) -> None:
    """The XC at a terminal, its card put in when it is waited for; the 5c in a pipe, with the XC's
    key (guide 2.9.2); both sign.
    """
    host.rack.insert("admin-1", FIVE, 0)
    said = answered(
        host,
        {"(yes/no)": "yes", "passphrase:": "secret"},
        {"Module 2 slot 5: empty": lambda: host.rack.insert("testOCS-2", XC, 3)},
        *(DEPLOY / "nshieldxc", "--release", "release.zip", "--module", "2", "--esn", XC),
    )
    assert said.rstrip().endswith("exit code 0"), said
    assert "Module 2 slot 3: `testOCS' #2" in said

    host.rack.insert("testOCS-1", FIVE, 2)
    five = [*IDENTITY, "--retarget", "pqsdk-signer", "--esn", FIVE]
    code, said = host.deploy("5c", *five, typed="secret\nsecret\n")
    assert (code, "send" in said) == (3, True), said
    host.seemachine(
        "nfast",
        "certify",
        str(host.work / "pqcop-5c/devkeyident.csr"),
        str(host.work / "pqcop-5c/devkeyident.pem"),
    )
    said = host.done("5c", *five, typed="secret\n" * 4)
    assert "secret" not in said
    assert not [
        path
        for path in (host.work / "pqcop-5c").rglob("*")
        if path.is_file() and b"secret" in path.read_bytes()
    ]
    assert "nothing to do" in host.done("5c", *five)
    assert "nothing to do" in host.done("xc", "--module", "2")
    assert host.pipsqueak() == [f"PQSDK: 1.4.1 ({FIVE}: 1.4.1, {XC}: 1.4.1)"]
    assert host.seemachine("fleet", "check") == ["no problems found"]

    host.rack.remove(FIVE, 2)
    [card] = host.rack.new()
    host.rack.insert(card, FIVE, 2)
    sets = ["algorithm=lms", "lmscode=sha256_m32_h5", "lmotscode=sha256_n32_w8"]
    host.pipsqueak("generate", "alias=both", *sets, "expcards=0", "explease=1")
    host.pipsqueak(f"provesn={FIVE}", "slot=2")
    assert host.pipsqueak("alias=both", "message=one")[-1].endswith("true")
    host.rack.insert(host.rack.remove(FIVE, 2), XC, 2)
    host.pipsqueak(f"provesn={XC}", "slot=2")
    assert host.pipsqueak("alias=both", "message=two")[-1].endswith("true")

    host.done("5c", "--uninstall", "--yes")
    assert host.pipsqueak() == [f"PQSDK: 1.4.1 ({XC}: 1.4.1)"]
    assert host.pipsqueak("alias=both", "message=three")[-1].endswith("true")
    host.done("xc", "--module", "2", "--uninstall", "--yes")
    assert host.pipsqueak() == ["PQSDK: 1.4.1 ()"]
    assert not list(host.home.glob("published/pqsdk/*"))


def test_sigkill_while_a_tool_runs(host: Host) -> None:
    """A tool that goes on without the killed script is waited for by the next run, which then finds
    its work done.
    """
    host.rack.insert("testOCS-2", XC, 3)
    slow = host.work / "slow"
    slow.mkdir()
    (slow / "generatekey").write_text(
        f'#!/bin/sh\ntouch {host.work}/begun\nsleep 1\nexec {host.bin}/generatekey "$@" >'
        f" {host.work}/said\n"
    )
    (slow / "generatekey").chmod(0o755)
    env = {**host.env, "PATH": f"{slow}{os.pathsep}{host.env['PATH']}"}
    command = [
        DEPLOY / "nshieldxc",
        "--release",
        "release.zip",
        "--module",
        "2",
        "--yes",
        "--nfast",
        host.bin.parent,
    ]
    with subprocess.Popen(
        command,
        cwd=host.work,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as first:
        assert first.stdin is not None
        first.stdin.write(b"secret\n")
        first.stdin.flush()
        assert eventually((host.work / "begun").exists)
        first.kill()
    code, said = host.deploy("xc", "--module", "2", "--yes", typed="secret\n")
    assert "done   the signing key pqsdk-signer of application seeinteg" in said
    assert "present a card of the Administrator Card Set" in said
    assert code == 3
