"""`seemachine nfast`: it says what it made, replaces nothing of others, and has new passphrases
typed twice (guide 2.1 to 2.5).
"""

import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from kit.processes import seemachine
from kit.site import FIVE, GENERATE, SIGN, XC, Site
from nfast.terminal import Answer, typed

from seemachine.nfast import install, processes, questions
from seemachine.world import World


def test_setup_says_what_it_made(site: Site) -> None:
    """Cards by name, then the modules; of what was there already only the modules."""
    modules = [f"module 1: {FIVE} (5c)", f"module 2: {XC} (xc)"]
    assert site.seemachine("nfast", "setup", "--passphrase", "") == (0, modules)
    more = ["--ocs", "more", "--ocs-cards", "2", "--passphrase", ""]
    assert site.seemachine("nfast", "setup", *more)[1] == [
        "OCS more: cards more-1 to more-2",
        *modules,
    ]
    (site.home / "kmdata" / "local" / "world").unlink()
    for card in ("admin-1", "testOCS-1"):
        site.rack.remove(FIVE, 0 if card == "admin-1" else 2)
        (site.home / "cards" / f"{card}.card").unlink()
    assert site.seemachine("nfast", "setup", "--passphrase", "")[1] == [
        "Security World and its ACS: card admin-1",
        *modules,
    ]


def test_support_says_what_it_sent(site: Site) -> None:
    """A licence with its features, a certificate with its subject and its end."""
    words = [
        "nfast",
        "licence",
        "l.txt",
        "--esn",
        XC,
        "--feature",
        "see-eu10",
        "--feature",
        "fast-rng",
    ]
    assert site.seemachine(*words)[1] == [
        f"l.txt: SEE Activation (EU+10), Fast RNG for ECDSA for {XC}"
    ]
    site.make_developer()
    code, [line] = site.seemachine("nfast", "certify", "dev.csr", "again.pem", "--unit", "lab")
    assert code == 0
    assert line.startswith(
        "again.pem: certificate of Common Name: cn, Organization: org, Organizational Unit: lab,"
        " valid until 20"
    )


