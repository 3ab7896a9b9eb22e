"""Orders of events that the guide does not print: the wrong one, two views of one world, mixed
signers, two fleets side by side.
"""

import datetime as dt
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import processes
from kit.processes import Ran
from kit.site import ASK, FIVE, GENERATE, SIGN, XC, Site, make_site
from kit.waiting import eventually

from seemachine.config import load
from seemachine.hsms import published, records
from seemachine.world import World

KEY = ["algorithm=lms", "lmscode=sha256_m24_h5", "lmotscode=sha256_n24_w2"]


def pipsqueak(site: Site, *words: str) -> Ran:
    """Run `pipsqueak` on the world of a site."""
    return processes.pipsqueak(list(words), site.env)


def check(site: Site) -> list[dict[str, str]]:
    """What `fleet check` finds."""
    found: list[dict[str, str]] = json.loads(
        "\n".join(site.seemachine("fleet", "check", "--json")[1])
    )["findings"]
    return found


def states(site: Site) -> dict[str, tuple[str, str, str]]:
    """What `fleet status`, csadmin or loadsee-setup's side, and enquiry say of each HSM."""
    status = {
        row["esn"]: row["state"]
        for row in json.loads("\n".join(site.seemachine("fleet", "status", "--json")[1]))[
            "machines"
        ]
    }
    told = {
        FIVE: (
            "started" if any("STARTED" in line for line in site.run("csadmin", "list")[1]) else "-"
        )
    }
    told[XC] = "started" if records.running(World.at(site.home), XC) else "-"
    enquired = {
        esn: next(x for x in site.done("enquiry", "-m", m) if " SEE machine  " in x).split()[-1]
        for m, esn in (("1", FIVE), ("2", XC))
    }
    return {esn: (status[esn], told[esn], enquired[esn]) for esn in (FIVE, XC)}


def start_five(site: Site) -> str:
    """Load, start and publish on the 5c; its UUID."""
    uuid = site.load()
    site.done("csadmin", "start", "--esn", FIVE, "--uuid", uuid)
    site.done("bootstrap", "-m", "1", "--uuid", uuid, "--cs5file", "signed.cs5")
    return uuid


def start_xc(site: Site) -> None:
    """Set the XC up and load it."""
    site.make_archives()
    site.load_xc()


def retarget(site: Site) -> None:
    """The XC's signing key becomes the ASK of the 5c (guide 2.9.2)."""
    site.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    words = [
        "from-application=seeinteg",
        "from-ident=pqsdk-signer",
        "ident=pqsdk-signer",
        "plainname=simple",
        "module=1",
        "slot=2",
    ]
    site.done("generatekey", "-r", "simple", *words)


@pytest.fixture
def mixed(site: Site) -> Site:
    """Both HSMs run and are published, signed by different keys."""
    site.enroll_launcher()
    start_five(site)
    start_xc(site)
    return site


def test_all_views_agree_whoever_starts_and_stops(site: Site) -> None:
    """Started by csadmin, killed, stopped, started by the fleet: status, the tools and enquiry say
    the same.
    """
    site.enroll_launcher()
    uuid = start_five(site)
    assert states(site) == {FIVE: ("up", "started", "started"), XC: ("down", "-", "none")}
    entry = published.listening(World.at(site.home), FIVE)
    assert entry is not None
    os.kill(entry.pid, signal.SIGKILL)
    assert eventually(lambda: not records.running(World.at(site.home), FIVE))
    assert states(site)[FIVE] == ("down", "-", "loaded")
    assert pipsqueak(site)[1][-1] == "PQSDK: 1.4.1 ()"
    assert [finding["problem"][:29] for finding in check(site)] == ["the published object is stale"]
    site.done("csadmin", "start", "--esn", FIVE, "--uuid", uuid)
    site.seemachine("fleet", "down")
    assert states(site) == {FIVE: ("down", "-", "loaded"), XC: ("down", "-", "none")}

    assert processes.seemachine(["fleet", "up", "--detach"], site.env)[0] == 0
    assert states(site) == {FIVE: ("up", "started", "started"), XC: ("up", "started", "started")}
    refusal = site.refused("csadmin", "stop", "--esn", FIVE, "--uuid", uuid)
    assert "seemachine fleet down" in refusal or "is not started" in refusal
    assert "first: seemachine fleet down" in site.refused("nopclearfail", "-c", "-m", "1")
    assert records.running(World.at(site.home), FIVE)


