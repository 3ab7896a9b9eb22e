"""Cards and keys: the dialogue, quorum and passphrases, generatekey, tct2, userdatatool.py,
nfkminfo (guide 2.5.1, 2.9.2).
"""

import subprocess
import sys
from pathlib import Path

import pytest
from kit.site import ASK, FIVE, TCT2, XC, Site

from seemachine.nfast import archives, keystore
from seemachine.world import World

KEY = ["simple", "curve=nistp521", "module=1", *ASK]


def test_a_quorum_is_read_card_by_card(site: Site) -> None:
    """Two cards of three are read one after the other; with one of them the key is refused, and how
    many were read is said.
    """
    site.seemachine("nfast", "cards", "board", "--quorum", "2", "--cards", "3", "--passphrase", "")
    site.rack.insert("board-3", FIVE, 4)
    words = ["simple", "curve=nistp521", "plainname=k", "module=1", "cardset=board", "slot=4"]
    assert "no further card of `board' in slot 4 of module 1; 1 of 2 read" in site.refused(
        "generatekey", *words
    )
    site.rack.insert("board-1", FIVE, 3)
    site.rack.remove(FIVE, 2)
    lines = site.done(
        "csadmin", "ids", "create", "--keyname", "x", "--x509cname", "a", "--x509org", "b"
    )
    assert lines[2:4] == ["Module 1: 0 cards of 2 read", "Module 1 slot 3: `board' #1"]
    assert "Module 1: 1 card of 2 read" in lines
    assert "Module 1 slot 4:- no passphrase supplied - reading card" in lines


def test_passphrases_are_asked_for_and_checked(site: Site) -> None:
    """A wrong passphrase, or none, is refused and makes no key; the right one is not printed."""
    site.seemachine("nfast", "cards", "guarded", "--passphrase", "open sesame")
    site.rack.insert("guarded-1", FIVE, 4)
    words = ["simple", "curve=nistp521", "plainname=k", "module=1", "cardset=guarded", "slot=4"]
    assert "wrong passphrase for `guarded' #1 in slot 4" in site.refused(
        "generatekey", *words, typed=("sesame",)
    )
    assert "no passphrase was given" in site.refused("generatekey", *words)
    lines = site.done("generatekey", *words, typed=("open sesame",))
    assert "Module 1 slot 4:- passphrase supplied - reading card" in lines
    assert "sesame" not in "\n".join(lines)


def test_a_card_in_another_slot_or_of_another_set_is_not_read(site: Site) -> None:
    """With slot= only that slot counts; a foreign set is shown and left alone."""
    site.seemachine("nfast", "cards", "other", "--passphrase", "")
    site.rack.insert("other-1", FIVE, 3)
    code, lines = site.run(
        "generatekey",
        "simple",
        "curve=nistp521",
        "plainname=k",
        "module=1",
        "cardset=testOCS",
        "slot=3",
    )
    assert code == 1
    assert "Module 1 slot 3: `other' #1" in lines
    assert "no further card of `testOCS' in slot 3" in lines[-1]


def test_what_is_missing_is_asked_for(site: Site) -> None:
    """Generatekey asks for module, curve, card set, slot and name in turn; an empty answer takes
    the default.
    """
    typed = ("", "", "", "2", "My-Key")
    lines = site.done("generatekey", "seeinteg", typed=typed)
    questions = [line.split(":")[0] for line in lines[:5]]
    assert questions == ["curve", "module", "cardset", "slot", "plainname"]
    assert lines[-1].endswith("kmdata/local/key_seeinteg_my-key")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nvrnm=no"], "unknown parameter nvrnm"),
        (["type=rsa"], "type=rsa is not served"),
        (["curve=ed25519"], "curve=ed25519 is not served"),
        (["cardset=nobody"], "there is no card set nobody; there are: testOCS"),
        (["module=7"], "there is no module 7"),
        (["slot=first"], "slot takes a number"),
        (["ident=a_b"], "has up to 64 letters, digits and hyphens"),
    ],
)
def test_generatekey_refuses(site: Site, words: list[str], reason: str) -> None:
    """A wrong word makes no key, and the refusal names it."""
    assert reason in site.refused("generatekey", *KEY, *words)
    assert keystore.listing(World.at(site.home)) == []


def test_a_key_is_never_replaced(site: Site) -> None:
    """Generating or retargeting onto a key that exists is refused, and the key stays."""
    site.done("generatekey", *KEY)
    site.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    before = keystore.find(World.at(site.home), "simple", "pqsdk-signer")
    assert "there is a key pqsdk-signer of application simple already" in site.refused(
        "generatekey", *KEY
    )
    retarget = [
        "-r",
        "simple",
        "module=1",
        "slot=2",
        "from-application=seeinteg",
        "from-ident=pqsdk-signer",
        "plainname=x",
    ]
    assert "there is a key pqsdk-signer of application simple already" in site.refused(
        "generatekey", *retarget, "ident=pqsdk-signer"
    )
    assert keystore.find(World.at(site.home), "simple", "pqsdk-signer") == before


