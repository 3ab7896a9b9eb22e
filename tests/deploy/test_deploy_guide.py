"""The deploy scripts against tools that say no more than the guide prints, and word by word as the
guide has them.
"""

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from deploy.certificates import pem
from deploy.desk import FIVE, Desk
from deploy.guidetools import KILL, SERIAL, UUID, GuideHost, deploy
from nshield import command
from nshield.journal import Journal
from nshield.settings import Settings
from nshield.site import Site
from nshield.step import Call
from nshield.tools import Tools

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


def notes(host: GuideHost, model: str) -> object:
    """What the journal has on the module."""
    [found] = [
        value
        for esn, value in json.loads((host.work / f"pqcop-{model}/journal.json").read_text())[
            "modules"
        ].items()
        if esn
    ]
    return found


@pytest.mark.parametrize(
    "listed",
    [f"%s      {UUID}", f"%s\\n  name: pqcop\\n  uuid: {UUID}", "%s      pqcop-1.4.1 1.4.1"],
    ids=["line", "lines", "name"],
)
def test_a_5c_with_no_more_than_the_guides_words(listed: str, tmp_path: Path) -> None:
    """Set up, once more, taken down, once more: nothing that only the mock prints is needed, and
    the calls are the guide's.
    """
    host = GuideHost(tmp_path, "5c", listed)
    code, lines = deploy(host, "5c")
    assert code == 3, lines
    assert host.log() == [
        "csadmin ids create --keyname devkeyident -m 1 --x509cname COMMON_NAME --x509org"
        " ORGANIZATION_NAME"
    ]
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
        (
            "generatekey simple type=ecdsa curve=nistp521 ident=pqsdk-signer plainname=pqsdk-signer"
            " nvram=no recovery=yes protect=token cardset=testOCS slot=2 trusted-certifier="
            " seeintegname="
        ),
        f"userdatatool {host.release}/userdatatool.py -A simple -I pqsdk-signer -f userdata.raw",
        (
            "csadmin image generate --package-name pqcop-1.4.1 --version-str 1.4.1 --entry-point"
            f" /usr/bin/entrypoint --network-conf {host.release}/network.json --packages-conf"
            f" {host.release}/packages.json --rootdir container pqsdk.cs5"
        ),
        (
            "csadmin image sign --devkeyname devkeyident --devcert devkeyident.pem --askeyname"
            " pqsdk-signer --out pqsdk-signed.cs5 pqsdk.cs5"
        ),
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


