"""Modules: slots, licences, modes, the XC's SEE machine, enrolment, launchers (guide 2.3, 2.5,
2.5.1, 2.8.2, 2.9.1).
"""

import importlib
import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from kit.site import FIVE, TCT2, XC, Site

from seemachine.hsms import published, records
from seemachine.nfast import autoload, paths, processes, tools
from seemachine.nfast.tools import fet
from seemachine.state.cards.slots import Slots
from seemachine.state.errors import CardError
from seemachine.world import World


def setup_xc(site: Site, *answers: str) -> list[str]:
    """Both archives, loaded."""
    site.make_archives()
    return site.load_xc(*answers)


# ---- slots ---------------------------------------------------------------------------------------


def test_slotinfo_lists_and_formats(site: Site) -> None:
    """Slots are listed with their counters; formatting an OCS card needs --ignoreauth, an empty
    slot and leases are refused.
    """
    lines = site.done("slotinfo", "-m", "1")
    assert lines[1] == "#0   Smartcard       present 1     A"
    assert lines[2] == "#1   Software Tkn    -       0"
    assert lines[3] == "#2   Smartcard       present 1     AD"
    assert site.done("slotinfo", "-m1", "-s2") == ["Module 1 slot 2: `testOCS' #1"]
    assert "--ignoreauth" in site.refused("slotinfo", "--format", "-m1", "-s2")
    assert site.done("slotinfo", "-m1", "-s2") == ["Module 1 slot 2: `testOCS' #1"]
    assert site.done("slotinfo", "--format", "--ignoreauth", "-m1", "-s2") == [
        "Formatting token in module 1 slot 2:",
        "Formatted token OK",
    ]
    assert site.done("slotinfo", "-m1", "-s2") == ["Module 1 slot 2: blank"]
    assert "slot 3 of" in site.refused("slotinfo", "--format", "--ignoreauth", "-m1", "-s3")
    assert "there is no module 3" in site.refused("slotinfo", "-m3")
    assert "there is no slot 9" in site.refused("slotinfo", "-m1", "-s9")


# ---- licences and modes --------------------------------------------------------------------------


def test_a_licence_counts_from_the_next_clear(site: Site) -> None:
    """Fet shows N, then, fed and cleared, Y; a licence for another HSM, changed, or from nowhere is
    refused.
    """
    with records.changing(World.at(site.home), FIVE) as module:
        module.features.remove("see-codesafe5")
    assert site.done("fet", "-m", "1")[-1] == f"1    {FIVE} -- Y Y Y N N N Y Y N High Speed"
    assert site.seemachine("nfast", "licence", "l.txt", "--esn", FIVE)[0] == 0
    assert site.seemachine("nfast", "licence", "x.txt", "--esn", XC)[0] == 0
    apply = ["-m", "1", "-s", "RFS", "-a"]
    assert f"is for {XC}, not for {FIVE}" in site.refused("nethsmadmin", *apply, "x.txt")
    Path("forged.txt").write_text(Path("l.txt").read_text().replace("see-codesafe5", "fast-rng"))
    assert "was changed" in site.refused("nethsmadmin", *apply, "forged.txt")
    assert "there is no licence file" in site.refused("nethsmadmin", *apply, "none.txt")
    assert "not a licence file" in site.refused(
        "nethsmadmin", *apply, str(site.home / "fleet.toml")
    )

    site.done("nethsmadmin", "-s", "RFS", "-a", "x.txt")
    assert site.module(XC).licences == ["see-eu10"]
    assert "there is no module 7" in site.refused(
        "nethsmadmin", "-m", "7", "-s", "RFS", "-a", "x.txt"
    )
    site.done("nethsmadmin", *apply, "l.txt")
    assert site.done("fet", "-m", "1")[-1] == f"1    {FIVE} -- Y Y Y N N N Y Y N High Speed"
    assert site.done("nopclearfail", "-c", "-m", "1") == ["Module 1, command ClearUnit: OK"]
    assert site.done("fet", "-m", "1")[-1] == f"1    {FIVE} -- Y Y Y N N Y Y Y N High Speed"


