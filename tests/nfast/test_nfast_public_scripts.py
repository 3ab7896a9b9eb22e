"""The tools as published scripts and the vendor's manual use them: command lines that are written
there, and small readers of what is printed, written anew from how others read it.

What they read: a health check splits `enquiry` and `nfkminfo` into words; a cluster script takes
the fourth line of a block by its position; a set-up script lists keys by their columns; monitoring
reads the table of `slotinfo`.
"""

import importlib
import re
from pathlib import Path

import pytest
from kit.site import ASK, FIVE, XC, Site

from seemachine.nfast import archives, autoload, keystore, tools
from seemachine.world import World

MACHINE = ["--is-machine", "--machine-type=PowerPCELF"]


def blocks(lines: list[str], titles: str) -> dict[str, dict[str, str]]:
    """The blocks that begin with a title, each with its lines by name: a name ends at two blanks,
    or at the blank before a value.
    """
    found: dict[str, dict[str, str]] = {}
    title = ""
    for line in lines:
        if re.fullmatch(titles, line):
            title = line.rstrip(":")
            found[title] = {}
        elif title and line.startswith(" "):
            name, _, value = line.strip().partition("  ")
            if not value:
                name, _, value = line.strip().partition(" ")
            found[title][name] = value.strip()
    return found


def words_after(lines: list[str], title: str, count: int) -> list[str]:
    """As `grep -A count TITLE` in an array of a shell."""
    at = lines.index(title)
    return " ".join(lines[at : at + count + 1]).split()


# ---- enquiry -------------------------------------------------------------------------------------


def test_enquiry_in_blocks(site: Site) -> None:
    """The server's serial number names all modules; each block has a mode and a version; a field of
    the flags is cut at the sixth blank.
    """
    found = blocks(site.done("enquiry"), r"Server:|Module #\d+:")
    assert list(found) == ["Server", "Module #1", "Module #2"]
    assert found["Server"]["serial number"] == f"{FIVE} {XC}"
    for block in found.values():
        assert block["mode"] == "operational"
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*", block["version"])
    assert found["Module #1"]["serial number"] == FIVE
    assert site.done("enquiry")[1].split(" ")[5] == "none"


@pytest.mark.parametrize("module", ["-m0", "--module=0"])
def test_enquiry_of_the_hardserver_alone(site: Site, module: str) -> None:
    """Module 0 is the hardserver, as those who look for its version ask."""
    lines = site.done("enquiry", module)
    assert lines == site.done("enquiry")[: len(lines)]
    assert [line for line in lines if not line.startswith(" ")] == ["Server:"]


def test_a_module_in_another_mode_is_found(site: Site) -> None:
    """By `mode` of enquiry; and by the word after the number of the state in nfkminfo, as in
    operational mode.
    """
    usable = ["Module", "#1", "generation", "2", "state", "0x2", "Usable"]
    assert words_after(site.done("nfkminfo"), "Module #1", 3)[:7] == usable
    for option, mode, state in (
        ("--maintenance", "maintenance", "MaintMode"),
        ("--initialization", "initialization", "InitMode"),
    ):
        site.done("nopclearfail", option, "--module=1", "--wait")
        assert blocks(site.done("enquiry"), r".*:")["Module #1"]["mode"] == mode
        words = words_after(site.done("nfkminfo"), "Module #1", 3)
        assert re.fullmatch(r"0x[0-9a-f]+", words[5])
        assert words[6] == state


# ---- nfkminfo ------------------------------------------------------------------------------------