@pytest.mark.parametrize(
    ("model", "words", "clearing"),
    [
        ("5c", [], []),
        (
            "5c",
            ["--licence", __file__, "--rfs", "192.0.2.1"],
            ["the licence SEE Activation, CodeSafe 5 is installed"],
        ),
        ("5c", ["--uninstall"], ["the module is cleared"]),
        ("xc", [], ["the module loads the SEE machine by itself"]),
        (
            "xc",
            ["--uninstall"],
            ["the module loads no SEE machine any more", "the module is cleared"],
        ),
    ],
)
def test_who_clears_is_marked(
    model: str, words: list[str], clearing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The dry run says which steps clear the module; these are asked for."""
    assert command.main(model, ["--dry-run", *words]) == 0
    marked = [
        line.partition(" (")[0]
        for line in capsys.readouterr().out.splitlines()
        if line.endswith("CLEARS THE MODULE")
    ]
    assert marked == clearing


@pytest.mark.parametrize(
    ("model", "readers"),
    [
        ("5c", ["csadmin", "generatekey", "userdatatool", "csadmin"]),
        ("xc", ["generatekey", "userdatatool", "tct2", "tct2"]),
    ],
)
def test_who_reads_cards_may_ask(model: str, readers: list[str], tmp_path: Path) -> None:
    """The tools that the guide shows with cards and passphrases, and no others, have the terminal,
    or what is piped, and all the time.
    """
    site = Site(
        Settings(model, work=str(tmp_path)), Tools(tmp_path, "", -1, silent=True), Journal(tmp_path)
    )
    calls = [
        call
        for step in command.STEPS[model](site)
        for call in step.calls
        if isinstance(call, Call) and call.reads_cards
    ]
    assert [
        Path(call.words[1 if "python3" in call.words[0] else 0]).stem for call in calls
    ] == readers


def test_an_xc_with_no_more_than_the_guides_words(tmp_path: Path) -> None:
    """The same with an XC; a removal of the configuration that was done before the run was killed
    is not a failure.
    """
    host = GuideHost(tmp_path, "xc")
    code, lines = deploy(host, "xc", "--yes")
    assert code == 0, "\n".join(lines)
    folder = f"{tmp_path}/nfast/kmdata/custom-seemachines"
    setting_up = [
        (
            "generatekey seeinteg type=ecdsa curve=nistp521 plainname=pqsdk-signer nvram=no"
            " recovery=yes protect=token cardset=testOCS slot=3"
        ),
        f"userdatatool {host.release}/userdatatool.py -A seeinteg -I pqsdk-signer -f userdata.raw",
        (
            "tct2 --sign-and-pack -m 1 -k pqsdk-signer --is-machine --machine-type PowerPCELF -o"
            f" pqsdk-1.4.1.sar {host.release}/pqsdk-1.4.1.elf"
        ),
        (
            "tct2 --sign-and-pack -m 1 -k pqsdk-signer --machine-key-ident pqsdk-signer -o"
            " userdata.sar userdata.raw"
        ),
        f"loadsee-setup --setup -m 1 -M {folder}/pqsdk-1.4.1.sar -U {folder}/userdata.sar -p pqsdk",
    ]
    assert host.log() == setting_up
    assert "nothing to do" in deploy(host, "xc")[1][-1]

    host.instead("loadsee-setup", "-r", KILL)
    assert deploy(host, "xc", "--uninstall", "--yes")[0] == -9
    host.restore("loadsee-setup")
    assert deploy(host, "xc", "--uninstall", "--yes")[0] == 0
    way_back = [
        "loadsee-setup -r -m 1",
        "nopclearfail -c -m 1",
        f"removepubobj {host.release}/removepubobj.py -m 1 -p pqsdk",
    ]
    assert host.log() == [way_back[0], *way_back]
    assert notes(host, "xc") == {"no_object": True}
    assert "nothing to do" in deploy(host, "xc", "--uninstall")[1][-1]


@pytest.mark.parametrize("model", ["5c", "xc"])
def test_a_run_calls_what_the_dry_run_printed(
    desk: Desk, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """To look and to do: each tool call of a whole life on the mock is one that the dry run
    printed, in its order.
    """
    words = ["--module", "2", "--yes"] if model == "xc" else []
    for way_back in ([], ["--uninstall", "--yes"]):
        capsys.readouterr()
        printed = [
            line.strip()
            for line in desk.done(model, *words, *way_back, "--dry-run")
            if line.startswith("    ")
        ]
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
            assert any(
                sign == "?" and shape.fullmatch(line.replace("./", "")) for sign, shape in shapes
            ), line
        order = [
            next(
                at
                for at, (sign, shape) in enumerate(shapes)
                if sign == "$" and shape.fullmatch(line)
            )
            for line in called
        ]
        assert order == sorted(order)
        assert len(set(order)) == len(called)


def _shape(printed: str) -> str:
    """A printed call, as a pattern: an unknown word is any, a tool's folder is left out, the module
    may be told to generatekey.
    """
    words = [Path(word).name if word.startswith("/") else word for word in printed.split(" ")]
    pattern = " ".join(
        ".+" if word.startswith("<") else re.escape(word.replace("''", "").replace("./", ""))
        for word in words
    )
    return pattern.replace(" slot=2", " slot=2( module=1)?")


def test_a_dry_run_is_for_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Words with blanks or braces are quoted where they are printed, and are one word where they
    are called.
    """
    monkeypatch.chdir(tmp_path)
    for name in ("my {release}.zip", "my licence"):
        Path(name).touch()
    options = [
        "--release",
        "my {release}.zip",
        "--licence",
        "my licence",
        "--rfs",
        "192.0.2.1",
        "--org",
        "A & B; {esn}",
        "--dry-run",
    ]
    assert command.main("5c", options) == 0
    printed = capsys.readouterr().out
    assert (
        f"$ cp '{tmp_path}/my licence' '/opt/nfast/kmdata/hsm-<esn>/features/my licence'" in printed
    )
    assert (
        f"$ unzip -o '{tmp_path}/my {{release}}.zip' -d '{tmp_path}/pqcop-5c/my {{release}}'"
        in printed
    )
    assert "--x509org 'A & B; {esn}'" in printed
    assert "cp 'my {release}/pqsdk-1.4.1.bin' container/usr/bin/entrypoint" in printed


def test_names_with_braces_and_blanks(desk: Desk) -> None:
    """A folder, an organization and a card set's name reach the tools as they are; nothing in them
    is taken for a place to fill.
    """
    Path("my {esn} release").mkdir()
    Path("release.zip").rename("my {esn} release/{uuid}.zip")
    words = ["--release", "my {esn} release/{uuid}.zip", "--org", "{esn} & sons", "--work", "{esn}"]
    assert "send" in desk.stopped(3, "5c", *words)
    assert desk.calls == [
        "csadmin ids create --keyname devkeyident -m 1 --x509cname interops.local --x509org {esn} &"
        " sons"
    ]
    assert (
        desk.site.seemachine("nfast", "certify", "{esn}/devkeyident.csr", "{esn}/devkeyident.pem")[
            0
        ]
        == 0
    )
    desk.done("5c", *words)
    assert FIVE in desk.banner()
