"""Modes of a module: what needs an operational one refuses in another, and says how to bring it
back (guide 2.5 step 4).
"""

import os
import re
import signal
from pathlib import Path

import pytest
from kit.site import ASK, FIVE, GENERATE, SIGN, TCT2, XC, Site
from kit.waiting import eventually

from seemachine.hsms import published, records
from seemachine.nfast import keystore, paths
from seemachine.world import World

KEY = ["simple", "ident=other", "curve=nistp521", "module=1", *ASK]
BACK = f"{FIVE} is in maintenance mode; bring it back with: nopclearfail -O -m 1"


def test_in_maintenance_nothing_reads_cards_or_loads(five: Site) -> None:
    """Keys, signatures, delegations, images: each is refused before a card is read or a question
    asked; what needs no module works.
    """
    five.make_signed()
    five.make_archives()
    for name in ("new.cs5", "new.sar", "new.raw", "new.csr"):
        assert not Path(name).exists()
    five.done("nopclearfail", "-M", "-m", "1", "-w")
    before = keystore.listing(World.at(five.home))
    create = ["ids", "create", "--keyname", "new", "-m", "1", "--x509cname", "a", "--x509org", "b"]
    for words in (
        ["generatekey", *KEY],
        [
            "generatekey",
            "seeinteg",
            "curve=nistp521",
            "module=1",
            "plainname=plain",
            "protect=module",
        ],
        ["generatekey", "-r", "simple", "module=1"],
        ["userdatatool", "-A", "simple", "-I", "pqsdk-signer", "-f", "new.raw"],
        ["tct2", *TCT2, "--is-machine", "--machine-type", "PowerPCELF", "-o", "new.sar", "m.elf"],
        ["csadmin", *create],
        ["csadmin", *SIGN, "--out", "new.cs5", "image.cs5"],
        [
            "csadmin",
            "image",
            "signextra",
            "--keyname",
            "pqsdk-signer",
            "--out",
            "new.cs5",
            "signed.cs5",
        ],
        ["slotinfo", "--format", "--ignoreauth", "-m1", "-s2"],
    ):
        assert BACK in five.refused(*words)
        # Nothing but the refusal, or the titles above it.
        assert not any("reading card" in line for line in five.run(*words)[1])
    assert BACK in five.refused("csadmin", "load", "--esn", FIVE, "signed.cs5")
    assert keystore.listing(World.at(five.home)) == before
    assert five.module().loaded == []
    assert five.done("slotinfo", "-m1", "-s2") == ["Module 1 slot 2: `testOCS' #1"]
    assert five.done("csadmin", "list") == [f"{FIVE}      No SEE machines currently installed"]
    five.done("csadmin", *GENERATE, "new.cs5")


def test_nfkminfo_says_which_module_is_not_usable(site: Site) -> None:
    """The module that is in another mode; the world is usable while one module is."""
    site.done("nopclearfail", "-M", "-m", "1")
    lines = site.done("nfkminfo")
    assert [line for line in lines if re.match(r" state {7}\S", line)] == [
        " state       0x37270009 Initialised Usable Recovery PINRecovery",
        " state       0x3 MaintMode",
        " state       0x2 Usable",
    ]
    site.done("nopclearfail", "-I", "-m", "2")
    lines = site.done("nfkminfo")
    assert [line for line in lines if re.match(r" state {7}\S", line)] == [
        " state       0x37270009 Initialised !Usable Recovery PINRecovery",
        " state       0x3 MaintMode",
        " state       0x4 InitMode",
    ]


@pytest.mark.parametrize("letter", ["O", "c"])
def test_a_module_is_brought_back(five: Site, letter: str) -> None:
    """By -O, and by a clear, as the guide clears: then the same commands work."""
    five.done("nopclearfail", "-M", "-m", "1")
    assert BACK in five.refused("generatekey", *KEY)
    five.done("nopclearfail", f"-{letter}", "-m", "1")
    assert " mode                 operational" in five.done("enquiry", "-m", "1")
    assert " state       0x2 Usable" in five.done("nfkminfo")
    five.done("generatekey", *KEY)


def test_an_xc_in_maintenance_loads_nothing_and_the_log_says_why(site: Site) -> None:
    """Cleared into maintenance, what it runs is gone; brought back, it runs again, as whenever it
    is restarted (guide 2.5.1 step 8).
    """
    site.make_archives()
    site.load_xc()
    site.done("nopclearfail", "-M", "-m", "2")
    assert not records.running(World.at(site.home), XC)
    assert (
        "SEE machine not loaded: " + BACK.replace(FIVE, XC).replace("-m 1", "-m 2")
        in paths.hardserver_log(World.at(site.home)).read_text()
    )
    assert "is in maintenance mode" in site.refused("hsc_loadseemachine", "-m2")
    site.done("nopclearfail", "-O", "-m", "2")
    assert records.running(World.at(site.home), XC)


def test_an_xc_whose_process_is_gone_comes_back_with_a_clear(site: Site) -> None:
    """As after a reboot of the host (guide 2.5.1 step 8): it runs and is published again, under
    another process.
    """
    site.make_archives()
    site.load_xc()
    first = published.read(World.at(site.home), XC)
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    assert eventually(lambda: not records.running(World.at(site.home), XC))
    site.done("nopclearfail", "-c", "-m", "2")
    second = published.read(World.at(site.home), XC)
    assert second is not None
    assert second.pid != first.pid
    assert records.running(World.at(site.home), XC)


def test_a_mode_is_not_changed_while_a_fleet_runs_the_machine(
    five: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be cleared stays in its mode."""
    uuid = five.load()
    five.done("csadmin", "start", "--esn", FIVE, "--uuid", uuid)
    monkeypatch.setattr("seemachine.nfast.processes.holder", lambda _folder: 1)
    assert "first: seemachine fleet down" in five.refused("nopclearfail", "-M", "-m", "1")
    assert five.module().mode == records.OPERATIONAL
