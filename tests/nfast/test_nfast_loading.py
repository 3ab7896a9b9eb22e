"""What loads, runs and ends SEE machines, where it refuses: configured sections, delegations,
machines that do not come or go.
"""

import os
import signal
from pathlib import Path

import pytest
from kit.processes import seemachine as run_seemachine
from kit.site import FIVE, SIGN, TCT2, XC, Site

from seemachine.fleet import ending
from seemachine.hsms import published, records
from seemachine.nfast import archives, autoload, delegation, processes, signing
from seemachine.nfast.refusals import Refusal
from seemachine.state.disk.lock import FolderLock
from seemachine.world import World

NOBODY = "3d362d35-fc17-448a-b501-914fe0a680b0"


def test_stopping_another_image_than_the_started_one_is_refused(five: Site) -> None:
    """And the started one runs on."""
    first = five.load()
    second = five.done("csadmin", "load", "--esn", FIVE, "signed.cs5")[0].split()[-1]
    five.done("csadmin", "start", "--esn", FIVE, "--uuid", first)
    assert f"the SEE machine {second} is not started" in five.refused(
        "csadmin", "stop", "--esn", FIVE, "--uuid", second
    )
    assert "is started on" in five.refused("csadmin", "start", "--esn", FIVE, "--uuid", second)
    assert records.running(World.at(five.home), FIVE)
    five.done("csadmin", "destroy", "--esn", FIVE, "--uuid", second)
    five.done("csadmin", "stop", "--esn", FIVE, "--uuid", first)


def test_a_running_xc_is_not_loaded_over(site: Site) -> None:
    """autoload.load looks, whoever calls it; nothing is published for a machine that
    does not run.
    """
    site.make_archives()
    site.load_xc()
    with pytest.raises(Refusal, match="is started on"):
        autoload.load(World.at(site.home), XC)
    with pytest.raises(Refusal, match=f"no SEE machine is started on {FIVE}"):
        processes.publish(World.at(site.home), site.module(), "pqsdk")
    site.seemachine("fleet", "down")
    with pytest.raises(Refusal, match=f"no SEE machine is started on {XC}"):
        processes.publish(World.at(site.home), site.module(XC), "pqsdk")


def test_a_supervised_world_is_left_alone(site: Site) -> None:
    """While `fleet up` runs, what would clear a module is refused: nothing is cleared, and the file
    is not pushed.
    """
    machine, userdata = site.make_archives()
    assert run_seemachine(["fleet", "up", "--detach"], site.env)[0] == 0
    words = ["-s", "-m", "2", "-M", machine, "-U", userdata, "-p", "pqsdk"]
    first = "first: seemachine fleet down"
    with site.changing(XC) as module:
        module.licences = ["fast-rng"]
    assert first in site.refused("loadsee-setup", *words, typed=("yes", "yes"))
    Path("new").write_text("")
    assert first in site.refused("cfg-pushnethsm", "-a", XC, "new")
    assert first in site.refused("nopclearfail", "-c")
    assert site.module(XC).autoload["worldid_pubname"] == "pqsdk"
    assert site.module(XC).licences == ["fast-rng"]
    assert records.running(World.at(site.home), XC)


def test_a_supervised_machine_that_is_down_is_left_to_its_supervisor(site: Site) -> None:
    """It is about to start it again: nothing is loaded beside."""
    machine, userdata = site.make_archives()
    Path("new").write_text("")
    supervisor = FolderLock(site.home / "fleet", "a test")
    try:
        words = ["-s", "-m", "2", "-M", machine, "-U", userdata, "-p", "pqsdk"]
        assert "first: seemachine fleet down" in site.refused(
            "loadsee-setup", *words, typed=("yes", "yes")
        )
        assert "first: seemachine fleet down" in site.refused("cfg-pushnethsm", "-a", XC, "new")
        assert not records.running(World.at(site.home), XC)
    finally:
        supervisor.release()


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("[other]\nmachine_file=a\n", {}),
        ("machine_file=a\n[load_seemachine]\n", {}),
        (
            "[load_seemachine]\n# machine_file=a\n machine_file = b # c\n[other]\nmachine_file=d\n",
            {"machine_file": "b # c"},
        ),
    ],
)
def test_only_the_section_on_see_machines_is_read(text: str, settings: dict[str, str]) -> None:
    """Whatever stands before and after it, and without comments, which have lines of their own."""
    assert autoload.configuration(text) == ([settings] if settings else [])


