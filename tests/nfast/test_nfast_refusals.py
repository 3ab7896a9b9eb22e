"""Refusals of single tools that no chapter of the guide comes near: wrong models, words, files;
each drops out alone.
"""

import base64
from pathlib import Path

import pytest
from kit.site import ASK, FIVE, GENERATE, XC, Site

from seemachine.hsms import records
from seemachine.nfast import images, keystore, licences, paths, securityworld
from seemachine.nfast.refusals import Refusal
from seemachine.state.errors import StateCorrupt
from seemachine.world import World

NOBODY = "3d362d35-fc17-448a-b501-914fe0a680b0"


def test_tools_of_the_other_model_are_refused(site: Site) -> None:
    """bootstrap.py is the 5c's; hsc_loadseemachine, loadsee-setup and a pushed section are the
    XC's.
    """
    Path("x").write_text("")
    for_five, for_xc = "is for the nShield 5c", "is for the nShield Connect XC"
    assert for_five in site.refused("bootstrap", "-m", "2", "--uuid", NOBODY, "--cs5file", "x")
    assert for_xc in site.refused("hsc_loadseemachine", "-m1")
    assert for_xc in site.refused("loadsee-setup", "-d", "-m", "1")
    assert for_xc in site.refused("cfg-pushnethsm", "-a", FIVE, "x")


def test_nothing_enrolled_is_said(site: Site) -> None:
    """With no HSM on this host a tool says how to make some, or which modules there are."""
    for esn in (FIVE, XC):
        with site.changing(esn) as module:
            module.number = 0
    assert "no HSM is enrolled; make some with: seemachine nfast setup" in site.refused(
        "hsc_loadseemachine"
    )
    assert "there is no module 1; modules are: none" in site.refused("enquiry", "-m", "1")
    assert "enrolled are: none" in site.refused("csadmin", "list", "--esn", FIVE)


def test_words_that_are_missing_are_asked_for_or_refused(site: Site) -> None:
    """Slotinfo --format without a slot, loadsee-setup without a machine or a configuration, a
    retarget without keys of its source.
    """
    assert "say which slot: -s SLOT" in site.refused("slotinfo", "-m1", "--format", "--ignoreauth")
    assert "slot 1 is the soft token of the module" in site.refused(
        "slotinfo", "-m1", "-s1", "--format", "--ignoreauth"
    )
    assert "a SEE machine is needed: -M FILE.sar" in site.refused(
        "loadsee-setup", "--setup", "-m", "2", typed=("",)
    )
    assert "there is no SEE configuration for module 2" in site.refused(
        "loadsee-setup", "-d", "-m", "2"
    )
    site.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    words = [
        "-r",
        "seeinteg",
        "module=1",
        "slot=2",
        "from-application=simple",
        "ident=a",
        "plainname=b",
    ]
    assert "there is no key of application simple" in site.refused("generatekey", *words)


def test_keys_of_pipsqueak_are_not_taken_for_damaged_ones(site: Site) -> None:
    """They have a form of their own; who asks for them is told where they are shown.

    An application that nobody knows has no keys.
    """
    (paths.kmlocal(World.at(site.home)) / "key_pqsdk_test-lms").write_bytes(b"{}")
    for words in (["-k", "pqsdk"], ["-k", "pqsdk", "test-lms"], ["-l", "simple", "pqsdk"]):
        assert "the keys of application pqsdk are pipsqueak's" in site.refused("nfkminfo", *words)
    assert site.done("nfkminfo", "-k", "abc") == ["Key list - 0 keys"]


def test_a_name_that_is_taken_is_refused_before_any_card_is_read(site: Site) -> None:
    """Nobody types a passphrase in vain."""
    site.done("generatekey", "simple", "curve=nistp521", "module=1", *ASK)
    site.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    site.rack.remove(FIVE, 2)
    taken = "there is a key pqsdk-signer of application"
    assert taken in site.refused("generatekey", "simple", "curve=nistp521", "module=1", *ASK)
    retarget = [
        "-r",
        "simple",
        "module=1",
        "slot=2",
        "from-application=seeinteg",
        "from-ident=pqsdk-signer",
        "plainname=x",
    ]
    assert taken in site.refused("generatekey", *retarget, "ident=pqsdk-signer")
    assert taken in site.refused(
        "csadmin",
        "ids",
        "create",
        "--keyname",
        "pqsdk-signer",
        "--x509cname",
        "a",
        "--x509org",
        "b",
    )


