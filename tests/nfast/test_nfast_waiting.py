"""What the tools say while they wait for a card or an answer, and which card they advise (guide
2.5.1 step 3, 2.9.2 step 2).
"""

import time
from pathlib import Path

import pytest
from kit.site import ASK, FIVE, SIGN, TCT2, XC, Site
from nfast.terminal import Answer, typed

from seemachine.nfast import card_dialogue, keystore, refusals
from seemachine.world import World

KEY = ["simple", "curve=nistp521", "module=1", *ASK]
BOARD = ["simple", "curve=nistp521", "plainname=k", "module=1", "cardset=board"]
RETARGET = [
    "-r",
    "simple",
    "module=1",
    "from-application=seeinteg",
    "from-ident=pqsdk-signer",
    "plainname=x",
]


@pytest.fixture
def board(site: Site) -> Site:
    """A site with a card set of three cards, two of them to be read; the first is in slot 4."""
    assert (
        site.seemachine(
            "nfast", "cards", "board", "--quorum", "2", "--cards", "3", "--passphrase", ""
        )[0]
        == 0
    )
    site.rack.insert("board-1", FIVE, 4)
    return site


# ---- cards ---------------------------------------------------------------------------------------


def test_the_card_that_is_advised_was_not_read(board: Site) -> None:
    """The next of the set that lies on the rack, and how to empty the slot for it; what is in other
    slots is taken out first.
    """
    remove, insert = f"seemachine card remove --esn {FIVE} --slot 4", f"--esn {FIVE} --slot 4"
    refusal = board.refused("generatekey", *BOARD, "slot=4")
    assert refusal.endswith(
        f"1 of 2 read; insert one with: {remove}; seemachine card insert board-2 {insert}"
    )
    board.rack.insert("board-2", XC, 2)
    assert board.refused("generatekey", *BOARD, "slot=4").endswith(
        f"{remove}; seemachine card insert board-3 {insert}"
    )
    board.rack.insert("board-3", XC, 3)
    both = (
        f"seemachine card remove --esn {XC} --slot 2; {remove}; seemachine card insert board-2"
        f" {insert}"
    )
    assert board.refused("generatekey", *BOARD, "slot=4").endswith(f"insert one with: {both}")


def test_the_slot_that_is_advised_is_empty(site: Site) -> None:
    """Where any slot will do: slot 0 for an administrator, 2 for an operator, else the next that is
    empty.
    """
    site.rack.remove(FIVE, 0)
    site.done("generatekey", *KEY)
    words = ["userdatatool", "-A", "simple", "-I", "pqsdk-signer", "-f", "u.raw"]
    assert f"seemachine card insert admin-1 --esn {FIVE} --slot 0" in site.refused(*words)
    assert site.seemachine("nfast", "cards", "other", "--passphrase", "")[0] == 0
    site.rack.remove(FIVE, 2)
    site.rack.insert("other-1", FIVE, 2)
    site.make_image()
    site.make_developer()
    refusal = site.refused("csadmin", *SIGN, "--out", "s.cs5", "image.cs5")
    assert refusal.endswith(
        f"insert one with: seemachine card insert testOCS-1 --esn {FIVE} --slot 0"
    )


def test_who_waits_at_a_terminal_is_told_how_to_insert_a_card(board: Site) -> None:
    """Once for what is in the slots, and anew when that changes; a card that was read already is
    named when it comes again.
    """

    def again() -> None:
        board.rack.remove(FIVE, 4)
        board.rack.insert("board-1", FIVE, 4)
        board.rack.remove(FIVE, 2)
        board.rack.insert("testOCS-2", FIVE, 3)

    def at_last() -> None:
        # Ten looks, that say nothing new.
        time.sleep(10 * card_dialogue.LOOK_SECONDS)
        board.rack.remove(FIVE, 4)
        board.rack.insert("board-3", FIVE, 4)

    read = "waiting for a card of `board'; `board' #1 in slot 4 was read already; insert one with: "
    advice = (
        f"{read}seemachine card remove --esn {FIVE} --slot 4; seemachine card insert board-2 --esn"
        f" {FIVE} --slot 4"
    )
    answers: list[tuple[str, Answer]] = [(advice, again), (advice, at_last)]
    code, seen = typed(board, "generatekey", [*BOARD, "slot=4"], answers)
    assert code == 0
    assert answers == []
    assert seen.count(f"{advice}\n") <= 4
    assert (
        "Module 1 slot 4: `board' #3\nModule 1 slot 4:- no passphrase supplied - reading card\n"
        in seen
    )


