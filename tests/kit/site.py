"""A world folder with HSMs and cards, and the Security World tools on it, run in this process."""

import functools
import importlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kit import processes
from kit.processes import Ran

from seemachine.cli import main
from seemachine.hsms import records
from seemachine.hsms.records import Module
from seemachine.nfast import questions
from seemachine.state.cards import shares
from seemachine.state.cards.rack import Rack
from seemachine.state.disk import encryption
from seemachine.state.disk.lock import holder
from seemachine.testing import ESN, OTHER_ESN
from seemachine.world import World

FIVE, XC = ESN, OTHER_ESN
FLEET = (
    f'[[machines]]\nesn = "{FIVE}"\nport = 0\n[[machines]]\nesn = "{XC}"\nmodel = "xc"\nport = 0\n'
)
SERVE = (
    "#!/usr/bin/env python3\nimport sys\nfrom seemachine.cli.command import main\n"
    "sys.exit(main(['serve', *sys.argv[1:]]))\n"
)
ASK = ["type=ecdsa", "plainname=pqsdk-signer", "protect=token", "cardset=testOCS", "slot=2"]


class Site:
    """A host, its HSMs (the 5c is module 1, the XC module 2), and what is typed at its tools."""

    def __init__(self, home: Path, typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.typed, self._capsys = home, typed, capsys
        self.env = processes.environment(home)
        self.rack = Rack(World.at(home))

    def seemachine(self, *words: str) -> Ran:
        """Run `seemachine` here."""
        return self._ran(lambda: main(list(words)))

    def run(self, name: str, *words: str, typed: tuple[str, ...] = ()) -> Ran:
        """Run a tool here."""
        self.typed[:] = typed
        main = importlib.import_module(f"seemachine.nfast.tools.{name.replace('-', '_')}").main
        return self._ran(lambda: main(list(words)))

    def done(self, name: str, *words: str, typed: tuple[str, ...] = ()) -> list[str]:
        """The lines of a tool that must not refuse."""
        code, lines = self.run(name, *words, typed=typed)
        assert code == 0, lines
        return lines

    def refused(self, name: str, *words: str, typed: tuple[str, ...] = ()) -> str:
        """The last line of a tool that must refuse."""
        code, lines = self.run(name, *words, typed=typed)
        assert code == 1, lines
        return lines[-1]

    def module(self, esn: str = FIVE) -> Module:
        """The record of an HSM."""
        found = records.read(World.at(self.home), esn)
        assert found is not None
        return found

    def changing(self, esn: str = FIVE) -> AbstractContextManager[Module]:
        """The record of an HSM, to be changed."""
        return records.changing(World.at(self.home), esn)

    def enroll_launcher(self) -> None:
        """Guide 2.5.2.3 steps 5 to 9."""
        self.done(
            "appliance-cli",
            "-m",
            "1",
            "cs5",
            "setclientinfo",
            *self.done("hsmadmin", "cs5", "clientinfo")[0].split(),
        )
        self.done("appliance-cli", "-m", "1", "cs5", "ports", "enable", "127.0.0.1")
        self.done(
            "hsmadmin",
            "cs5",
            "enroll",
            *self.done("appliance-cli", "-m", "1", "cs5", "getserverinfo")[1].split(),
        )

    def make_developer(self, name: str = "dev", *, days: int = 90, begun: int = 0) -> Path:
        """A developer key and its certificate."""
        if not Path(f"{name}.csr").exists():
            self.done(
                "csadmin",
                "ids",
                "create",
                "--keyname",
                name,
                "--x509cname",
                "cn",
                "--x509org",
                "org",
            )
        assert (
            self.seemachine(
                "nfast",
                "certify",
                f"{name}.csr",
                f"{name}.pem",
                "--days",
                str(days),
                "--begun",
                str(begun),
            )[0]
            == 0
        )
        return Path(f"{name}.pem")

    def make_image(
        self,
        program: str = SERVE,
    ) -> Path:
        """An unsigned image."""
        root = Path("container")
        (root / "usr/bin").mkdir(parents=True, exist_ok=True)
        (root / "usr/bin/entrypoint").write_text(program)
        (root / "etc").mkdir(exist_ok=True)
        Path("network.json").write_text("{}")
        Path("packages.json").write_text("{}")
        self.done("csadmin", *GENERATE, "image.cs5")
        return Path("image.cs5")

    def make_signed(self, ask: str = "pqsdk-signer") -> Path:
        """A signed image, its developer registered, its key with an NVRAM delegation."""
        pem = self.make_developer()
        self.run("csadmin", "ids", "--esn", FIVE, "add", str(pem))
        if not list(self.home.glob(f"kmdata/local/key_simple_{ask}")):
            self.done("generatekey", "simple", f"ident={ask}", "curve=nistp521", "module=1", *ASK)
        Path("container/etc").mkdir(parents=True, exist_ok=True)
        self.done(
            "userdatatool", "-A", "simple", "-I", ask, "-f", "container/etc/userdata.codesafe"
        )
        self.make_image()
        self.done("csadmin", *SIGN[:-2], "--askeyname", ask, "--out", "signed.cs5", "image.cs5")
        return Path("signed.cs5")

    def load(self) -> str:
        """Load the signed image; its UUID."""
        return self.done("csadmin", "load", "--esn", FIVE, str(self.make_signed()))[0].split()[-1]

    def make_archives(self, program: str = "") -> tuple[str, str]:
        """A signed SEE machine of the XC and its user data."""
        if not list(self.home.glob("kmdata/local/key_seeinteg_pqsdk-signer")):
            self.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
        Path("m.elf").write_text(program or self.program())
        self.done("userdatatool", "-A", "seeinteg", "-I", "pqsdk-signer", "-f", "u.raw")
        self.done(
            "tct2", *TCT2, "--is-machine", "--machine-type", "PowerPCELF", "-o", "m.sar", "m.elf"
        )
        self.done("tct2", *TCT2, "--machine-key-ident", "pqsdk-signer", "-o", "u.sar", "u.raw")
        return "m.sar", "u.sar"

    def load_xc(
        self, *answers: str, userdata: str = "u.sar", published: str = "pqsdk"
    ) -> list[str]:
        """loadsee-setup with the archives that `make_archives` made."""
        words = ["--setup", "-m", "2", "-M", "m.sar", "-U", userdata, "-p", published]
        return self.done("loadsee-setup", *words, typed=answers or ("yes", "yes"))

    def program(self) -> str:
        """The stand-in of the SEE machine."""
        from seemachine.nfast.install import PROGRAM

        return PROGRAM

    def json(self, name: str, *words: str) -> Any:
        """The document that a tool prints, refused or not."""
        return json.loads("\n".join(self.run(name, *words)[1]))

    def _ran(self, act: Any) -> Ran:
        self._capsys.readouterr()
        code: int = act()
        printed = self._capsys.readouterr()
        return code, [line for line in (printed.out + printed.err).splitlines() if line]


GENERATE = [
    "image",
    "generate",
    "--package-name",
    "pqcop",
    "--version-str",
    "1.4.1",
    "--entry-point",
    "/usr/bin/entrypoint",
    "--network-conf",
    "network.json",
    "--packages-conf",
    "packages.json",
    "--rootdir",
    "container",
]
SIGN = [
    "image",
    "sign",
    "--devkeyname",
    "dev",
    "--devcert",
    "dev.pem",
    "--askeyname",
    "pqsdk-signer",
]
TCT2 = ["--sign-and-pack", "-m", "1", "-k", "pqsdk-signer"]


def make_site(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Site]:
    """A site with its Security World, cards of testOCS and the ACS in the 5c, and no SEE machine;
    down again at the end.
    """
    home, work = folder / "world", folder / "work"
    for made in (home, work):
        made.mkdir(mode=0o700)
    (home / "fleet.toml").write_text(FLEET)
    typed: list[str] = []
    monkeypatch.setenv("SEEMACHINE_HOME", str(home))
    monkeypatch.chdir(work)
    derive_once(monkeypatch)
    monkeypatch.setattr(questions, "at_terminal", lambda: False)
    monkeypatch.setattr(questions, "_line", lambda: f"{typed.pop(0)}\n" if typed else "")
    site = Site(home, typed, capsys)
    assert site.seemachine("nfast", "setup", "--passphrase", "", "--ocs-cards", "3")[0] == 0
    site.rack.insert("testOCS-1", FIVE, 2)
    site.rack.insert("admin-1", FIVE, 0)
    yield site
    if any(map(holder, [home / "fleet", *(home / "hsm").iterdir()])):
        processes.seemachine(["fleet", "down"], site.env)


@functools.cache
def _derived(passphrase: bytes, salt: bytes, rounds: int) -> bytes:
    return encryption.pbkdf2(passphrase, salt, rounds)


def derive_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards that are written in this process have the same salt, so a passphrase costs its hundred
    thousand rounds once a test run, and not for each card and test.
    """
    monkeypatch.setattr(shares, "pbkdf2", _derived)
    monkeypatch.setattr(shares, "os", SimpleNamespace(urandom=bytes))


def collect_processes(monkeypatch: pytest.MonkeyPatch) -> "Iterator[None]":
    """SEE machines that tools start in this process, which would leave them behind when they end,
    are waited for after the test.
    """
    started: list[subprocess.Popen[bytes]] = []

    def popen(*words: Any, **options: Any) -> "subprocess.Popen[bytes]":
        started.append(subprocess.Popen(*words, **options))
        return started[-1]

    names = SimpleNamespace(Popen=popen, DEVNULL=subprocess.DEVNULL)
    monkeypatch.setattr("seemachine.nfast.processes.subprocess", names)
    yield
    for process in started:
        process.wait(30)