def test_fet_shows_a_column_for_each_feature() -> None:
    """The tree has a title for each of the nine features and the rating, and as many bars."""
    header = fet.header()
    assert header[4].strip() == "ISO Smart Card Support"
    assert header[13].count("|") == 9
    assert header[14].count("|") == 9


def test_nopclearfail_without_a_module_takes_all_and_modes_show_in_enquiry(site: Site) -> None:
    """Each module answers in a line; a mode stays until it is changed back."""
    assert site.done("nopclearfail", "-n") == [
        "Module 1, command NoOp: OK",
        "Module 2, command NoOp: OK",
    ]
    site.done("nopclearfail", "-I", "-m", "2")
    assert " mode                 initialization" in site.done("enquiry", "-m", "2")
    assert "there is no module 9" in site.refused("nopclearfail", "-c", "-m", "9")


# ---- the XC --------------------------------------------------------------------------------------


def test_the_xc_loads_publishes_reloads_and_lets_go(site: Site) -> None:
    """Set up, it runs and is published; a clear loads it again; removed, it is gone; both views
    agree all along.
    """
    lines = setup_xc(site)
    assert lines[0] == "Module #2 new SEE configuration saved, new configuration follows:"
    first = published.read(World.at(site.home), XC)
    assert first is not None
    assert first.module == 2
    assert " SEE machine          started" in site.done("enquiry", "-m", "2")
    assert "is loaded already" in site.done("hsc_loadseemachine", "-m2")[0]
    site.done("nopclearfail", "-c", "-m", "2")
    second = published.read(World.at(site.home), XC)
    assert second is not None
    assert second.pid != first.pid
    assert site.done("loadsee-setup", "-d", "-m", "2")[0] == "Module #2:"
    site.done("loadsee-setup", "-r", "-m", "2", typed=("yes", "yes", "yes"))
    assert not records.running(World.at(site.home), XC)
    assert "there is no SEE configuration" in site.refused("loadsee-setup", "-r", "-m", "2")
    assert "no SEE machine is configured" in site.refused("hsc_loadseemachine", "-m2")
    site.done("removepubobj", "-m", "2", "-p", "pqsdk")


def test_saying_no_leaves_things_as_they_are(site: Site) -> None:
    """Not cleared, nothing is loaded; not erased, the configuration stays; other answers are asked
    again.
    """
    setup_xc(site, "maybe", "yes", "no")
    assert not records.running(World.at(site.home), XC)
    site.done("loadsee-setup", "-r", "-m", "2", typed=("no",))
    assert site.module(XC).autoload


def test_loadsee_setup_asks_for_what_is_missing(site: Site) -> None:
    """Machine, user data and name are asked for; nobody to answer is a refusal."""
    machine, userdata = site.make_archives()
    site.done("loadsee-setup", "--setup", "-m", "2", typed=(machine, userdata, "", "no"))
    assert site.module(XC).autoload["worldid_pubname"] == "pqsdk"
    assert site.module(XC).autoload["userdata"].endswith(userdata)
    assert "nobody answers" in site.refused("loadsee-setup", "--setup", "-m", "2")


def test_loadsee_setup_refuses_what_would_not_load(site: Site) -> None:
    """An unsigned file, none at all, user data of another key, a program for real
    hardware, a 5c.
    """
    machine, userdata = site.make_archives()
    words = ["--setup", "-m", "2", "-p", "pqsdk", "-U", userdata, "-M"]
    assert "is not a signed SEE archive" in site.refused("loadsee-setup", *words, "m.elf")
    assert "there is no file" in site.refused("loadsee-setup", *words, "none.sar")
    assert "is for the nShield Connect XC" in site.refused(
        "loadsee-setup", "--setup", "-m", "1", "-M", machine
    )
    other = ["plainname=other", "curve=nistp521", "module=1", "cardset=testOCS", "slot=2"]
    site.done("generatekey", "seeinteg", *other)
    site.done(
        "tct2",
        "--sign-and-pack",
        "-k",
        "other",
        "--machine-key-ident",
        "other",
        "-o",
        "other.sar",
        "u.raw",
    )
    assert "is for a SEE machine signed by" in site.refused(
        "loadsee-setup", *[w.replace("u.sar", "other.sar") for w in words], machine
    )
    Path("elf").write_bytes(b"\x7fELF")
    site.done("tct2", *TCT2, "--is-machine", "--machine-type", "PowerPCELF", "-o", "elf.sar", "elf")
    assert "only a real HSM could run it" in site.refused("loadsee-setup", *words, "elf.sar")
    assert site.module(XC).autoload == {}


