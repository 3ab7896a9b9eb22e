"""Lines that the guide does not print: each tool's own, word for word, so that none changes unseen.

The guide's are held by tests/guide.
"""

import datetime as dt
import re
from pathlib import Path

import pytest
from kit.here import told
from kit.site import ASK, FIVE, XC, Site

import seemachine
from seemachine.fleet import check
from seemachine.hsms import published, records
from seemachine.hsms.records import Loaded
from seemachine.nfast import autoload, keystore, paths, questions, securityworld
from seemachine.world import World

KEY = ["simple", "curve=nistp521", "module=1", *ASK]
VERSION = seemachine.__version__
FLAGS = [" enquiry reply flags  none", " enquiry reply level  Six"]


def test_enquiry(site: Site) -> None:
    """The server, then each module; one module alone with -m."""
    operational = [" mode                 operational", f" version              {VERSION}"]
    five = ["Module #1:", *FLAGS, f" serial number        {FIVE}", *operational]
    five += [
        " product name         nShield 5c (seemachine)",
        " SEE machine          none",
        " hardware status      OK",
    ]
    xc = ["Module #2:", *FLAGS, f" serial number        {XC}", *operational]
    xc += [
        " product name         nShield Connect XC (seemachine)",
        " SEE machine type     PowerPCELF",
    ]
    xc += [" SEE machine          none", " hardware status      OK"]
    server = ["Server:", *FLAGS, f" serial number        {FIVE} {XC}", *operational]
    server += [" module type code     0"]
    assert site.done("enquiry") == [*server, *five, *xc]
    assert site.done("enquiry", "-m", "1") == five


def test_enquiry_of_a_machine_that_runs(five: Site) -> None:
    """It says where the machine listens."""
    five.done("csadmin", "start", "--esn", FIVE, "--uuid", five.load())
    entry = published.listening(World.at(five.home), FIVE)
    assert entry is not None
    lines = five.done("enquiry", "-m", "1")[7:9]
    assert lines == [
        " SEE machine          started",
        f" SEE machine address  127.0.0.1 port {entry.port}",
    ]


def test_nfkminfo(site: Site) -> None:
    """The world, its card sets, its keys, one of them; a key that the module alone protects has no
    card set.
    """
    site.done("generatekey", *KEY)
    site.done(
        "generatekey", "seeinteg", "curve=nistp256", "module=1", "plainname=plain", "protect=module"
    )
    found, [cardset] = (
        securityworld.read(World.at(site.home)),
        securityworld.operator_sets(World.at(site.home)),
    )
    head = [
        "World",
        " generation  2",
        " state       0x37270009 Initialised Usable Recovery PINRecovery",
        " n_modules   2",
        f" hknso       {found.admin.hash}",
        " ex.client   none",
        " k-out-of-n  1/1",
    ]
    lines = site.done("nfkminfo")
    assert lines[: len(head)] == head
    assert [line for line in lines if line.startswith("Module #") and "Slot" not in line] == [
        "Module #1",
        "Module #2",
    ]
    five = lines.index("Module #1")
    assert lines[five : five + 6] == [
        "Module #1",
        " generation  2",
        " state       0x2 Usable",
        " flags       0x10000 ShareTarget",
        " n_slots     6",
        f" esn         {FIVE}",
    ]
    slot = lines.index("Module #1 Slot #2 IC 1")
    assert lines[slot : slot + 13] == [
        "Module #1 Slot #2 IC 1",
        " generation    1",
        " phystype      SmartCard",
        " slotlistflags 0x80002 SupportsAuthentication DynamicSlot",
        " state         0x5 Operator",
        " flags         0x0",
        " shareno       1",
        " shares        LTU",
        " error         OK",
        "Cardset",
        ' name          "testOCS"',
        " k-out-of-n    1/3",
        f" hkltu         {cardset.hash}",
    ]
    assert lines[-1] == "No Pre-Loaded Objects"
    assert site.done("nfkminfo", "-c") == [
        "Cardset list - 1 cardsets:",
        f" {cardset.hash}  1/3  testOCS",
    ]
    plain = " AppName seeinteg             Ident plain"
    signer = " AppName simple               Ident pqsdk-signer"
    assert site.done("nfkminfo", "-k") == ["Key list - 2 keys", plain, signer]
    assert site.done("nfkminfo", "-k", "seeinteg") == ["Key list - 1 keys", plain]
    for app, ident, name, curve, protection in (
        (
            "simple",
            "pqsdk-signer",
            "pqsdk-signer",
            "nistp521",
            [" protection  CardSet", f" cardset     {cardset.hash}"],
        ),
        ("seeinteg", "plain", "plain", "nistp256", [" protection  Module", " cardset"]),
    ):
        head = [
            f"Key AppName {app} Ident {ident}",
            f" name        {name}",
            f" type        ECDSA {curve}",
        ]
        hashed = f" hash        {keystore.find(World.at(site.home), app, ident).hash}"
        assert site.done("nfkminfo", "-k", app, ident) == [*head, hashed, *protection]