def test_nfkminfo_in_blocks(site: Site) -> None:
    """World, modules and slots; the cards of sets in their slots; the end."""
    lines = site.done("nfkminfo")
    found = blocks(lines, r"World|Module #\d+( Slot #\d+ IC \d+)?|(No )?Cardset|No Pre-.*")
    state = found["World"]["state"].split()
    assert re.fullmatch(r"0x[0-9a-f]{8}", state[0])
    assert {"Initialised", "Usable"} <= set(state[1:])
    assert found["Module #1"]["esn"] == FIVE
    assert found["Module #1"]["n_slots"] == "6"
    slots = [line for line in lines if line.startswith("Module #1 Slot #")]
    assert [int(line.split()[3][1:]) for line in slots] == list(range(6))
    front, soft, dynamic = (found[slots[number]] for number in (0, 1, 2))
    assert (front["phystype"], front["state"]) == ("SmartCard", "0x4 Admin")
    assert (soft["phystype"], soft["state"]) == ("SoftToken", "0x2 Empty")
    assert (dynamic["state"], dynamic["shareno"]) == ("0x5 Operator", "1")
    assert found["Cardset"]["name"] == '"testOCS"'
    assert lines[-1] == "No Pre-Loaded Objects"


def test_keys_in_columns(site: Site) -> None:
    """-k: application and identifier at fixed columns; -l: names in quotes, by protection."""
    site.done("generatekey", "simple", "curve=nistp521", "module=1", *ASK)
    site.done("generatekey", "-b", "seeinteg", "protect=module", "size=256", "ident=plain")
    head, *rows = site.done("nfkminfo", "-k")
    assert re.fullmatch(r"Key list - (\d+) keys", head)
    assert [(row[9:29].strip(), row[36:]) for row in rows] == [
        ("seeinteg", "plain"),
        ("simple", "pqsdk-signer"),
    ]
    assert site.done("nfkminfo", "--name-list") == [
        "Keys with module protection:",
        " key_seeinteg_plain `'",
        "Keys protected by cardsets:",
        " key_simple_pqsdk-signer `pqsdk-signer'",
    ]


# ---- slotinfo, nopclearfail ----------------------------------------------------------------------


def test_slotinfo_as_a_table(site: Site) -> None:
    """Type, token, counter and flags by their columns; without -m all modules."""
    head, *rows = site.done("slotinfo", "--module=1")
    starts = [head.index(title) for title in ("Slot", "Type", "Token", "IC", "Flags")]
    assert starts == [0, 5, 21, 29, 35]
    table = [
        (row[:4].strip(), row[5:20].strip(), row[21:28].strip(), int(row[29:34])) for row in rows
    ]
    assert table[:2] == [("#0", "Smartcard", "present", 1), ("#1", "Software Tkn", "-", 0)]
    every = site.done("slotinfo")
    assert [line for line in every if line.startswith("Module")] == ["Module #1:", "Module #2:"]
    assert rows == every[2:8]
    assert "say which module" in site.refused("slotinfo", "--format", "-s", "2")


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (("-c", "-a"), ["Module 1, command ClearUnit: OK", "Module 2, command ClearUnit: OK"]),
        (("--clear", "--all"), ["Module 1, command ClearUnit: OK"]),
        (("--operational", "-m", "1", "--wait"), ["Module 1, command ClearUnitEx: OK"]),
        (("-I", "-m", "1"), ["Module 1, command ClearUnitEx: OK"]),
    ],
)
def test_nopclearfail_of_published_scripts(
    site: Site, words: tuple[str, ...], lines: list[str]
) -> None:
    """Long and short forms, one module and all."""
    assert site.done("nopclearfail", *words)[: len(lines)] == lines


# ---- generatekey, tct2 ---------------------------------------------------------------------------


def test_generatekey_of_published_scripts(site: Site) -> None:
    """Module and card set as options, -g, -b, sizes of ECDSA, verify turned off; RSA is refused by
    its name; a batch asks nothing.
    """
    site.done(
        "generatekey",
        *("--module=1", "--cardset=testOCS", "--generate", "seeinteg", "plainname=one"),
        *("size=521", "recovery=no", "protect=token", "type=ECDSA", "pubexp=", "nvram=no"),
        "slot=2",
    )
    assert keystore.find(World.at(site.home), "seeinteg", "one").curve == "nistp521"
    site.done(
        "generatekey", "--no-verify", "-b", "-m1", "-c", "testOCS", "-s2", "simple", "ident=two"
    )
    rsa = ["-g", "seeinteg", "plainname=three", "size=4096", "type=RSA", "pubexp="]
    assert "type=RSA is not served; type takes ecdsa" in site.refused("generatekey", *rsa)
    assert "plainname is missing, and --batch asks no questions" in site.refused(
        "generatekey", "--batch", "seeinteg", "protect=module"
    )
    assert "size=384 is the curve nistp384, not nistp521" in site.refused(
        "generatekey", "-b", "simple", "ident=x", "size=384", "curve=nistp521"
    )