def test_a_load_that_fails_is_in_the_hardserver_log(site: Site) -> None:
    """Without the licence the tool says what the guide says, and the log says why nothing runs."""
    with records.changing(World.at(site.home), XC) as module:
        module.features.remove("see-eu10")
    assert setup_xc(site)[-1].startswith("Check the hardserver log")
    assert (
        "no licence for SEE Activation (EU+10)"
        in paths.hardserver_log(World.at(site.home)).read_text()
    )
    assert "no licence for SEE Activation (EU+10)" in site.refused("hsc_loadseemachine", "-m2")


def test_cfg_pushnethsm(site: Site) -> None:
    """The edited section is used and loaded; one that is wrong, or an address that is not clear, is
    refused.
    """
    machine, userdata = site.make_archives()
    folder = paths.custom_seemachines(World.at(site.home))
    folder.mkdir()
    for name in (machine, userdata):
        (folder / name).write_bytes(Path(name).read_bytes())
    site.done("cfg-mkdefault", "-f", "new")
    text = (
        Path("new").read_text()
        + f"\n[load_seemachine]\nmodule=1\nmachine_file={machine}\nuserdata={userdata}\n"
        + "pull_rfs=yes\n"
    )
    Path("new").write_text(text)
    assert "exists" in site.refused("cfg-mkdefault", "-f", "new")
    assert "no HSM answers at 10.0.0.1" in site.refused("cfg-pushnethsm", "-a", "10.0.0.1", "new")
    assert "several HSMs of this world share 127.0.0.1" in site.refused(
        "cfg-pushnethsm", "-a", "127.0.0.1", "new"
    )
    for changed, reason in (
        (text.replace("module=1", "module=2"), "which is number 1"),
        (text.replace("pull_rfs=yes", ""), "needs pull_rfs=yes"),
        (text.replace("pull_rfs=yes", "pull=yes"), "is not a setting of it"),
        (text.replace("userdata=", "signing_hash=00\nuserdata="), "not by 00 as configured"),
    ):
        Path("wrong").write_text(changed)
        assert reason in site.refused("cfg-pushnethsm", "-a", XC, "wrong")
    assert not records.running(World.at(site.home), XC)
    site.done("cfg-pushnethsm", "-a", XC, "new")
    assert records.running(World.at(site.home), XC)


def test_the_default_configuration_loads_nothing(site: Site) -> None:
    """All its settings are comments."""
    assert autoload.configuration("\n".join(site.done("cfg-mkdefault"))) == []


# ---- enrolment and launchers ---------------------------------------------------------------------


def test_enrolment_gives_numbers_and_hides_the_others(site: Site) -> None:
    """Only enrolled HSMs have numbers, and what the others published is not seen until they are
    enrolled again.
    """
    setup_xc(site)
    site.seemachine("nfast", "enroll", FIVE)
    assert "there is no module 2" in site.refused("enquiry", "-m", "2")
    assert list(World.at(site.home).published.glob("*.json")) == []
    assert records.running(World.at(site.home), XC)
    site.seemachine("nfast", "enroll", XC, FIVE)
    entry = published.read(World.at(site.home), XC)
    assert entry is not None
    assert entry.module == 1
    assert site.seemachine("nfast", "enroll", "0000-0000-0000")[0] == 1
    assert site.seemachine("nfast", "enroll", XC, XC)[0] == 2


