"""One artefact, two homes: the image that the recipe makes for an HSM is signed, loaded and started
as a process by the mock csadmin.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from container.image_tree import ROOT
from kit import processes
from kit.site import ASK, FIVE, Site, collect_processes, make_site
from pyhsslms import pyhsslms

SIGNED = "seemachine-signed.cs5"
# Nobody protects the cards of the test's Security World: an empty passphrase for each time that one
# is read.
PASSPHRASES = "\n" * 4


@pytest.fixture
def site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Site]:
    """A host with the tools in PATH, a 5c that trusts the developer, and the keys that the guide
    makes before the image.
    """
    collecting = collect_processes(monkeypatch)
    next(collecting)
    making = make_site(tmp_path, monkeypatch, capsys)
    site = next(making)
    site.enroll_launcher()
    site.done("csadmin", "ids", "--esn", FIVE, "add", str(site.make_developer()))
    site.done("generatekey", "simple", "ident=pqsdk-signer", "curve=nistp521", "module=1", *ASK)
    site.done("userdatatool", "-A", "simple", "-I", "pqsdk-signer", "-f", "userdata.raw")
    monkeypatch.setenv("PATH", site.seemachine("nfast", "path")[1][0], prepend=os.pathsep)
    yield site
    for fixture in (making, collecting):
        next(fixture, None)


def made(output: Path, *options: str) -> str:
    """What the recipe prints that makes and signs an image with the site's tools."""
    recipe = [
        sys.executable,
        str(ROOT / "container" / "build.py"),
        "--output",
        str(output),
        "--devkeyname",
        "dev",
        "--devcert",
        "dev.pem",
    ]
    done = subprocess.run(
        [*recipe, *options],
        input=PASSPHRASES,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def unpacked(site: Site, uuid: str) -> Path:
    """Where the HSM keeps the tree of a loaded image."""
    return site.home / "hsm" / FIVE / "image" / uuid


def test_the_image_of_the_recipe_is_started_by_csadmin_and_signs(site: Site, image: Path) -> None:
    """Made and signed by the recipe's own calls of csadmin, loaded and started: the tree's own
    daemon serves pipsqueak.
    """
    made(Path("out"), "--userdata", "userdata.raw")
    uuid = site.done("csadmin", "load", "--esn", FIVE, f"out/{SIGNED}")[0].split()[-1]
    for path in [
        path for path in image.rglob("*") if path.is_file() and path.name != "userdata.codesafe"
    ]:
        assert (unpacked(site, uuid) / path.relative_to(image)).read_bytes() == path.read_bytes()
    site.done("csadmin", "start", "--esn", FIVE, "--uuid", uuid)
    log = (site.home / "hsm" / FIVE / "see.log").read_text()
    assert "seemachine: Python " in log
    assert '"engine": "portable"' in log
    assert site.module().signer in json.dumps(site.json("csadmin", "list", "--json"))
    site.done("bootstrap", "-m", "1", "--uuid", uuid, "--cs5file", f"out/{SIGNED}")
    assert signs(site)
    site.done("csadmin", "stop", "--esn", FIVE, "--uuid", uuid)
    assert '"event": "stopped"' in (site.home / "hsm" / FIVE / "see.log").read_text()


def signs(site: Site) -> bool:
    """Whether pipsqueak makes a key there, and a signature that is one to pyhsslms."""
    words = [
        "generate",
        "alias=fw",
        "algorithm=lms",
        "lmscode=sha256_m32_h5",
        "lmotscode=sha256_n32_w4",
    ]
    assert processes.pipsqueak(words, site.env)[0] == 0
    code, lines = processes.pipsqueak(["alias=fw", "message=firmware", "--json"], site.env)
    assert code == 0, lines
    told = json.loads("\n".join(lines))
    key = pyhsslms.LmsPublicKey.deserialize(bytes.fromhex(told["public_key"]))
    return bool(key.verify(b"firmware", bytes.fromhex(told["signature"])))


def test_the_files_for_the_mock_will_do(site: Site) -> None:
    """Without the vendor's files, and without a delegation, the mock's HSM starts the image too."""
    made(Path("out"))
    uuid = site.done("csadmin", "load", "--esn", FIVE, f"out/{SIGNED}")[0].split()[-1]
    assert site.done("csadmin", "start", "--esn", FIVE, "--uuid", uuid) == [
        f"{FIVE}      SUCCESS; IP ADDRESS: 127.0.0.1"
    ]
    site.done("csadmin", "stop", "--esn", FIVE, "--uuid", uuid)