def test_nfkminfo_by_name_by_module_and_as_a_pool(site: Site) -> None:
    """Names by protection; one module, all as one; no softcard; repeated with each line of standard
    input; -p adds nothing.
    """
    site.done("generatekey", *KEY)
    site.done(
        "generatekey", "seeinteg", "curve=nistp256", "module=1", "plainname=Plain", "protect=module"
    )
    plain = ["Keys with module protection:", " key_seeinteg_plain `Plain'"]
    signer = ["Keys protected by cardsets:", " key_simple_pqsdk-signer `pqsdk-signer'"]
    assert (
        site.done("nfkminfo", "-l")
        == site.done("nfkminfo", "--name-list", "seeinteg", "simple")
        == [*plain, *signer]
    )
    assert site.done("nfkminfo", "-l", "simple") == signer
    assert site.done("nfkminfo", "-s") == ["Softcard list - 0 softcards:"]
    every = site.done("nfkminfo")
    five, xc = every.index("Module #1"), every.index("Module #2")
    assert site.done("nfkminfo", "-w", "-p", "-m", "2") == [*every[:five], *every[xc:]]
    assert "there is no module 3" in site.refused("nfkminfo", "-m", "3")
    pool = ["Pool", " generation  2", " state       0x2 Usable", f" esn         {FIVE}, {XC}"]
    assert site.done("nfkminfo", "--pool") == [*every[:five], *pool]
    assert site.done("nfkminfo", "-r", typed=("", "")) == every * 3


def test_hsmadmin_takes_the_options_that_all_its_verbs_take(site: Site) -> None:
    """--timeout within its limits, --esn as often as wanted, --verbose; what is printed is the
    same.
    """
    [own] = site.done("hsmadmin", "cs5", "clientinfo")
    common = ["--timeout", "120", "--esn", FIVE, "--esn", XC, "--verbose"]
    assert site.done("hsmadmin", "cs5", "clientinfo", *common) == [own]
    site.done("appliance-cli", "-m", "1", "cs5", "ports", "enable", "127.0.0.1")
    server = site.done("appliance-cli", "-m", "1", "cs5", "getserverinfo")[1].split()
    assert site.done("hsmadmin", "cs5", "enroll", *common, *server) == []
    for seconds in ("2", "121"):
        with pytest.raises(SystemExit):
            site.run("hsmadmin", "cs5", "clientinfo", "--timeout", seconds)


def test_slotinfo(site: Site) -> None:
    """All slots with their counters and flags, and one; an HSM without cards has them too."""
    assert site.done("slotinfo", "-m", "1") == [
        "Slot Type            Token   IC    Flags   Details",
        "#0   Smartcard       present 1     A",
        "#1   Software Tkn    -       0",
        "#2   Smartcard       present 1     AD",
        "#3   Smartcard       -       0     AD",
        "#4   Smartcard       -       0     AD",
        "#5   Smartcard       -       0     AD",
    ]
    assert site.done("slotinfo", "-m1", "-s1") == ["Module 1 slot 1: empty"]
    assert site.done("slotinfo", "-m2", "-s2") == ["Module 2 slot 2: empty"]
    assert site.done("slotinfo", "-m1", "-s0") == ["Module 1 slot 0: Admin Card #1"]
    site.rack.remove(FIVE, 2)
    [card] = site.rack.new()
    site.rack.insert(card, FIVE, 2)
    assert site.done("slotinfo", "-m1", "-s2") == ["Module 1 slot 2: blank"]
    (site.home / "hsm" / FIVE / "slots" / "2" / f"{card}.card").write_bytes(b"")
    assert site.done("slotinfo", "-m1", "-s2") == ["Module 1 slot 2: unknown"]


def test_licence_and_clearing(site: Site) -> None:
    """A licence is accepted, and each way of clearing says its command."""
    assert site.seemachine("nfast", "licence", "l.txt", "--esn", FIVE) == (
        0,
        [f"l.txt: SEE Activation, CodeSafe 5 for {FIVE}"],
    )
    words = ["-m", "1", "-s", "RFS", "-a", "l.txt"]
    assert site.done("nethsmadmin", *words) == [
        "licence accepted; it becomes effective with: nopclearfail -c -m 1"
    ]
    assert site.done("nopclearfail", "-n", "-m", "1") == ["Module 1, command NoOp: OK"]
    for letter in "MIO":
        assert site.done("nopclearfail", f"-{letter}", "-m", "1") == [
            "Module 1, command ClearUnitEx: OK"
        ]