def test_a_retargeted_key_is_the_same_key(site: Site) -> None:
    """Hash and public key are those of the source, so the same SEE machine signer; without a source
    it is refused.
    """
    words = [
        "-r",
        "simple",
        "module=1",
        "slot=2",
        "from-application=seeinteg",
        "ident=ask",
        "plainname=x",
    ]
    assert "there is no key to retarget" in site.refused("generatekey", *words)
    site.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    assert "there is no key nobody" in site.refused("generatekey", *words, "from-ident=nobody")
    assert "Key successfully retargetted." in site.done(
        "generatekey", *words, "from-ident=pqsdk-signer"
    )
    source, target = (
        keystore.find(World.at(site.home), "seeinteg", "pqsdk-signer"),
        keystore.find(World.at(site.home), "simple", "ask"),
    )
    assert (source.hash, source.public) == (target.hash, target.public)


def test_userdatatool_needs_the_acs_and_the_key(site: Site) -> None:
    """Without the ACS in a slot, or without the key, there is no delegation."""
    words = ["-A", "simple", "-I", "pqsdk-signer", "-f", "u.raw"]
    assert "there is no key pqsdk-signer" in site.refused("userdatatool", *words)
    site.done("generatekey", *KEY)
    site.rack.remove(FIVE, 0)
    assert "the Administrator Card Set in any slot of module 1" in site.refused(
        "userdatatool", *words
    )
    assert not Path("u.raw").exists()


def test_tct2_refuses(site: Site) -> None:
    """No such key, another machine type, user data for no machine; and no card, no signature."""
    Path("m.elf").write_text("x")
    machine = ["--is-machine", "--machine-type", "PowerPCELF", "-o", "m.sar", "m.elf"]
    assert "there is no key pqsdk-signer of application seeinteg" in site.refused(
        "tct2", *TCT2, *machine
    )
    site.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    assert "--machine-type takes PowerPCELF" in site.refused(
        "tct2", *TCT2, *[w.replace("PowerPC", "ARM") for w in machine]
    )
    assert "name its key with --machine-key-ident" in site.refused(
        "tct2", *TCT2, "-o", "u.sar", "m.elf"
    )
    site.rack.remove(FIVE, 2)
    assert "no further card of `testOCS'" in site.refused("tct2", *TCT2, *machine)
    assert not Path("m.sar").exists()


def test_a_signing_key_of_the_module_alone_is_refused(site: Site) -> None:
    """Guide 2.5.1 step 3: it must be protected by a card set; making one is no error yet."""
    words = ["seeinteg", "curve=nistp521", "module=1", "plainname=pqsdk-signer", "protect=module"]
    site.done("generatekey", *words)
    Path("m.elf").write_text("x")
    refusal = site.refused("tct2", *TCT2, "--machine-key-ident", "pqsdk-signer", "-o", "u", "m.elf")
    assert "must be protected by a card set: generatekey seeinteg protect=token" in refusal
    assert not Path("u").exists()


def test_a_changed_archive_is_refused(site: Site) -> None:
    """One byte of the payload changed after signing is found."""
    machine, userdata = site.make_archives()
    data = Path(machine).read_bytes()
    Path(machine).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(archives.Refusal, match="signature does not fit"):
        archives.read(Path(machine), archives.MACHINE)
    with pytest.raises(archives.Refusal, match="is a userdata archive"):
        archives.read(Path(userdata), archives.MACHINE)


def test_a_key_file_alone_gives_no_key_away(site: Site) -> None:
    """What is hidden in a key file is not the private key, and a damaged file is refused."""
    site.done("generatekey", *KEY)
    path = keystore.path_of(World.at(site.home), "simple", "pqsdk-signer")
    assert "PRIVATE" not in path.read_text()
    path.write_text(path.read_text().replace("seemachine nfast key 1", "another"))
    assert "is damaged" in site.refused("nfkminfo", "-k", "simple", "pqsdk-signer")


def test_nfkminfo_shows_world_sets_and_keys(site: Site) -> None:
    """The world names both modules; card sets and keys are listed, one key with its hash."""
    site.done("generatekey", *KEY)
    world = site.done("nfkminfo")
    assert world[0] == "World"
    assert {f" esn         {esn}" for esn in (FIVE, XC)} <= set(world)
    assert site.done("nfkminfo", "-c")[1].endswith("1/3  testOCS")
    assert site.done("nfkminfo", "-k")[1] == " AppName simple               Ident pqsdk-signer"
    key = keystore.find(World.at(site.home), "simple", "pqsdk-signer")
    assert f" hash        {key.hash}" in site.done("nfkminfo", "-k", "simple", "pqsdk-signer")


def test_a_tool_waits_for_a_card_as_long_as_it_is_told(site: Site) -> None:
    """With SEEMACHINE_CARD_SECONDS the card may come while the tool waits; its slot is then shown
    anew.
    """
    site.rack.remove(FIVE, 2)
    words = [sys.executable, "-m", "seemachine.nfast.tools.generatekey", *KEY]
    env = {**site.env, "SEEMACHINE_CARD_SECONDS": "20"}
    with subprocess.Popen(
        words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if line.strip() == "Module 1 slot 5: empty":
                site.rack.insert("testOCS-1", FIVE, 2)
    assert process.returncode == 0
    at = lines.index("Module 1 slot 5: empty")
    assert lines[at + 1 : at + 3] == [
        "Module 1 slot 2: `testOCS' #1",
        "Module 1 slot 2:- no passphrase supplied - reading card",
    ]