# ---- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("slot=7", "no card is read from slot 7; slots for cards are 0, 2, 3, 4, 5"),
        ("slot=1", "no card is read from slot 1"),
        ("slot=abc", "slot takes a number, not 'abc'"),
        ("slot=-2", "slot takes a number"),
        ("verify=maybe", "verify=maybe is not served; verify takes yes, no"),
    ],
)
def test_a_word_that_can_not_be_is_refused_at_once(site: Site, word: str, reason: str) -> None:
    """By generate and retarget, before the table of parameters is printed."""
    site.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    for words in (KEY, [*RETARGET, "ident=new"]):
        code, lines = site.run("generatekey", *words, word)
        assert code == 1
        assert reason in lines[-1]
        assert "key generation parameters:" not in lines


def test_an_empty_word_is_asked_for_or_has_its_default(site: Site) -> None:
    """As if it had not been given."""
    words = ["simple", "curve=", "type=", "verify=", "slot=", "plainname=", "module=1", "cardset="]
    lines = site.done("generatekey", *words, typed=("", "", "2", "mine"))
    assert [line.split(":")[0] for line in lines[:4]] == ["curve", "cardset", "slot", "plainname"]
    assert " verify           Verify security of key    yes" in lines


def test_an_answer_that_can_not_be_is_refused_in_a_pipe(site: Site) -> None:
    """At once, and the next line is not taken for it."""
    words = ["simple", "curve=nistp521", "plainname=k", "module=1", "cardset=testOCS"]
    assert "no card is read from slot 7" in site.refused("generatekey", *words, typed=("7", "2"))
    assert site.typed == ["2"]


def test_an_answer_that_can_not_be_is_asked_again_at_a_terminal(site: Site) -> None:
    """Each question says what is wrong and stands there again, until the answer will do."""
    site.done("generatekey", *KEY)
    answers: list[tuple[str, Answer]] = [
        ("[nistp521] >", b"ed25519\n"),
        ("[nistp521] >", b"\n"),
        ("[1] >", b"9\n"),
        ("[1] >", b"1\n"),
        ("(testOCS) >", b"nobody\n"),
        ("(testOCS) >", b"\n"),
        *(("(0-5) [0] >", text) for text in (b"1\n", b"7\n", b"abc\n", b"2\n")),
        ("Key name? [] >", b"pqsdk-signer\n"),
        ("Key name? [] >", b"a_b\n"),
        ("Key name? [] >", b"new\n"),
    ]
    code, seen = typed(site, "generatekey", ["simple"], answers)
    assert code == 0, seen
    for reason in (
        *(
            "curve=ed25519 is not served",
            "there is no module 9",
            "there is no card set nobody",
            "no card is read from slot 1",
        ),
        *(
            "no card is read from slot 7",
            "slot takes a number, not 'abc'",
            "application simple already",
            "not 'a_b'",
        ),
    ):
        assert reason in seen
    assert keystore.find(World.at(site.home), "simple", "new").name == "new"
    # Nothing that could be typed would help.
    words = ["simple", "curve=nistp521", "ident=new", "module=1", "cardset=testOCS", "slot=2"]
    assert typed(site, "generatekey", words, [])[1].startswith(
        "generatekey: there is a key new of application simple already"
    )


def test_the_source_of_a_retarget_is_asked_again_too(site: Site) -> None:
    """An application without keys, an identifier that is none; nobody to answer ends it all the
    same.
    """
    site.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    answers: list[tuple[str, Answer]] = [
        ("[seeinteg] >", b"abc\n"),
        ("[seeinteg] >", b"simple\n"),
        ("[seeinteg] >", b"\n"),
        ("[pqsdk-signer] >", b"nobody\n"),
        ("[pqsdk-signer] >", b"\x04"),
    ]
    code, seen = typed(site, "generatekey", ["-r", "simple", "module=1", "slot=2"], answers)
    assert code == 1
    assert "there is no key of application abc; applications are seeinteg, simple" in seen
    assert "there is no key of application simple" in seen
    assert "there is no key nobody of application seeinteg" in seen
    assert seen.endswith(
        "generatekey: nobody answers; give the missing words on the command line\n"
    )


def test_no_slot_is_asked_for_a_key_of_the_module(site: Site) -> None:
    """A key that the module alone protects is retargeted without cards; while the words leave it
    open, one on cards counts.
    """
    site.done(
        "generatekey", "seeinteg", "curve=nistp521", "module=1", "plainname=plain", "protect=module"
    )
    lines = site.done("generatekey", "-r", "simple", "module=1", typed=("", "", "one", ""))
    assert not any(line.startswith(("slot", "Loading", "Module")) for line in lines)
    site.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    own = [
        "-r",
        "simple",
        "module=1",
        "from-application=seeinteg",
        "from-ident=plain",
        "ident=two",
        "plainname=x",
    ]
    assert "Key successfully retargetted." in site.done("generatekey", *own)
    assert "slot: Slot" in site.run("generatekey", "-r", "simple", "module=1", typed=("2",))[1][0]