def test_what_a_fleet_runs_is_no_image_whatever_ran_before(site: Site) -> None:
    """In its list csadmin has the fleet's process as such, and the loaded image as stopped, also
    when that was the one that ran last.
    """
    site.enroll_launcher()
    uuid = start_five(site)
    image = [f"{FIVE}      UUID: {uuid}  pqcop 1.4.1  STARTED"]
    told = load(site.home / "hsm" / FIVE / "settings.toml", World.at(site.home))
    assert (told.module, told.publish, told.signer) == (1, False, site.module().signer)
    assert site.done("csadmin", "list") == image
    site.seemachine("fleet", "down")
    assert processes.seemachine(["fleet", "up", "--detach"], site.env)[0] == 0
    ours = [
        image[0].replace("STARTED", "STOPPED"),
        f"{FIVE}      UUID: none  seemachine fleet up   STARTED",
    ]
    assert site.done("csadmin", "list") == ours
    site.done("bootstrap", "-m", "1", "--uuid", "none", "--cs5file", "signed.cs5")

    with site.changing() as module:
        module.started = ""
    assert site.done("csadmin", "list") == ours
    site.seemachine("fleet", "down")
    site.done("csadmin", "start", "--esn", FIVE, "--uuid", uuid)
    assert site.done("csadmin", "list") == image


def test_enrolment_and_the_fleet_agree(site: Site) -> None:
    """Enrolled the other way round, and one alone: enquiry, the fleet and pipsqueak see the same
    modules.
    """
    assert site.seemachine("nfast", "enroll", XC, FIVE)[0] == 0
    assert processes.seemachine(["fleet", "up", "--detach"], site.env)[0] == 0
    both = [f"PQSDK: 1.4.1 ({XC}: 1.4.1, {FIVE}: 1.4.1)"]
    assert pipsqueak(site)[1] == both
    assert [line.split()[:3] for line in site.seemachine("fleet", "status")[1]] == [
        ["module", "1", XC],
        ["module", "2", FIVE],
    ]
    serial = [line.split()[2:] for line in site.done("enquiry") if "serial" in line]
    assert serial == [[XC, FIVE], [XC], [FIVE]]

    site.seemachine("fleet", "down")
    assert site.seemachine("nfast", "enroll", FIVE)[0] == 0
    assert processes.seemachine(["fleet", "up", "--detach"], site.env)[0] == 0
    assert pipsqueak(site)[1] == [f"PQSDK: 1.4.1 ({FIVE}: 1.4.1)"]
    assert "there is no module 2" in site.refused("enquiry", "-m", "2")
    assert [line.split()[:3] for line in site.seemachine("fleet", "status")[1]] == [
        ["module", "1", FIVE],
        ["module", "-", XC],
    ]


def test_fleet_up_is_refused_while_csadmins_machine_runs(site: Site) -> None:
    """One HSM has one SEE machine: the fleet says which to stop."""
    site.enroll_launcher()
    start_five(site)
    code, lines = processes.seemachine(["fleet", "up", "--detach"], site.env)
    assert code == 1
    assert FIVE in lines[0]
    assert "seemachine fleet down" in lines[0]


def test_the_fleet_runs_with_the_signer_that_was_loaded(site: Site) -> None:
    """`fleet up` is the short way to the same state: a key that csadmin's machine made is signed
    with.
    """
    site.enroll_launcher()
    start_five(site)
    assert pipsqueak(site, "generate", "alias=k", *KEY)[0] == 0
    site.seemachine("fleet", "down")
    assert processes.seemachine(["fleet", "up", "--detach"], site.env)[0] == 0
    assert pipsqueak(site, "alias=k", "message=a")[0] == 0