def test_csadmin_list(five: Site) -> None:
    """One line for each SEE machine, stopped or started, and what the certificates are without
    --json.
    """
    uuid = five.load()
    assert five.done("csadmin", "list") == [f"{FIVE}      UUID: {uuid}  pqcop 1.4.1  STOPPED"]
    five.done("csadmin", "start", "--esn", FIVE, "--uuid", uuid)
    assert five.done("csadmin", "list", "--esn", FIVE) == [
        f"{FIVE}      UUID: {uuid}  pqcop 1.4.1  STARTED"
    ]
    lines = five.done("csadmin", "ids", "list")
    assert re.fullmatch(
        rf"{FIVE}      [0-9a-f]{{40}}  \S+ \S+  Common Name: CodeSafe Production, .*Country: GB",
        lines[0],
    )
    assert lines[1].endswith("  Common Name: cn, Organization: org")
    machine = {
        "uuid": uuid,
        "name": "pqcop",
        "version": "1.4.1",
        "state": "STARTED",
        "signer": five.module().signer,
    }
    assert five.json("csadmin", "list", "--json") == {
        FIVE: {"succeeded": True, "data": {"SEE machines": [machine]}}
    }
    refused = five.json("csadmin", "start", "--esn", FIVE, "--uuid", uuid, "--json")
    assert refused == {
        FIVE: {"succeeded": False, "error": f"a SEE machine is started on {FIVE} already"}
    }


def test_csadmin_without_a_launcher(site: Site) -> None:
    """Said in one line, and refused."""
    line = (
        "csadmin: no nShield 5c is enrolled for CodeSafe 5; see hsmadmin cs5 enroll (guide 2.5.2.3"
        " step 9)"
    )
    assert site.run("csadmin", "list") == (1, [line])


def test_loading_the_xc(site: Site) -> None:
    """Questions in their order, what is configured, what loads it by hand and by a pushed file."""
    machine, userdata = site.make_archives()
    files = [str(Path(name).absolute()) for name in (machine, userdata)]
    block = [
        "Module #2:",
        f"Machine file:                {files[0]}",
        "Encryption key:",
        "Signing key hash:",
    ]
    block += [
        f"Userdata file:               {files[1]}",
        "WorldID published object:    pqsdk",
        "Postload helper:",
        "Postload args:",
    ]
    typed = (machine, userdata, "", "yes", "no")
    assert site.done("loadsee-setup", "--setup", "-m", "2", typed=typed) == [
        *(
            f"Machine file: {machine}",
            f"Userdata file: {userdata}",
            "WorldID published object: [pqsdk] ",
        ),
        "Module #2 new SEE configuration saved, new configuration follows:",
        *block,
        *(
            "Reload new configuration now? (yes/no): yes",
            "Clear modules before reloading new configuration? (yes/no): no",
        ),
        "The new configuration is loaded when the module is cleared next.",
    ]
    assert site.done("loadsee-setup", "-d", "-m", "2") == block
    published_line = "Module #2: world ID published as pqsdk"
    assert site.done("hsc_loadseemachine", "-m2") == [
        "Module #2: SEE machine m.sar loaded",
        published_line,
    ]
    assert site.done("hsc_loadseemachine", "-m2") == [
        "Module #2: SEE machine m.sar is loaded already",
        published_line,
    ]
    Path("empty").write_text("")
    log = paths.hardserver_log(World.at(site.home))
    assert site.done("cfg-pushnethsm", "-a", XC, "empty") == [
        f"configuration pushed to {XC}; see {log}"
    ]
    assert site.done("cfg-mkdefault")[-1] == "# pull_rfs=yes"
    assert [f"# {name}=" for name in autoload.SETTINGS] == site.done("cfg-mkdefault")[-8:-1]


def test_generatekeys_questions(site: Site) -> None:
    """With what may be answered and what an empty answer means."""
    lines = site.done("generatekey", "seeinteg", typed=("", "", "", "2", "mine"))
    assert lines[:5] == [
        "curve: Elliptic curve? (nistp256, nistp384, nistp521) [nistp521] > ",
        "module: Module to use? (1, 2) [1] > ",
        "cardset: Card set? (testOCS) > ",
        "slot: Slot to read cards from? (0-5) [0] > 2",
        "plainname: Key name? [] > mine",
    ]


def test_counts_of_cards(site: Site) -> None:
    """One card, two cards."""
    site.seemachine("nfast", "cards", "board", "--quorum", "3", "--cards", "3", "--passphrase", "")
    for number in (1, 2, 3):
        site.rack.insert(f"board-{number}", FIVE, number + 2)
    site.rack.remove(FIVE, 2)
    lines = site.done(
        "csadmin", "ids", "create", "--keyname", "x", "--x509cname", "a", "--x509org", "b"
    )
    assert [line for line in lines if " cards of " in line or " card of " in line] == [
        "Module 1: 0 cards of 3 read",
        *("Module 1: 1 card of 3 read", "Module 1: 2 cards of 3 read") * 2,
    ]


