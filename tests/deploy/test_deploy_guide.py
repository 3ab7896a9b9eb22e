"""The deploy scripts against tools that say no more than the guide prints, and word by word as the guide has them."""

import datetime as dt
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from deploy.certificates import pem
from deploy.deploykit import DEPLOY, FIVE, Desk
from deploy.guidetools import SERIAL, UUID, GuideHost
from nshield import command

# The tool does its work; then the script that called it is killed.
KILL = '$real "$@"; kill -9 $PPID; sleep 0.2; exit'
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


def deploy(host: GuideHost, model: str, *words: str) -> tuple[int, list[str]]:
    """Run a script as a process."""
    words = ("--release", str(host.release), "--cname", "COMMON_NAME", "--org", "ORGANIZATION_NAME", "--address", "192.0.2.7", *words)
    command = [sys.executable, DEPLOY / f"nshield{model}", *(words if model == "5c" else [*words[:2], *words[8:]])]
    env = {**os.environ, "PATH": host.path, "LANG": "de_DE.UTF-8"}
    done = subprocess.run(
        command, cwd=host.work, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert not (host.state / "wrong-language").exists()
    return done.returncode, (done.stdout + done.stderr).splitlines()


def notes(host: GuideHost, model: str) -> object:
    """What the journal has on the module."""
    [found] = [value for esn, value in json.loads((host.work / f"pqcop-{model}/journal.json").read_text())["modules"].items() if esn]
    return found


@pytest.mark.parametrize(
    "listed", [f"%s      {UUID}", f"%s\\n  name: pqcop\\n  uuid: {UUID}", "%s      pqcop-1.4.1 1.4.1"], ids=["line", "lines", "name"]
)
def test_a_5c_with_no_more_than_the_guides_words(listed: str, tmp_path: Path) -> None:
    """Set up, once more, taken down, once more: nothing that only the mock prints is needed, and the calls are the guide's."""
    host = GuideHost(tmp_path, "5c", listed)
    code, lines = deploy(host, "5c")
    assert code == 3, lines
    assert host.log() == ["csadmin ids create --keyname devkeyident -m 1 --x509cname COMMON_NAME --x509org ORGANIZATION_NAME"]
    day = dt.timedelta(days=1)
    (host.work / "pqcop-5c/devkeyident.pem").write_bytes(pem(SERIAL, NOW - day, NOW + day))
    code, lines = deploy(host, "5c")
    assert code == 0, "\n".join(lines)
    assert host.log() == [
        "hsmadmin cs5 clientinfo",
        "appliance-cli -m 1 cs5 setclientinfo ecdsa-sha2-nistp256 AAAAclient=",
        "appliance-cli -m 1 cs5 ports enable 192.0.2.7",
        "appliance-cli -m 1 cs5 getserverinfo",
        f"hsmadmin cs5 enroll {FIVE} 192.0.2.7 2205 ecdsa-sha2-nistp256 AAAAserver=",
        f"csadmin ids --esn {FIVE} add devkeyident.pem",
        "generatekey simple type=ecdsa curve=nistp521 ident=pqsdk-signer plainname=pqsdk-signer nvram=no recovery=yes protect=token "
        "cardset=testOCS slot=2 trusted-certifier= seeintegname=",
        f"userdatatool {host.release}/userdatatool.py -A simple -I pqsdk-signer -f userdata.raw",
        "csadmin image generate --package-name pqcop-1.4.1 --version-str 1.4.1 --entry-point /usr/bin/entrypoint "
        f"--network-conf {host.release}/network.json --packages-conf {host.release}/packages.json --rootdir container pqsdk.cs5",
        "csadmin image sign --devkeyname devkeyident --devcert devkeyident.pem --askeyname pqsdk-signer --out pqsdk-signed.cs5 pqsdk.cs5",
        f"csadmin load --esn {FIVE} pqsdk-signed.cs5",
        f"csadmin start --esn {FIVE} --uuid {UUID}",
        f"bootstrap {host.release}/bootstrap.py -m 1 --uuid {UUID} --cs5file pqsdk-signed.cs5",
    ]
    assert "nothing to do" in deploy(host, "5c")[1][-1]

    (host.state / "started").unlink()
    assert "it is published" in "".join(deploy(host, "5c")[1][-3:])
    assert deploy(host, "5c")[0] == 0
    assert [line.split()[1] for line in host.log() if line.startswith("csadmin")] == ["start"]

    assert deploy(host, "5c", "--uninstall", "--yes")[0] == 0
    assert host.log() == [
        f"csadmin stop --esn {FIVE} --uuid {UUID}",
        f"csadmin destroy --esn {FIVE} --uuid {UUID}",
        "nopclearfail -c -m 1",
        f"removepubobj {host.release}/removepubobj.py -m 1 -p pqsdk",
    ]
    assert notes(host, "5c") == {"no_object": True}
    assert "nothing to do" in deploy(host, "5c", "--uninstall")[1][-1]


@pytest.fixture
def loaded(tmp_path: Path) -> GuideHost:
    """A 5c whose SEE machine is loaded and was never started, since each start was refused."""
    host = GuideHost(tmp_path, "5c")
    host.instead("csadmin", "start", "echo no; exit 1")
    assert deploy(host, "5c")[0] == 3
    (host.work / "pqcop-5c/devkeyident.pem").write_bytes(pem(SERIAL, NOW - dt.timedelta(1), NOW + dt.timedelta(1)))
    for _ in range(2):
        code, lines = deploy(host, "5c")
        assert (code, "csadmin ended with exit code 1" in lines[-4]) == (1, True), "\n".join(lines)
    host.restore("csadmin")
    host.log()
    return host


def test_a_start_that_was_done_before_the_kill(loaded: GuideHost) -> None:
    """A start that is refused is told each time; one that only is refused since a killed run had done it is none."""
    loaded.instead("csadmin", "start", KILL)
    assert deploy(loaded, "5c")[0] == -9
    loaded.restore("csadmin")
    code, lines = deploy(loaded, "5c")
    assert code == 0, "\n".join(lines)
    assert [line.split()[:2] for line in loaded.log()] == [
        ["csadmin", "start"],
        ["csadmin", "start"],
        ["bootstrap", f"{loaded.release}/bootstrap.py"],
    ]


def test_a_stop_by_others(loaded: GuideHost) -> None:
    """What runs no more can't be stopped: it is destroyed all the same. What runs and can't be stopped is not."""
    assert deploy(loaded, "5c")[0] == 0
    loaded.instead("csadmin", "stop", "echo no; exit 1")
    assert "csadmin ended with exit code 1" in deploy(loaded, "5c", "--uninstall", "--yes")[1][-4]
    loaded.restore("csadmin")
    (loaded.state / "started").unlink()
    code, lines = deploy(loaded, "5c", "--uninstall", "--yes")
    assert code == 0, "\n".join(lines)


def test_a_stop_that_is_followed_by_a_start(loaded: GuideHost) -> None:
    """An uninstall that was killed after the stop, and then a set-up: it is started, at once."""
    assert deploy(loaded, "5c")[0] == 0
    loaded.instead("csadmin", "destroy", "kill -9 $PPID; sleep 0.2; exit")
    assert deploy(loaded, "5c", "--uninstall", "--yes")[0] == -9
    loaded.restore("csadmin")
    code, lines = deploy(loaded, "5c")
    assert code == 0, "\n".join(lines)


def test_an_xc_with_no_more_than_the_guides_words(tmp_path: Path) -> None:
    """The same with an XC; a removal of the configuration that was done before the run was killed is no failure."""
    host = GuideHost(tmp_path, "xc")
    code, lines = deploy(host, "xc", "--yes")
    assert code == 0, "\n".join(lines)
    folder = f"{tmp_path}/nfast/kmdata/custom-seemachines"
    setting_up = [
        "generatekey seeinteg type=ecdsa curve=nistp521 plainname=pqsdk-signer nvram=no recovery=yes protect=token cardset=testOCS slot=3",
        f"userdatatool {host.release}/userdatatool.py -A seeinteg -I pqsdk-signer -f userdata.raw",
        "tct2 --sign-and-pack -m 1 -k pqsdk-signer --is-machine --machine-type PowerPCELF -o pqsdk-1.4.1.sar "
        f"{host.release}/pqsdk-1.4.1.elf",
        "tct2 --sign-and-pack -m 1 -k pqsdk-signer --machine-key-ident pqsdk-signer -o userdata.sar userdata.raw",
        f"loadsee-setup --setup -m 1 -M {folder}/pqsdk-1.4.1.sar -U {folder}/userdata.sar -p pqsdk",
    ]
    assert host.log() == setting_up
    assert "nothing to do" in deploy(host, "xc")[1][-1]

    host.instead("loadsee-setup", "-r", KILL)
    assert deploy(host, "xc", "--uninstall", "--yes")[0] == -9
    host.restore("loadsee-setup")
    assert deploy(host, "xc", "--uninstall", "--yes")[0] == 0
    way_back = ["loadsee-setup -r -m 1", "nopclearfail -c -m 1", f"removepubobj {host.release}/removepubobj.py -m 1 -p pqsdk"]
    assert host.log() == [way_back[0], *way_back]
    assert notes(host, "xc") == {"no_object": True}
    assert "nothing to do" in deploy(host, "xc", "--uninstall")[1][-1]


@pytest.mark.parametrize("model", ["5c", "xc"])
def test_a_run_calls_what_the_dry_run_printed(desk: Desk, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """To look and to do: each tool call of a whole life on the mock is one that the dry run printed, in its order."""
    words = ["--module", "2", "--yes"] if model == "xc" else []
    for way_back in ([], ["--uninstall", "--yes"]):
        capsys.readouterr()
        printed = [line.strip() for line in desk.done(model, *words, *way_back, "--dry-run") if line.startswith("    ")]
        assert (desk.calls, desk.looks) == ([], [])
        called, looked = [], []
        while True:
            code, lines = desk.deploy(model, *words, *way_back)
            called += desk.calls
            looked += desk.looks
            if code != 3:
                break
            desk.certify()
        assert code == 0, "\n".join(lines)
        shapes = [(line[0], re.compile(_shape(line[2:]))) for line in printed if line[0] in "$?"]
        for line in looked:
            assert any(sign == "?" and shape.fullmatch(line.replace("./", "")) for sign, shape in shapes), line
        order = [next(at for at, (sign, shape) in enumerate(shapes) if sign == "$" and shape.fullmatch(line)) for line in called]
        assert order == sorted(order)
        assert len(set(order)) == len(called)


def _shape(printed: str) -> str:
    """A printed call, as a pattern: an unknown word is any, a tool's folder is left out, the module may be told to generatekey."""
    words = [Path(word).name if word.startswith("/") else word for word in printed.split(" ")]
    pattern = " ".join(".+" if word.startswith("<") else re.escape(word.replace("''", "").replace("./", "")) for word in words)
    return pattern.replace(" slot=2", " slot=2( module=1)?")


def test_a_dry_run_is_for_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Words with blanks or braces are quoted where they are printed, and are one word where they are called."""
    monkeypatch.chdir(tmp_path)
    for name in ("my {release}.zip", "my licence"):
        Path(name).touch()
    options = ["--release", "my {release}.zip", "--licence", "my licence", "--rfs", "192.0.2.1", "--org", "A & B; {esn}", "--dry-run"]
    assert command.main("5c", options) == 0
    printed = capsys.readouterr().out
    assert f"$ cp '{tmp_path}/my licence' '/opt/nfast/kmdata/hsm-<esn>/features/my licence'" in printed
    assert f"$ unzip -o '{tmp_path}/my {{release}}.zip' -d '{tmp_path}/pqcop-5c/my {{release}}'" in printed
    assert "--x509org 'A & B; {esn}'" in printed
    assert "cp 'my {release}/pqsdk-1.4.1.bin' container/usr/bin/entrypoint" in printed


def test_names_with_braces_and_blanks(desk: Desk) -> None:
    """A folder, an organization and a card set's name reach the tools as they are; nothing in them is taken for a place to fill."""
    Path("my {esn} release").mkdir()
    Path("release.zip").rename("my {esn} release/{uuid}.zip")
    words = ["--release", "my {esn} release/{uuid}.zip", "--org", "{esn} & sons", "--work", "{esn}"]
    assert "send" in desk.stopped(3, "5c", *words)
    assert desk.calls == ["csadmin ids create --keyname devkeyident -m 1 --x509cname interops.local --x509org {esn} & sons"]
    assert desk.site.seemachine("nfast", "certify", "{esn}/devkeyident.csr", "{esn}/devkeyident.pem")[0] == 0
    desk.done("5c", *words)
    assert FIVE in desk.banner()