def test_a_retarget_onto_the_key_of_the_first_setup_says_what_to_do(site: Site) -> None:
    """Guide 2.9.2, as printed after 2.5.2.3: the simple key is there.

    Moved away, or with another ident, it works.
    """
    site.done("generatekey", *KEY)
    site.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    refusal = site.refused("generatekey", *RETARGET, "slot=2", "ident=pqsdk-signer")
    assert (
        "move it out of that folder first, or retarget seeinteg pqsdk-signer to another ident"
        in refusal
    )
    assert "--askeyname IDENT" in refusal
    site.done("generatekey", *RETARGET, "slot=2", "ident=other")
    keystore.path_of(World.at(site.home), "simple", "pqsdk-signer").rename("away")
    site.done("generatekey", *RETARGET, "slot=2", "ident=pqsdk-signer")
    with pytest.raises(refusals.Refusal, match=r"already \(\S+\)$"):
        keystore.refuse_taken(World.at(site.home), "simple", "pqsdk-signer")


# ---- modules -------------------------------------------------------------------------------------


def test_without_a_module_the_one_with_the_card_is_taken(site: Site) -> None:
    """Signatures, delegations and developer keys are made where a card of the set is presented, be
    it module 2.
    """
    site.make_archives()
    site.make_signed()
    site.rack.insert(site.rack.remove(FIVE, 2), XC, 3)
    site.rack.insert(site.rack.remove(FIVE, 0), XC, 0)
    for words, read in (
        (
            ["userdatatool", "-A", "simple", "-I", "pqsdk-signer", "-f", "u.raw"],
            "Module 2 slot 0:- no passphrase supplied - reading card",
        ),
        (
            [
                "tct2",
                "--sign-and-pack",
                *TCT2[3:],
                "--machine-key-ident",
                "pqsdk-signer",
                "-o",
                "u.sar",
                "u.raw",
            ],
            "Module 2 slot 3:- ",
        ),
        (["csadmin", *SIGN, "--out", "s.cs5", "image.cs5"], "Module 2 slot 3:- "),
        (
            [
                "csadmin",
                "image",
                "signextra",
                "--keyname",
                "pqsdk-signer",
                "--out",
                "e.cs5",
                "signed.cs5",
            ],
            "Module 2 slot 3:- ",
        ),
        (
            [
                "csadmin",
                "ids",
                "create",
                "--keyname",
                "other",
                "--x509cname",
                "a",
                "--x509org",
                "b",
            ],
            "Module 2 slot 3:- ",
        ),
    ):
        assert any(line.startswith(read) for line in site.done(*words)), words
    site.done("nopclearfail", "-M", "-m", "2")
    refusal = site.refused("userdatatool", "-A", "simple", "-I", "pqsdk-signer", "-f", "u.raw")
    assert "in any slot of module 1" in refusal
    assert refusal.endswith("; or name another module with -m MODULE")
    assert "in maintenance mode" in site.refused(
        "userdatatool", "-m", "2", "-A", "simple", "-I", "pqsdk-signer", "-f", "u.raw"
    )


def test_a_tool_for_one_model_takes_the_only_one(site: Site) -> None:
    """The XC is module 2, and need not be named; of several one must be, and of none there is
    nothing to do.
    """
    machine, userdata = site.make_archives()
    words = ["--setup", "-M", machine, "-U", userdata, "-p", "pqsdk"]
    assert site.done("loadsee-setup", *words, typed=("no",))[0].startswith(
        "Module #2 new SEE configuration saved"
    )
    assert site.done("hsc_loadseemachine")[0] == "Module #2: SEE machine m.sar loaded"
    site.seemachine("nfast", "enroll", XC, FIVE)
    site.done("appliance-cli", "cs5", "ports", "enable", "127.0.0.1")
    assert site.done("appliance-cli", "cs5", "getserverinfo")[1].startswith(FIVE)
    with site.changing(FIVE) as module:
        module.model = "xc"
    assert (
        "several modules are an nShield Connect XC: 1, 2; say which with: -m MODULE"
        in site.refused("hsc_loadseemachine")
    )
    refusal = "appliance-cli cs5 is for the nShield 5c; module 1"
    assert refusal in site.refused("appliance-cli", "cs5", "getserverinfo")
    assert Path(userdata).exists()