@pytest.mark.parametrize("at_terminal", [True, False])
def test_what_is_asked_at_a_terminal(
    site: Site, monkeypatch: pytest.MonkeyPatch, at_terminal: bool
) -> None:
    """A passphrase is asked for by slot and never shown; nobody there is a refusal, at a terminal
    too.
    """
    asked: list[str] = []

    def end_of_file(prompt: str) -> str:
        asked.append(prompt)
        raise EOFError

    site.seemachine("nfast", "cards", "guarded", "--passphrase", "x")
    site.rack.insert("guarded-1", FIVE, 4)
    monkeypatch.setattr(questions, "at_terminal", lambda: at_terminal)
    monkeypatch.setattr("getpass.getpass", end_of_file)
    words = ["simple", "curve=nistp521", "plainname=k", "module=1", "cardset=guarded", "slot=4"]
    assert "no passphrase was given" in site.refused("generatekey", *words)
    assert asked == ["Module 1 slot 4: Enter passphrase: "] * at_terminal


def test_what_the_check_finds(site: Site) -> None:
    """Each finding and its advice, word for word, in the order of how far it reaches; HSMs that are
    not enrolled are left out.
    """
    until = dt.datetime.now(dt.UTC)
    soon, over = (until + dt.timedelta(days=days) for days in (20, -2))
    for esn, signer, moment, features in (
        (FIVE, "5" * 40, soon, ["see-eu10"]),
        (XC, "c" * 40, over, []),
    ):
        with records.changing(World.at(site.home), esn) as module:
            module.features = features
            module.licences = ["see-eu10"] if esn == XC else []
            module.loaded = [
                Loaded(f"uuid-{esn}", "pqcop", "1", "", signer, "", "", moment.isoformat())
            ]
    (World.at(site.home).keys / "key_pqsdk_lost").write_text('{"signer": "1234567890abcdef1234"}\n')
    (World.at(site.home).keys / "key_pqsdk_odd").write_bytes(b"\xff\n")
    published.publish(World.at(site.home), published.Published(FIVE, "5c", 1, "127.0.0.1", 1, 1))
    keys = (
        "the SEE machines are signed by different keys, so LMS keys and cards of one do not work on"
        " another: "
    )
    keys += f"{FIVE} by {'5' * 16}..., {XC} by {'c' * 16}..."
    retarget = (
        "load all of them with one key: retarget the seeinteg key with generatekey -r simple, "
    )
    lost = (
        "the LMS key lost was made by SEE machines signed by 1234567890abcdef..., which none"
        " here is"
    )
    renew = "get a new certificate for the same key and register it with: csadmin ids add"
    ends = "then it can't be started any more"
    delegate = (
        "make userdata.raw with userdatatool.py and put it into the image or the user data (guide"
        " 2.5.1 step 4, 2.5.2.3 step 15)"
    )
    none = "the SEE machine pqcop has no NVRAM delegation; a real HSM would make no keys"
    stale = (
        "start its SEE machine and publish it again with bootstrap.py or hsc_loadseemachine, or"
        " remove it with removepubobj.py"
    )
    install = "install one with nethsmadmin -a, then nopclearfail -c (guide 2.5)"
    assert check.findings(told(site.home)) == [
        check.CheckResult("", keys, f"{retarget}sign the image again with it (guide 2.9.2)"),
        check.CheckResult("", lost, "load a SEE machine that is signed by that key"),
        check.CheckResult(FIVE, "there is no licence SEE Activation, CodeSafe 5", install),
        check.CheckResult(
            FIVE,
            f"the developer certificate of SEE machine uuid-{FIVE} expires at {soon}; {ends}",
            renew,
        ),
        check.CheckResult(FIVE, none, delegate),
        check.CheckResult(
            XC, "the licence SEE Activation (EU+10) is not effective yet", "nopclearfail -c -m 2"
        ),
        check.CheckResult(
            XC,
            f"the developer certificate of SEE machine uuid-{XC} expired at {over}; {ends}",
            renew,
        ),
        check.CheckResult(XC, none, delegate),
        check.CheckResult(
            FIVE, "the published object is stale: no SEE machine is where it points to", stale
        ),
    ]
    site.seemachine("nfast", "enroll", FIVE)
    assert {finding.esn for finding in check.findings(told(site.home))} == {"", FIVE}
    assert "different keys" not in check.findings(told(site.home))[0].problem