def test_a_machine_of_the_fleet_without_a_signer_differs_too(site: Site) -> None:
    """A 5c that was loaded by csadmin and an XC that only `fleet up` runs do not share keys, and
    the check says so; csadmin shows both.
    """
    site.enroll_launcher()
    site.load()
    assert check(site) == []
    assert processes.seemachine(["fleet", "up", "--detach"], site.env)[0] == 0
    [finding] = check(site)
    assert f"{XC} by nobody" in finding["problem"]
    assert states(site)[FIVE] == ("up", "started", "started")


def test_differing_signers_are_found_and_refused(mixed: Site) -> None:
    """Set up without the retarget of 2.9.2, the fleet check says so before anybody signs; keys stay
    with their signer.
    """
    [finding] = check(mixed)
    assert "signed by different keys" in finding["problem"]
    assert "2.9.2" in finding["advice"]
    assert pipsqueak(mixed, "generate", "alias=k", *KEY)[0] == 0
    head = json.loads((mixed.home / "kmdata/local/key_pqsdk_k").read_bytes().partition(b"\n")[0])
    assert head["signer"] == mixed.module(FIVE).signer != mixed.module(XC).signer


def test_after_the_retarget_both_share_one_signer(site: Site) -> None:
    """As in 2.9.2 both SEE machines say the same signer, and the check finds nothing."""
    site.enroll_launcher()
    retarget(site)
    start_five(site)
    start_xc(site)
    assert site.module(FIVE).signer == site.module(XC).signer != ""
    assert site.seemachine("fleet", "check") == (0, ["no problems found"])
    assert pipsqueak(site)[1] == [f"PQSDK: 1.4.1 ({FIVE}: 1.4.1, {XC}: 1.4.1)"]


def test_a_key_is_refused_when_its_hsm_was_loaded_with_another_signer(site: Site) -> None:
    """The leaves are still in NVRAM, and no SEE machine of another signer is asked for one; the old
    image gets them back.
    """
    site.enroll_launcher()
    first = start_five(site)
    assert pipsqueak(site, "generate", "alias=k", *KEY)[0] == 0
    site.done("csadmin", "stop", "--esn", FIVE, "--uuid", first)
    Path("signed.cs5").rename("first.cs5")
    signed = site.make_signed("another")
    second = site.done("csadmin", "load", "--esn", FIVE, str(signed))[0].split()[-1]
    site.done("csadmin", "start", "--esn", FIVE, "--uuid", second)
    site.done("bootstrap", "-m", "1", "--uuid", second, "--cs5file", "signed.cs5")

    code, lines = pipsqueak(site, "alias=k", "message=a")
    assert code == 1
    assert any(
        "AccessDenied(5): the key belongs to SEE machines signed by" in line for line in lines
    )
    assert any("LMS key k was made by" in finding["problem"] for finding in check(site))

    site.done("csadmin", "stop", "--esn", FIVE, "--uuid", second)
    site.done("csadmin", "start", "--esn", FIVE, "--uuid", first)
    site.done("bootstrap", "-m", "1", "--uuid", first, "--cs5file", "first.cs5")
    code, lines = pipsqueak(site, "--json", "alias=k", "message=a")
    assert (code, json.loads("\n".join(lines))["leaf"]) == (0, 0)


def test_the_check_finds_licences_certificates_and_missing_delegations(site: Site) -> None:
    """Each finding says what to do; a licence that was fed but not cleared is told apart."""
    site.enroll_launcher()
    site.load()
    with records.changing(World.at(site.home), FIVE) as module:
        module.features.remove("see-codesafe5")
        module.loaded[0].developer_until = (
            dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
        ).isoformat()
        module.loaded[0].delegated = False
    found = {finding["problem"].split(";")[0][:40]: finding["advice"] for finding in check(site)}
    assert found["there is no licence SEE Activation, Code"].startswith(
        "install one with nethsmadmin -a"
    )
    assert "csadmin ids add" in next(
        advice for problem, advice in found.items() if "developer certificate" in problem
    )
    assert any("has no NVRAM delegation" in finding["problem"] for finding in check(site))
    with records.changing(World.at(site.home), FIVE) as module:
        module.licences = ["see-codesafe5"]
    assert any(
        "is not effective yet" in finding["problem"] and "nopclearfail -c -m 1" in finding["advice"]
        for finding in check(site)
    )


