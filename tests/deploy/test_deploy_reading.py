"""What the deploy scripts read: settings, certificates, lines of tools; and that they stand on
their own.
"""

import ast
import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest
from deploy.certificates import pem
from deploy.desk import DEPLOY, FIVE, IDENTITY, Desk
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from nshield import certificate, command
from nshield.journal import Journal, digest
from nshield.listen import Ran
from nshield.settings import Settings
from nshield.site import Site
from nshield.tools import Tools

TIMES = st.datetimes(dt.datetime(1951, 1, 1), dt.datetime(2120, 1, 1)).map(
    lambda time: time.replace(microsecond=0, tzinfo=dt.UTC)
)


@limits(deadline=None)
@given(
    serial=st.integers(1, (1 << 159) - 1), times=st.lists(TIMES, min_size=2, max_size=2).map(sorted)
)
def test_certificates_are_read_as_the_library_reads_them(
    serial: int, times: list[dt.datetime], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Serial number and times, in both forms of time that X.509 has, are those that
    were written.
    """
    path = tmp_path_factory.getbasetemp() / "c.pem"
    path.write_bytes(b"Bag Attributes\n" + pem(serial, *times))
    assert certificate.read(path) == certificate.Certificate(serial, *times)


@limits(deadline=None)
@given(cut=st.integers(0, 700), junk=st.binary(max_size=40))
def test_damaged_certificates_are_refused(
    cut: int, junk: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is in the file, it is read or refused with its name."""
    whole = pem(1, dt.datetime(2026, 1, 1), dt.datetime(2027, 1, 1))
    path = tmp_path_factory.getbasetemp() / "damaged.pem"
    path.write_bytes(whole[:cut] + junk + whole[cut + len(junk) :])
    try:
        certificate.read(path)
    except certificate.NotACertificate as error:
        assert str(path) in str(error)


def test_the_scripts_stand_on_their_own(tmp_path: Path) -> None:
    """They import the standard library and each other, and run on a host that has nothing else."""
    for path in (*(DEPLOY / "nshield").glob("*.py"), DEPLOY / "nshield5c", DEPLOY / "nshieldxc"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            assert all(
                name.split(".")[0] in {*sys.stdlib_module_names, "nshield"} for name in names
            ), f"{path}: {names}"
    for script in ("nshield5c", "nshieldxc"):
        done = subprocess.run(
            [sys.executable, "-E", "-s", "-S", "-B", DEPLOY / script, "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("model", ["5c", "xc"])
def test_a_dry_run_calls_nothing(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No tool is called, not even to ask, and no file is made; each call of the guide is printed,
    with what is known of it.
    """
    monkeypatch.chdir(tmp_path)
    more = ["--cname", "cn"] if model == "5c" else []
    Path("r.zip").touch()
    for name in ("run", "Popen"):
        monkeypatch.setattr(subprocess, name, None)
    assert command.main(model, ["--dry-run", "--release", "r.zip", "--module", "2", *more]) == 0
    setting_up = capsys.readouterr().out
    assert command.main(model, ["--dry-run", "--uninstall", "--release", "r.zip"]) == 0
    taking_down = capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["r.zip"]
    guide = {
        "5c": [
            "csadmin ids create --keyname devkeyident -m 2 --x509cname cn --x509org <org>",
            "hsmadmin cs5 clientinfo",
            "appliance-cli -m 2 cs5 setclientinfo <client>",
            "appliance-cli -m 2 cs5 ports enable <address>",
            "appliance-cli -m 2 cs5 getserverinfo",
            "hsmadmin cs5 enroll <server>",
            "csadmin ids --esn <esn> add devkeyident.pem",
            (
                "generatekey simple type=ecdsa curve=nistp521 ident=pqsdk-signer"
                " plainname=pqsdk-signer nvram=no recovery=yes protect=token cardset=testOCS slot=2"
                " module=2 trusted-certifier= seeintegname="
            ),
            (
                "/opt/nfast/python3/bin/python3 r/userdatatool.py -A simple -I pqsdk-signer -f"
                " userdata.raw"
            ),
            (
                "csadmin image generate --package-name pqcop-1.4.1 --version-str 1.4.1"
                " --entry-point /usr/bin/entrypoint --network-conf r/network.json --packages-conf"
                " r/packages.json --rootdir container pqsdk.cs5"
            ),
            (
                "csadmin image sign --devkeyname devkeyident --devcert devkeyident.pem --askeyname"
                " pqsdk-signer --out pqsdk-signed.cs5 pqsdk.cs5"
            ),
            "csadmin load --esn <esn> pqsdk-signed.cs5",
            "csadmin start --esn <esn> --uuid <uuid>",
            (
                "/opt/nfast/python3/bin/python3 r/bootstrap.py -m 2 --uuid <uuid> --cs5file"
                " pqsdk-signed.cs5"
            ),
        ],
        "xc": [
            (
                "generatekey seeinteg type=ecdsa curve=nistp521 plainname=pqsdk-signer nvram=no"
                " recovery=yes protect=token cardset=testOCS slot=3 module=2"
            ),
            (
                "/opt/nfast/python3/bin/python3 r/userdatatool.py -A seeinteg -I pqsdk-signer -f"
                " userdata.raw"
            ),
            (
                "tct2 --sign-and-pack -m 2 -k pqsdk-signer --is-machine --machine-type PowerPCELF"
                " -o pqsdk-1.4.1.sar r/pqsdk-1.4.1.elf"
            ),
            (
                "tct2 --sign-and-pack -m 2 -k pqsdk-signer --machine-key-ident pqsdk-signer -o"
                " userdata.sar userdata.raw"
            ),
            "mkdir -p /opt/nfast/kmdata/custom-seemachines",
            "cp pqsdk-1.4.1.sar /opt/nfast/kmdata/custom-seemachines/.",
            "cp userdata.sar /opt/nfast/kmdata/custom-seemachines/.",
            (
                "loadsee-setup --setup -m 2 -M /opt/nfast/kmdata/custom-seemachines/pqsdk-1.4.1.sar"
                " -U /opt/nfast/kmdata/custom-seemachines/userdata.sar -p pqsdk"
            ),
            "hsc_loadseemachine -m2",
        ],
    }[model]
    way_back = {
        "5c": [
            "csadmin stop --esn <esn> --uuid <uuid>",
            "csadmin destroy --esn <esn> --uuid <uuid>",
        ],
        "xc": ["loadsee-setup -r -m 1"],
    }[model]
    way_back += [
        "nopclearfail -c -m 1",
        "/opt/nfast/python3/bin/python3 r/removepubobj.py -m 1 -p pqsdk",
    ]
    for printed, wanted in ((setting_up, guide), (taking_down, way_back)):
        calls = [
            line.strip().removeprefix("$ ")
            for line in printed.splitlines()
            if line.startswith("    $")
        ]
        assert [
            call for call in calls if not call.startswith(("unzip", "rm -rf container"))
        ] == wanted


def test_settings_of_a_file(desk: Desk) -> None:
    """A file has the settings of a model, by their names; options are above it; its paths begin
    where it lies.
    """
    folder = Path("elsewhere")
    folder.mkdir()
    file = folder / "five.toml"
    file.write_text('module = 2\ncname = "a"\nwork = "here"\n')
    code, lines = desk.deploy("5c", "--settings", str(file), "--module", "1")
    assert code == 3, lines
    assert (folder / "here" / "devkeyident.csr").exists()
    for text, reason in (
        ('network_conf = "nowhere"', str(folder.absolute() / "nowhere")),
        ("sodo = true", "unknown setting sodo"),
        ("[5c]\nsudo = true", "unknown setting sudo"),
        ("[xc]\naddress = '192.0.2.7'", "unknown setting address"),
        ("5c = 1", "5c is the table of an nShield 5c, not 1"),
        ('module = "1"', "module takes a whole number, not '1'"),
        ("module = true", "module takes a whole number, not True"),
        ("org = 1", "org takes a text in quotes, not 1"),
        ("[xc]\nsudo = 1", "sudo takes true or false, not 1"),
        ("module =", "five.toml"),
    ):
        file.write_text(text)
        code, lines = desk.deploy("5c", "--settings", str(file))
        assert code == 2
        assert reason in lines[-1]


def test_one_file_for_both_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is for one model alone is not a matter to the other; a table of a model is above what is
    for both, and below options.
    """
    file = tmp_path / "site.toml"
    file.write_text(
        'org = "Us"\nsudo = true\nsigner = "ours"\n[5c]\nmodule = 3\n[xc]\nmodule = 2\nsigner ='
        ' "theirs"\n'
    )
    printed = []
    for words in (["5c"], ["xc"], ["xc", "--module", "4"]):
        assert command.main(words[0], ["--dry-run", "--settings", str(file), *words[1:]]) == 0
        printed.append(capsys.readouterr().out)
    assert "--keyname devkeyident -m 3 --x509cname <cname> --x509org Us" in printed[0]
    assert "plainname=ours" in printed[0]
    assert "$ sudo cp userdata.sar" in printed[1]
    assert "tct2 --sign-and-pack -m 2 -k theirs" in printed[1]
    assert "tct2 --sign-and-pack -m 4 -k theirs" in printed[2]


def test_the_work_folder_is_beside_the_settings(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the command is called: a run that is called elsewhere goes on with the same keys."""
    folder = Path("elsewhere").absolute()
    folder.mkdir()
    (folder / "five.toml").write_text(f'release = "{Path("release.zip").absolute()}"\nwork = ""\n')
    command.main("5c", ["--settings", "elsewhere/five.toml", *IDENTITY])
    monkeypatch.chdir(folder)
    command.main("5c", ["--settings", "five.toml", *IDENTITY])
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["pqcop-5c"]
    assert not Path("../pqcop-5c").exists()


def test_the_licence_is_read_by_its_column(tmp_path: Path) -> None:
    """In the guide's print (2.5 step 1) the licence of CodeSafe 5 is there, that of an XC is not;
    what is not a licence is ignored.
    """
    guide = """
                Feature Enable Tool
                =====

                ISO Smart Card Support
                | Remote Operator
                | | Korean Algorithms
                | | | SEE Activation (EU+10)
                | | | | SEE Activation (Restricted)
                | | | | | SEE Activation, CodeSafe 5
                | | | | | | Elliptic Curve algorithms
                | | | | | | | Elliptic Curve MQV
                | | | | | | | | Fast RNG for ECDSA
                | | | | | | | | | HSM Speed Rating
Mod  Electronic | | | | | | | | |
No.  Serial Number
1    7852-268D-3BF9 -- Y Y Y N N Y Y Y N High Speed
"""

    class Printed(Tools):
        def ask(self, *_words: str, folder: Path | None = None) -> Ran:
            return Ran(0, guide if folder is None else "")

    site = Site(Settings("5c", work=str(tmp_path)), Printed(tmp_path, "", -1), Journal(tmp_path))
    assert site.licensed(("SEE Activation, CodeSafe 5",))
    assert not site.licensed(("SEE Activation (EU+10)",))
    assert not site.licensed(("HSM Speed Rating",))
    assert not site.licensed(("Something else",))


def test_a_digest_tells_what_matters(tmp_path: Path) -> None:
    """A name, a byte, a bit of its mode, a link: each makes another tree; its times and where it
    lies do not.
    """
    seen = set()
    root = tmp_path / "a"
    (root / "bin").mkdir(parents=True)
    for change in (
        lambda: (root / "bin" / "x").write_text("1"),
        lambda: (root / "bin" / "x").write_text("2"),
        lambda: (root / "bin" / "x").chmod(0o755),
        lambda: (root / "bin" / "y").symlink_to("x"),
        lambda: (root / "bin" / "x").rename(root / "bin" / "z"),
    ):
        change()
        seen.add(digest(root))
    assert len(seen) == 5
    (root / "bin" / "z").touch()
    root.rename(tmp_path / "b")
    assert digest(tmp_path / "b") in seen


def test_the_image_of_the_recipe(desk: Desk) -> None:
    """With --rootdir a tree of `make image` is signed and loaded, its delegation certificate
    replaced in a copy of it.
    """
    tree = Path("tree")
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "etc").mkdir()
    (tree / "usr/bin/entrypoint").write_text(desk.site.program())
    (tree / "usr/bin/entrypoint").chmod(0o755)
    (tree / "etc/userdata.codesafe").write_text("for the mock")
    before = digest(tree)
    mock = [f"{DEPLOY.parent}/container/mock/mock-{name}.json" for name in ("network", "packages")]
    desk.set_up_5c("--rootdir", "tree", "--network-conf", mock[0], "--packages-conf", mock[1])
    assert digest(tree) == before
    [loaded] = desk.site.module(FIVE).loaded
    assert loaded.delegated
    assert (Path("pqcop-5c/container/etc/userdata.codesafe")).read_text() == Path(
        "pqcop-5c/userdata.raw"
    ).read_text()
    assert FIVE in desk.banner()