def test_what_was_hidden_does_not_come_back_over_a_later_start(site: Site) -> None:
    """Nor in the place of what was published meanwhile: it is invalid like every object of an
    earlier start.
    """
    world = World.at(site.home)
    earlier = published.Published(XC, "xc", 2, "127.0.0.1", 8889, pid=7, opening="earlier")
    later = replace(earlier, opening="later")
    published.publish(world, earlier)
    site.seemachine("nfast", "enroll", FIVE)
    published.announce(world, later)
    site.seemachine("nfast", "enroll", FIVE, XC)
    assert published.read(world, XC) is None
    published.publish(world, earlier)
    site.seemachine("nfast", "enroll", FIVE)
    published.publish(world, later)
    site.seemachine("nfast", "enroll", FIVE, XC)
    assert published.read(world, XC) == later


def test_a_card_of_the_security_world_is_called_so_where_a_lease_is_looked_for(site: Site) -> None:
    """`provesn=`, and a generation with cards, do not call an OCS card damaged."""
    slots = Slots(World.at(site.home), FIVE)
    said = "the card in slot 2 is `testOCS' #1 of the Security World; take it out with: seemachine"
    with pytest.raises(CardError, match=re.escape(said)):
        slots.next_lease(2)
    with pytest.raises(CardError, match=re.escape(said)):
        slots.write_leases(2, ())


def test_launchers_run_in_their_own_world(site: Site, tmp_path: Path) -> None:
    """A launcher acts on the world that made it, whatever the environment says, and
    shows its help.
    """
    [folder] = site.seemachine("nfast", "path")[1]
    assert {path.name for path in Path(folder).iterdir()} == set(tools.known(tools.HOST))
    env = {**os.environ, "SEEMACHINE_HOME": str(tmp_path / "elsewhere")}
    listing = subprocess.run(
        [f"{folder}/fet", "-m", "2"], env=env, capture_output=True, text=True, check=True
    )
    assert XC in listing.stdout
    helped = subprocess.run(
        [f"{folder}/csadmin", "--help"], env=env, capture_output=True, text=True, check=True
    )
    assert "never on hardware" in " ".join(helped.stdout.split())
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", tools.known())
def test_every_tool_says_what_is_ours(
    site: Site, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """--help of each tool has its name, and says that it is a stand-in."""
    with pytest.raises(SystemExit) as stopped:
        site.run(name.removesuffix(".py"), "--help")
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: {name} ")
    assert "never on hardware" in " ".join(printed.split())


def test_every_file_of_the_tools_is_a_tool_or_part_of_one() -> None:
    """One with a `main` is a tool, so a tool is never forgotten; the guide's are all there."""
    folder = Path(tools.__file__).parent
    named = set(tools.known().values())
    for path in folder.glob("[!_]*.py"):
        module = f"{tools.__name__}.{path.stem}"
        assert hasattr(importlib.import_module(module), "main") == (module in named), module
    assert set(tools.known()) >= {"csadmin", "tct2", "fet", "removepubobj.py"}


def test_setup_twice_changes_nothing(site: Site) -> None:
    """Cards, world and HSMs that are there stay as they are."""
    before = json.dumps([path.read_text() for path in sorted(site.home.glob("hsm/*/module.json"))])
    world = (site.home / "kmdata" / "local" / "world").read_bytes()
    assert site.seemachine("nfast", "setup", "--passphrase", "x")[0] == 0
    assert before == json.dumps(
        [path.read_text() for path in sorted(site.home.glob("hsm/*/module.json"))]
    )
    assert world == (site.home / "kmdata" / "local" / "world").read_bytes()


@pytest.mark.parametrize(
    ("first_line", "flags"),
    [
        (b"#!/usr/bin/python3 -ISB", ["-ISB"]),
        (b"#!/usr/bin/env python3", []),
        (b"#!/usr/bin/python3.11", []),
        (b"#!/bin/sh", None),
        (b"\x7fELF\x02\x02", None),
        (b"print('python')", None),
    ],
)
def test_which_programs_run_here(first_line: bytes, flags: list[str] | None) -> None:
    """Python programs run with the flags of their first line; everything else is for
    real hardware.
    """
    assert processes.flags_of(first_line + b"\nrest") == flags