def test_everything_in_the_wrong_order(site: Site) -> None:
    """The steps of 2.5.2.3 from the last to the first: each is refused, none leaves anything
    behind, and the right order still works.
    """
    nobody = "3d362d35-fc17-448a-b501-914fe0a680b0"
    Path("none.cs5").touch()
    site.refused("removepubobj", "-m", "1", "-p", "pqsdk")
    site.refused("bootstrap", "-m", "1", "--uuid", nobody, "--cs5file", "none.cs5")
    for verb in ("destroy", "stop", "start"):
        site.refused("csadmin", verb, "--esn", FIVE, "--uuid", nobody)
    site.refused("csadmin", "load", "--esn", FIVE, "none.cs5")
    site.refused("csadmin", *SIGN, "--out", "s.cs5", "none.cs5")
    site.refused("csadmin", *GENERATE, "image.cs5")
    site.refused("userdatatool", "-A", "simple", "-I", "pqsdk-signer", "-f", "u.raw")
    Path("dev.pem").touch()
    site.refused("csadmin", "ids", "--esn", FIVE, "add", "dev.pem")
    site.refused(
        "hsmadmin", "cs5", "enroll", FIVE, "127.0.0.1", "2205", "ecdsa-sha2-nistp256", "AAAA"
    )
    site.refused("appliance-cli", "-m", "1", "cs5", "getserverinfo")
    assert {path.name for path in Path().iterdir()} == {"none.cs5", "dev.pem"}
    assert site.module().loaded == site.module().certificates == []

    site.enroll_launcher()
    start_five(site)
    assert pipsqueak(site)[1] == [f"PQSDK: 1.4.1 ({FIVE}: 1.4.1)"]


def test_a_clear_stops_a_5c_and_keeps_its_leaves(site: Site) -> None:
    """ClearUnit ends the SEE machine; loaded images, NVRAM and cards stay, and the next leaf is the
    next.
    """
    site.enroll_launcher()
    uuid = start_five(site)
    assert pipsqueak(site, "generate", "alias=k", *KEY)[0] == 0
    assert pipsqueak(site, "alias=k", "message=a")[0] == 0
    site.done("nopclearfail", "-c", "-m", "1")
    assert states(site)[FIVE] == ("down", "-", "loaded")
    site.done("csadmin", "start", "--esn", FIVE, "--uuid", uuid)
    site.done("bootstrap", "-m", "1", "--uuid", uuid, "--cs5file", "signed.cs5")
    code, lines = pipsqueak(site, "--json", "alias=k", "message=b")
    assert (code, json.loads("\n".join(lines))["leaf"]) == (0, 1)


@pytest.fixture
def neighbour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Site]:
    """A second world beside `site`, with the same ESNs."""
    folder = tmp_path / "neighbour"
    folder.mkdir()
    yield from make_site(folder, monkeypatch, capsys)


def test_two_worlds_trust_nothing_of_each_other(
    site: Site, neighbour: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images, certificates and licences of one world are refused in the other, and both run side by
    side.
    """
    neighbour.enroll_launcher()
    start_five(neighbour)
    assert neighbour.seemachine("nfast", "licence", "l.txt", "--esn", FIVE)[0] == 0
    theirs = Path.cwd()

    monkeypatch.setenv("SEEMACHINE_HOME", str(site.home))
    monkeypatch.chdir(site.home.parent / "work")
    site.enroll_launcher()
    start_five(site)
    assert "is not registered" in site.refused(
        "csadmin", "load", "--esn", FIVE, str(theirs / "signed.cs5")
    )
    assert "was not issued by" in site.refused(
        "csadmin", "ids", "--esn", FIVE, "add", str(theirs / "dev.pem")
    )
    assert "was changed" in site.refused(
        "nethsmadmin", "-m", "1", "-s", "RFS", "-a", str(theirs / "l.txt")
    )
    both = {published.listening(World.at(each.home), FIVE) for each in (site, neighbour)}
    assert len({entry.port for entry in both if entry}) == 2
    assert pipsqueak(site)[1] == pipsqueak(neighbour)[1] == [f"PQSDK: 1.4.1 ({FIVE}: 1.4.1)"]