@pytest.mark.parametrize("line", ["machine_file", "file=a", "=a"])
def test_a_line_of_the_section_that_is_no_setting_is_refused(line: str) -> None:
    """It is named."""
    with pytest.raises(Refusal, match="is not a setting of it"):
        autoload.configuration(f"[load_seemachine]\n{line}\n")


def test_an_empty_section_takes_the_configuration_away(site: Site) -> None:
    """It needs no pull_rfs, and what ran is gone."""
    site.make_archives()
    site.load_xc(published="")
    assert records.running(World.at(site.home), XC)
    assert not list(site.home.glob("published/*/*"))
    Path("new").write_text("[load_seemachine]\nmodule=1\n")
    site.done("cfg-pushnethsm", "-a", XC, "new")
    assert site.module(XC).autoload == {}
    assert not records.running(World.at(site.home), XC)


def test_user_data_that_is_a_delegation_of_another_world_or_key_is_refused(site: Site) -> None:
    """Only this world's ACS lets a key allocate NVRAM; what is not a delegation at all is just user
    data.
    """
    nso, signer = signing.generate(), "5" * 40
    good = delegation.signed(signer, nso)
    assert delegation.refuse_other_key(good, nso.public_key(), signer)
    with pytest.raises(Refusal, match="is not of this Security World"):
        delegation.refuse_other_key(good, signing.generate().public_key(), signer)
    with pytest.raises(Refusal, match="is not of this Security World"):
        delegation.refuse_other_key(good.replace(b"5" * 40, b"6" * 40), nso.public_key(), "6" * 40)
    with pytest.raises(Refusal, match="is for the key"):
        delegation.refuse_other_key(good, nso.public_key(), "6" * 40)
    for data in (
        b"",
        b"[]",
        b"7",
        b"{}",
        b"[" * 100_000,
    ):
        assert not delegation.refuse_other_key(data, nso.public_key(), signer)
    later = good.replace(b"delegation 1", b"delegation 2")
    with pytest.raises(Refusal, match="written by a newer version"):
        delegation.refuse_other_key(later, nso.public_key(), signer)


def test_an_xc_without_delegation_loads_and_the_check_says_so(site: Site) -> None:
    """User data of another kind is loaded as it is."""
    site.make_archives()
    site.done("tct2", *TCT2, "--machine-key-ident", "pqsdk-signer", "-o", "u.sar", "m.elf")
    site.load_xc()
    assert not site.module(XC).loaded[0].delegated
    site.load_xc(userdata="")
    assert not site.module(XC).loaded[0].delegated


def test_a_machine_that_does_not_end_is_said(five: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is still known as started."""
    target = ["--esn", FIVE, "--uuid", five.load()]
    five.done("csadmin", "start", *target)
    entry = published.listening(World.at(five.home), FIVE)
    assert entry is not None
    os.kill(entry.pid, signal.SIGSTOP)
    with monkeypatch.context() as patched:
        patched.setattr(ending, "STOP_SECONDS", 0.1)
        refused = five.refused("csadmin", "stop", *target)
        assert f"process {entry.pid} did not stop within 0.1 s" in refused
    os.kill(entry.pid, signal.SIGCONT)
    five.done("csadmin", "stop", *target)


def test_a_machine_that_does_not_listen_is_ended_and_said(
    five: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that starts and never listens does not stay behind."""
    five.make_signed()
    five.make_image(
        "#!/usr/bin/env python3\nimport time\nprint('waiting', flush=True)\ntime.sleep(60)\n"
    )
    five.done("csadmin", *SIGN, "--out", "deaf.cs5", "image.cs5")
    uuid = five.done("csadmin", "load", "--esn", FIVE, "deaf.cs5")[0].split()[-1]
    monkeypatch.setattr(processes, "START_SECONDS", 1.5)
    assert "did not start: " in five.refused("csadmin", "start", "--esn", FIVE, "--uuid", uuid)
    assert five.module().started == ""


def test_keys_of_archives_say_who_signed_them(site: Site) -> None:
    """A signing hash that is configured must be that of the archive."""
    machine, userdata = site.make_archives()
    signer = archives.read(Path(machine), archives.MACHINE).signer
    settings = {
        **autoload.defaults(),
        "machine_file": str(Path(machine).absolute()),
        "userdata": str(Path(userdata).absolute()),
    }
    for given, good in (("", True), (signer, True), ("0" * 40, False)):
        module = site.module(XC)
        module.autoload = {**settings, "signing_hash": given}
        if good:
            assert autoload.check(World.at(site.home), module).signer == signer
        else:
            with pytest.raises(Refusal, match=r"not by 0+ as configured"):
                autoload.check(World.at(site.home), module)