@pytest.mark.parametrize("name", ["w\u00e9lt", "w\udcff"])
def test_launchers_know_a_world_whatever_the_locale(name: str, tmp_path: Path) -> None:
    """In the locale C of a container the folder has letters that no text there can have."""
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for verb in (["path"], ["release", str(tmp_path / "r.zip")]):
        words = ["-m", "seemachine", "nfast", *verb, "--home", str(tmp_path / name)]
        done = subprocess.run(
            [sys.executable, *words], env=os.environ | locale, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
    launcher = tmp_path / name / "opt" / "nfast" / "bin" / "enquiry"
    assert os.fsencode(name) in launcher.read_bytes()


def test_a_release_is_not_written_over_what_is_none(site: Site) -> None:
    """Another file of that name stays; an earlier release is replaced, and that is said; a folder
    that is not there is named.
    """
    path = Path("pqsdk.zip")
    path.write_text("mine")
    code, lines = site.seemachine("nfast", "release", str(path))
    assert (code, path.read_text()) == (1, "mine")
    assert lines[-1].endswith("pqsdk.zip is there already, and is not a release file")
    path.unlink()
    assert site.seemachine("nfast", "release", str(path)) == (
        0,
        ["pqsdk.zip written; go on with guide 2.4 step 3"],
    )
    assert install.is_release(path)
    assert site.seemachine("nfast", "release", str(path)) == (
        0,
        ["pqsdk.zip written anew; go on with guide 2.4 step 3"],
    )
    assert (
        "there is no folder elsewhere"
        in site.seemachine("nfast", "release", "elsewhere/pqsdk.zip")[1][-1]
    )


def test_a_release_is_written_whole_or_not_at_all(site: Site) -> None:
    """On a disk that fills up an earlier one stays, and the sentence names the file."""
    path = Path("pqsdk.zip")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for _ in range(2):
        kept = path.read_bytes() if path.exists() else None
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        code, lines = site.seemachine("nfast", "release", str(path))
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert (code, "pqsdk.zip" in lines[-1]) == (1, True)
        assert (path.read_bytes() if path.exists() else None) == kept
        assert list(Path().glob(".pqsdk*")) == []
        assert site.seemachine("nfast", "release", str(path))[0] == 0


# ---- passphrases ---------------------------------------------------------------------------------


def test_a_new_passphrase_is_typed_twice_at_a_terminal(site: Site) -> None:
    """Two that differ are asked for again; with the one that was typed twice the card is read."""
    first, again = "Passphrase for the cards:", "The same again:"
    answers: list[tuple[str, Answer]] = [
        (first, b"opne\n"),
        (again, b"open\n"),
        (first, b"open\n"),
        (again, b"open\n"),
    ]
    code, seen = typed(site, "seemachine", ["nfast", "cards", "guarded"], answers)
    assert (code, answers) == (0, [])
    assert "The two are not the same." in seen
    assert "open" not in seen
    site.rack.remove(FIVE, 2)
    site.rack.insert("guarded-1", FIVE, 2)
    words = ["simple", "curve=nistp521", "plainname=k", "module=1", "cardset=guarded", "slot=2"]
    assert "wrong passphrase" in site.refused("generatekey", *words, typed=("opne",))
    site.done("generatekey", *words, typed=("open",))


def test_what_support_gives_out_is_not_in_the_release(site: Site) -> None:
    """removepubobj.py is written by a word of its own, and runs; no other script is."""
    site.seemachine("nfast", "release", "pqsdk.zip")
    with zipfile.ZipFile("pqsdk.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
    assert {"bootstrap.py", "userdatatool.py"} <= names
    assert "removepubobj.py" not in names
    made = (0, ["removepubobj.py written"])
    assert site.seemachine("nfast", "support", "removepubobj.py") == made
    command = [sys.executable, "removepubobj.py", "-m", "1", "-p", "pqsdk"]
    ran = subprocess.run(command, env=site.env, capture_output=True, text=True, check=False)
    assert ran.stderr == "removepubobj.py: module 1 has no published object pqsdk\n"
    code, lines = site.seemachine("nfast", "support", "bootstrap.py")
    assert (code, Path("bootstrap.py").exists()) == (2, False)
    assert lines[-1].endswith("Entrust Support gives out removepubobj.py, not bootstrap.py")


def test_a_new_passphrase_is_read_once_in_a_pipe(site: Site) -> None:
    """What follows is for the next tool."""
    site.typed[:] = ["open", "next"]
    assert site.seemachine("nfast", "cards", "guarded")[0] == 0
    assert site.typed == ["next"]


def test_breaking_off_at_the_second_time_makes_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-D there is a refusal as at the first."""
    answers: list[tuple[str, Answer]] = [
        ("Passphrase for the cards:", b"open\n"),
        ("The same again:", b"\x04"),
    ]
    code, seen = typed(site, "seemachine", ["nfast", "cards", "guarded"], answers)
    assert code == 1
    assert seen.endswith("no passphrase was given\n")
    assert list(site.home.glob("cards/guarded*")) == []
    monkeypatch.setattr(questions, "at_terminal", lambda: True)
    monkeypatch.setattr(questions, "secret", lambda _prompt: "same")
    assert questions.new_secret("?") == "same"


# ---- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--package-name", "--version-str"])
@pytest.mark.parametrize("text", ["", " ", "a\nb"])
def test_an_image_has_a_name_and_a_version(site: Site, option: str, text: str) -> None:
    """Each in one line, since csadmin list prints them in one."""
    site.make_image()
    words = list(GENERATE)
    words[words.index(option) + 1] = text
    assert f"{option} is for a text in one line" in site.refused("csadmin", *words, "x.cs5")
    assert not Path("x.cs5").exists()


def test_a_uuid_may_be_in_capitals(five: Site) -> None:
    """It is the same one, for csadmin and bootstrap.py."""
    uuid = five.load().upper()
    five.done("csadmin", "start", "--esn", FIVE, "--uuid", uuid)
    five.done("bootstrap", "-m", "1", "--uuid", uuid, "--cs5file", "signed.cs5")
    five.done("csadmin", "stop", "--esn", FIVE, "--uuid", uuid)
    five.done("csadmin", "destroy", "--esn", FIVE, "--uuid", uuid)


def test_a_place_that_is_not_there_is_named_at_once(five: Site) -> None:
    """Before any dialogue, in words, and never by the name of a scratch file; a tool's name stands
    there once.
    """
    five.make_signed()
    nowhere = [*SIGN, "--out", "nonexistent/o.cs5", "image.cs5"]
    assert five.run("csadmin", *nowhere) == (1, ["csadmin: there is no folder nonexistent"])
    assert five.run("csadmin", "load", "--esn", FIVE, "nosuch.cs5") == (
        1,
        ["csadmin: there is no file nosuch.cs5"],
    )
    [line] = five.run("hsc_loadseemachine", "-m1")[1]
    assert line.startswith("hsc_loadseemachine is for the nShield Connect XC; module 1")


# ---- a fleet -------------------------------------------------------------------------------------


def test_a_machine_of_the_fleet_is_published_again(five: Site) -> None:
    """Removed by removepubobj.py, bootstrap.py and hsc_loadseemachine publish it: by the UUID that
    csadmin lists, or that of its image.
    """
    uuid = five.load()
    assert seemachine(["fleet", "up", "--detach"], five.env)[0] == 0
    entries = {
        path.stem: path.read_bytes() for path in World.at(five.home).published.glob("*.json")
    }
    assert set(entries) == {FIVE, XC}
    for number in ("1", "2"):
        five.done("removepubobj", "-m", number, "-p", "pqsdk")
    five.done("bootstrap", "-m", "1", "--uuid", "none", "--cs5file", "any.cs5")
    assert five.done("hsc_loadseemachine", "-m2") == [
        "Module #2: the SEE machine of seemachine fleet up is loaded already",
        "Module #2: world ID published as pqsdk",
    ]
    assert {
        path.stem: path.read_bytes() for path in World.at(five.home).published.glob("*.json")
    } == entries
    five.done("removepubobj", "-m", "1", "-p", "pqsdk")
    five.done("bootstrap", "-m", "1", "--uuid", uuid, "--cs5file", "signed.cs5")
    assert (World.at(five.home).published / f"{FIVE}.json").read_bytes() == entries[FIVE]
    assert "is not the image that was loaded" in five.refused(
        "bootstrap", "-m", "1", "--uuid", uuid, "--cs5file", "image.cs5"
    )
    assert seemachine(["fleet", "down"], five.env)[0] == 0
    assert not processes.of_the_fleet(World.at(five.home), five.module())
    assert "there is no SEE machine none" in five.refused(
        "bootstrap", "-m", "1", "--uuid", "none", "--cs5file", "signed.cs5"
    )
    assert "no SEE machine is configured for module 2" in five.refused("hsc_loadseemachine", "-m2")