def test_tct2_of_published_scripts(site: Site) -> None:
    """Input and output as options; the module that is used is said; user data for the hash of a
    key; what is packed alone can't be loaded.
    """
    site.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    key = keystore.find(World.at(site.home), "seeinteg", "pqsdk-signer")
    Path("m.elf").write_text("machine")
    signing = ["--sign-and-pack", "--key=pqsdk-signer"]
    said = site.done("tct2", *signing, *MACHINE, "--infile", "m.elf", "--outfile", "m.sar")
    assert said[:2] == ["No module specified, using 1", "Signing machine as `PowerPCELF'."]
    site.done(
        "tct2", *signing, "--module=1", f"--machine-key={key.hash}", "-o", "u.sar", "-i", "m.elf"
    )
    assert archives.read(Path("u.sar"), archives.USERDATA).machine_key == key.hash
    site.done("tct2", "--pack", *MACHINE, "--infile=m.elf", "--outfile=p.sar")
    with pytest.raises(archives.Refusal, match="is not a signed SEE archive"):
        archives.read(Path("p.sar"), archives.MACHINE)
    for words in (["-o", "x.sar", *signing, "-m1"], ["--pack", "-o", "x", "-i", "m.elf", "m.elf"]):
        code, lines = site.run("tct2", *words)
        assert (code, lines[-1]) == (2, "tct2: one input file is needed, at the end or with -i")


# ---- help, configuration -------------------------------------------------------------------------


# Those of CodeSafe 5, which are others' programs: csadmin, hsmadmin, appliance-cli.
OTHERS = {"csadmin", "hsmadmin", "appliance-cli"}


@pytest.mark.parametrize("name", sorted({*tools.known(tools.HOST)} - OTHERS))
def test_each_tool_shows_its_usage_and_version(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In short and long form: exit code 0, and its name first. Needs no world."""
    main = importlib.import_module(tools.known()[name]).main
    for option, begins in (
        ("-u", "usage: "),
        ("--usage", "usage: "),
        ("-v", ""),
        ("--version", ""),
    ):
        with pytest.raises(SystemExit) as stopped:
            main([option])
        assert stopped.value.code == 0
        assert capsys.readouterr().out.startswith(f"{begins}{name} ")


def test_a_configuration_as_the_hardserver_reads_it() -> None:
    """Records are separated by lines of hyphens, a comment has a line of its own, so that a value
    may have a #; what is in other sections, and above them, is for others.
    """
    text = """
syntax-version=1
[server_settings]
loglevel=warning
----
[load_seemachine]
# the first
module=1
 machine_file = a#1.sar
-----
module=2
machine_file=b.sar
[slot_imports]
"""
    assert autoload.configuration(text) == [
        {"module": "1", "machine_file": "a#1.sar"},
        {"module": "2", "machine_file": "b.sar"},
    ]


def test_a_network_hsm_takes_one_record(site: Site) -> None:
    """A second is refused, and nothing is changed; the example has a syntax-version."""
    record = "module=1\nmachine_file=a.sar\npull_rfs=yes\n"
    Path("config").write_text(f"syntax-version=1\n[load_seemachine]\n{record}---\n{record}")
    assert "has one record; here are 2" in site.refused("cfg-pushnethsm", "-a", XC, "config")
    assert site.module(XC).autoload == {}
    assert site.done("cfg-mkdefault")[0] == "syntax-version=1"