def test_a_key_is_not_replaced_by_whoever_looks_too_late(site: Site) -> None:
    """Also the last step, when all cards were read, looks again."""
    site.done("generatekey", "simple", "curve=nistp521", "module=1", *ASK)
    key = keystore.find(World.at(site.home), "simple", "pqsdk-signer")
    with pytest.raises(Refusal, match="already"):
        keystore.retarget(World.at(site.home), key, "simple", "pqsdk-signer", "other")
    assert keystore.find(World.at(site.home), "simple", "pqsdk-signer") == key


@pytest.mark.parametrize(
    "entry", ["usr/bin/entrypoint", "/usr/../usr/bin/entrypoint", "/etc", "/usr/bin/none", ""]
)
def test_an_entry_point_is_a_file_of_the_tree_written_as_in_the_container(
    site: Site, entry: str
) -> None:
    """Absolute, without detours, and there."""
    site.make_image()
    words = [word if word != "/usr/bin/entrypoint" else entry for word in GENERATE]
    assert "is not a file below container" in site.refused("csadmin", *words, "x.cs5")


def test_image_generate_needs_the_tree_and_the_sdk(site: Site) -> None:
    """A root folder that is not there, and an SDK that was taken away; nothing half is left."""
    site.make_image()
    words = [word if word != "container" else "elsewhere" for word in GENERATE]
    assert "there is no folder elsewhere" in site.refused("csadmin", *words, "x.cs5")
    (site.home / "opt/nfast/c/csd5/rootfs/seemachine-stand-in.txt").unlink()
    (site.home / "opt/nfast/c/csd5/rootfs").rmdir()
    assert "the CodeSafe 5 SDK is not installed" in site.refused("csadmin", *GENERATE, "x.cs5")
    assert not Path("x.cs5").exists()
    assert not list(Path().glob("rfs_build_*"))


def test_an_image_of_another_format_is_refused(site: Site) -> None:
    """Though its tree is its manifest's."""
    image = images.read(site.make_image())
    images.write(
        Path("x.cs5"),
        images.Image(image.manifest.replace(b"cs5 image 1", b"cs5 image 2"), image.tree),
    )
    assert "written by a newer version of seemachine" in site.refused(
        "csadmin", "load", "--esn", FIVE, "x.cs5"
    )


def test_without_a_card_and_with_several_sets_none_is_guessed(site: Site) -> None:
    """`ids create` takes the set of the card that is presented, or the only one there is."""
    site.rack.remove(FIVE, 2)
    create = ["csadmin", "ids", "create", "--keyname", "x", "--x509cname", "a", "--x509org", "b"]
    assert "no further card of `testOCS'" in site.refused(*create)
    site.seemachine("nfast", "cards", "other", "--passphrase", "")
    assert "there is not just one card set" in site.refused(*create)


def test_keys_of_the_launcher_are_looked_at(site: Site) -> None:
    """Another type, no base64, base64 of something else; by appliance-cli and hsmadmin alike."""
    site.done("appliance-cli", "-m", "1", "cs5", "ports", "enable", "127.0.0.1")
    kind, own = site.done("hsmadmin", "cs5", "clientinfo")[0].split()
    for pair in (
        ("ssh-rsa", own),
        (kind, "not base64!"),
        (kind, base64.b64encode(b"something else").decode()),
    ):
        assert "this is not a key of type" in site.refused(
            "appliance-cli", "-m", "1", "cs5", "setclientinfo", *pair
        )
        assert "this is not a key of type" in site.refused(
            "hsmadmin", "cs5", "enroll", FIVE, "127.0.0.1", "2205", *pair
        )
    nobody = ["hsmadmin", "cs5", "enroll", "0000-0000-0000", "127.0.0.1", "2205", kind, own]
    assert "no nShield 5c 0000-0000-0000 answers at 127.0.0.1" in site.refused(*nobody)


def test_licences_of_unknown_features_or_hsms_are_refused(site: Site) -> None:
    """The issuer knows both; another version is not called damaged."""
    code, lines = site.seemachine("nfast", "licence", "l.txt", "--esn", FIVE, "--feature", "flying")
    assert code == 2
    assert "there is no feature flying; features are iso" in lines[-1]
    assert (
        "there is no HSM 0000-0000-0000"
        in site.seemachine("nfast", "licence", "l.txt", "--esn", "0000-0000-0000")[1][-1]
    )
    assert not Path("l.txt").exists()
    text = licences.issue(World.at(site.home), FIVE, ["iso"])
    assert licences.read(World.at(site.home), text) == (FIVE, ["iso"])
    for changed in (
        text.replace("licence 1", "licence 2"),
        text.replace('"iso"', "1"),
        "[" * 100_000,
    ):
        with pytest.raises(Refusal, match=r"not a licence file|was changed|newer version"):
            licences.read(World.at(site.home), changed)
    with pytest.raises(Refusal, match="written by a newer version of seemachine"):
        licences.read(World.at(site.home), text.replace("licence 1", "licence 2"))


def test_setup_refuses_a_fleet_file_that_is_wrong(site: Site) -> None:
    """In the words of the fleet; so does a start, when the file became wrong later."""
    Path("wrong.toml").write_text("[[machines]]\nesn = 7\n")
    code, lines = site.seemachine("nfast", "setup", "--fleet", "wrong.toml", "--passphrase", "")
    assert code == 1
    assert "wrong.toml" in lines[-1]
    site.enroll_launcher()
    uuid = site.load()
    (site.home / "fleet.toml").write_text("[machines]\n")
    assert "a fleet needs at least one [[machines]]" in site.refused(
        "csadmin", "start", "--esn", FIVE, "--uuid", uuid
    )


def test_enrolment_names_what_is_not_there(site: Site) -> None:
    """Nothing is changed then."""
    assert (
        "there is no HSM 0000-0000-0000"
        in site.seemachine("nfast", "enroll", FIVE, "0000-0000-0000")[1][-1]
    )
    assert "an HSM is named twice" in site.seemachine("nfast", "enroll", XC, XC)[1][-1]
    assert (site.module(FIVE).number, site.module(XC).number) == (1, 2)


def test_there_is_one_security_world(site: Site, tmp_path: Path) -> None:
    """It is not made over; without one the tools say how to make it."""
    with pytest.raises(Refusal, match="there is a Security World already"):
        securityworld.create(World.at(site.home), 1, 1, "")
    with pytest.raises(Refusal, match="there is no Security World; make one with"):
        securityworld.read(World.at(tmp_path / "empty"))
    (paths.kmlocal(World.at(site.home)) / "world").unlink()
    assert "there is no Security World" in site.refused(
        "generatekey", "simple", "curve=nistp521", "module=1", *ASK
    )
    assert (
        "there is no Security World"
        in site.seemachine("nfast", "cards", "x", "--passphrase", "")[1][-1]
    )


def test_a_blank_card_is_formatted_without_more(site: Site) -> None:
    """--ignoreauth is for cards of the Security World."""
    site.rack.remove(FIVE, 2)
    site.rack.insert(site.rack.new()[0], FIVE, 2)
    assert site.done("slotinfo", "--format", "-m1", "-s2")[-1] == "Formatted token OK"


def test_a_record_of_an_hsm_that_is_damaged_or_gone_is_refused(site: Site) -> None:
    """With what to do; nothing is written in its place."""
    path = site.home / "hsm" / FIVE / records.FILE_NAME
    good = path.read_text()
    for content in ("", "[]", "{}", good.replace('"number"', '"nummer"'), good[:-9]):
        path.write_text(content)
        assert "is damaged" in site.refused("enquiry")
        assert path.read_text() == content
    path.unlink()
    with (
        pytest.raises(StateCorrupt, match=f"there is no HSM {FIVE}"),
        records.changing(World.at(site.home), FIVE),
    ):
        pass
    assert not path.exists()
