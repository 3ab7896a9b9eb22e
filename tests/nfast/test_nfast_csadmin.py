"""csadmin, the launcher of the 5c, bootstrap.py: what they do and everything that they refuse
(guide 2.5.2.3, 2.8.1).
"""

import datetime as dt
import io
import json
import re
import tarfile
from pathlib import Path

import pytest
from kit import processes
from kit.site import ASK, FIVE, GENERATE, SIGN, XC, Site

from seemachine.hsms import records
from seemachine.nfast import certificates, images
from seemachine.world import World

NOBODY = "3d362d35-fc17-448a-b501-914fe0a680b0"


def in_years(monkeypatch: pytest.MonkeyPatch, years: int) -> None:
    """Set the clock of the HSMs."""
    then = dt.datetime.now(dt.UTC) + dt.timedelta(days=365 * years)
    monkeypatch.setattr(certificates, "now", lambda: then)


@pytest.mark.parametrize("verb", ["ids", "image", "load", "start", "stop", "destroy", "list"])
def test_csadmin_help_has_each_verb(
    site: Site, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a line on what it does."""
    with pytest.raises(SystemExit):
        site.run("csadmin", "--help")
    assert re.search(rf"^    {verb}  +\w+", capsys.readouterr().out, re.MULTILINE)


def test_the_steps_that_are_not_done_twice(five: Site) -> None:
    """Guide 2.9.2, "as usual", in a world where all of 2.5 was done: each refusal names what is
    there already, and another name works.
    """
    five.make_signed()
    five.done("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    create = ["ids", "create", "--x509cname", "a", "--x509org", "b", "--keyname"]
    key = "there is a key pqsdk-signer of application"
    for words, said in (
        (["generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK], f"{key} seeinteg"),
        (["generatekey", "simple", "curve=nistp521", "module=1", *ASK], f"{key} simple"),
        (["csadmin", *create, "dev"], "there is a key dev of application simple already"),
        (["csadmin", "ids", "add", "dev.pem", "--esn", FIVE], "is registered already"),
    ):
        assert said in five.refused(*words)
    five.done("csadmin", *create, "other")
    five.done("generatekey", "simple", "curve=nistp521", "module=1", *ASK, "ident=second")


# ---- the launcher --------------------------------------------------------------------------------


def test_csadmin_needs_an_enrolled_launcher(site: Site) -> None:
    """Before enrolment there is nothing to list, and a named HSM is refused with the step to do."""
    assert "hsmadmin cs5 enroll" in site.refused("csadmin", "list")
    assert "is not enrolled for CodeSafe 5" in site.refused("csadmin", "list", "--esn", FIVE)


def test_the_ports_must_be_open_and_the_client_known(five: Site) -> None:
    """An HSM whose ports are closed, or that was told another client's key, does not listen."""
    with records.changing(World.at(five.home), FIVE) as module:
        kept, module.launcher["client"] = module.launcher["client"], "AAAA"
    assert "does not know this client" in five.refused("csadmin", "list")
    with records.changing(World.at(five.home), FIVE) as module:
        module.launcher = {"client": kept}
    assert "ports enable" in five.refused("csadmin", "list")


def test_the_launcher_refuses_wrong_words(site: Site) -> None:
    """Another address, a key that is none, closed ports, another HSM's key: each is refused."""
    assert "ports of CodeSafe 5 are closed" in site.refused(
        "appliance-cli", "-m", "1", "cs5", "getserverinfo"
    )
    assert "is not an address of this HSM" in site.refused(
        "appliance-cli", "-m", "1", "cs5", "ports", "enable", "10.0.0.1"
    )
    assert "not a key of type" in site.refused(
        "appliance-cli", "-m", "1", "cs5", "setclientinfo", "ecdsa-sha2-nistp256", "AAAA"
    )
    assert "is for the nShield 5c" in site.refused(
        "appliance-cli", "-m", "2", "cs5", "getserverinfo"
    )
    own = site.done("hsmadmin", "cs5", "clientinfo")[0].split()
    site.done("appliance-cli", "-m", "1", "cs5", "ports", "enable", "127.0.0.1")
    assert "does not answer so" in site.refused(
        "hsmadmin", "cs5", "enroll", FIVE, "127.0.0.1", "2205", *own
    )
    assert "no nShield 5c" in site.refused(
        "hsmadmin", "cs5", "enroll", XC, "127.0.0.1", "2205", *own
    )


def test_an_hsm_that_is_not_enrolled_or_an_xc_is_refused(five: Site) -> None:
    """Csadmin acts on enrolled 5c only."""
    assert "no HSM 0000-0000-0000 is enrolled" in five.refused(
        "csadmin", "list", "--esn", "0000-0000-0000"
    )
    assert "is for the nShield 5c" in five.refused("csadmin", "list", "--esn", XC)


def test_with_json_a_refusal_is_json_too(site: Site) -> None:
    """No HSM to ask, no such file, an HSM that is not there: one document that says so, and exit
    code 1; by ESN where one was named.
    """
    create = ["create", "--keyname", "k", "--x509cname", "a", "--x509org", "b"]
    for words, error in (
        (["list", "--json"], "no nShield 5c is enrolled for CodeSafe 5"),
        (["ids", "--json", "list"], "no nShield 5c is enrolled for CodeSafe 5"),
        (["ids", "--json", *create], "prints no JSON"),
    ):
        found = site.json("csadmin", *words)
        assert found["succeeded"] is False
        assert error in found["error"]
        assert site.run("csadmin", *words)[0] == 1
    for words, esn, error in (
        (["load", "--esn", FIVE, "--json", "nosuch.cs5"], FIVE, "there is no file nosuch.cs5"),
        (
            ["ids", "add", "--esn", FIVE, "--json", "nosuch.pem"],
            FIVE,
            "there is no file nosuch.pem",
        ),
        (["list", "--esn", XC, "--json"], XC, "is for the nShield 5c"),
        (
            ["stop", "--esn", "0000-0000-0000", "--uuid", NOBODY, "--json"],
            "0000-0000-0000",
            "is enrolled here",
        ),
        (["list", "--esn", FIVE, "--json"], FIVE, "is not enrolled for CodeSafe 5"),
    ):
        found = site.json("csadmin", *words)
        assert found.keys() == {esn}
        assert found[esn]["succeeded"] is False
        assert error in found[esn]["error"]


# ---- identities ----------------------------------------------------------------------------------


def test_a_developer_key_needs_a_card(site: Site) -> None:
    """Without a card of the set no key is made; with it one is, once."""
    site.rack.remove(FIVE, 2)
    create = ["ids", "create", "--keyname", "dev", "-m", "1", "--x509cname", "a", "--x509org", "b"]
    assert "0 of 1 read; insert one with: seemachine card insert testOCS-1" in site.refused(
        "csadmin", *create
    )
    assert "there is no key dev" in site.refused("nfkminfo", "-k", "simple", "dev")
    site.rack.insert("testOCS-1", FIVE, 2)
    site.done("csadmin", *create)
    assert "there is a key dev of application simple already" in site.refused("csadmin", *create)


def test_ids_add_takes_only_the_issuers_valid_certificates(five: Site) -> None:
    """Expired, of another issuer, no certificate, the same again: each is refused, and the list
    shows what was added.
    """
    assert "expired" in five.refused(
        "csadmin", "ids", "--esn", FIVE, "add", str(five.make_developer(days=3, begun=9))
    )
    Path("no.pem").write_text("no certificate")
    assert "not an X.509 certificate" in five.refused(
        "csadmin", "ids", "add", "--esn", FIVE, "no.pem"
    )
    foreign = five.home / "entrust" / "root.pem"
    assert "was not issued by" in five.refused("csadmin", "ids", "--esn", FIVE, "add", str(foreign))
    pem = five.make_developer()
    assert five.done("csadmin", "ids", "--esn", FIVE, "add", str(pem)) == [f"{FIVE}      SUCCESS"]
    assert "registered already" in five.refused("csadmin", "ids", "--esn", FIVE, "add", str(pem))
    production = (five.home / "entrust" / "production.pem").read_bytes()
    for same in (
        pem.read_bytes().replace(b"\n", b"\r\n"),
        pem.read_bytes() + production,
        b"# of the developer\n" + pem.read_bytes(),
    ):
        Path("same.pem").write_bytes(same)
        assert "registered already" in five.refused(
            "csadmin", "ids", "--esn", FIVE, "add", "same.pem"
        )
    [production, developer] = five.json("csadmin", "ids", "list", "--json")[FIVE]["data"][
        "Certificates"
    ]
    assert developer["authKeyid"] == production["keyid"]
    assert developer["subject"] == "Common Name: cn, Organization: org"


def test_certify_refuses_what_is_no_csr(site: Site) -> None:
    """The issuer reads what it signs."""
    Path("dev.csr").write_text("nothing")
    assert (
        "not a certificate signing request"
        in site.seemachine("nfast", "certify", "dev.csr", "dev.pem")[1][-1]
    )


# ---- images --------------------------------------------------------------------------------------


def test_generate_is_deterministic_and_checks_its_input(site: Site) -> None:
    """The same tree gives the same bytes whatever its times; an entry point or settings that are
    not there are refused.
    """
    first = site.make_image().read_bytes()
    Path("container/usr/bin/entrypoint").touch()
    assert site.make_image().read_bytes() == first
    assert not list(Path().glob("rfs_build_*"))
    assert "is not a file below" in site.refused(
        "csadmin",
        *[word.replace("/usr/bin/entrypoint", "/usr/bin/other") for word in GENERATE],
        "x.cs5",
    )
    Path("network.json").write_text("{")
    assert "network.json is not JSON" in site.refused("csadmin", *GENERATE, "x.cs5")
    assert not Path("x.cs5").exists()


def test_sign_refuses_keys_that_do_not_fit(site: Site) -> None:
    """No such key, a key on another curve, the certificate of another key, an expired one, a file
    that is not an image.
    """
    site.make_image()
    site.make_developer()
    assert "there is no key pqsdk-signer of application simple" in site.refused(
        "csadmin", *SIGN, "--out", "s.cs5", "image.cs5"
    )
    site.done("generatekey", "simple", "ident=pqsdk-signer", "curve=nistp256", "module=1", *ASK)
    assert "must be ECDSA on nistp521" in site.refused(
        "csadmin", *SIGN, "--out", "s.cs5", "image.cs5"
    )
    site.done("generatekey", "simple", "ident=good", "curve=nistp521", "module=1", *ASK)
    good = [*SIGN[:-1], "good", "--out", "s.cs5"]
    assert "is not a container image" in site.refused("csadmin", *good, "network.json")
    other = site.make_developer("other")
    assert "certificate of another key than dev" in site.refused(
        "csadmin", *[w.replace("dev.pem", str(other)) for w in good], "image.cs5"
    )
    site.done(
        "generatekey", "simple", "curve=nistp521", "module=1", "plainname=m", "protect=module"
    )
    alone = "is protected by the module alone; a signing key must be protected by a card set"
    assert alone in site.refused("csadmin", *SIGN[:-1], "m", "--out", "s.cs5", "image.cs5")
    site.make_developer(days=1, begun=3)
    assert "expired" in site.refused("csadmin", *good, "image.cs5")
    assert not Path("s.cs5").exists()


def test_load_refuses_what_is_not_signed_as_it_should_be(five: Site) -> None:
    """Unsigned, changed after signing, of a developer whom the HSM does not know."""
    signed = five.make_signed()
    assert "not signed" in five.refused("csadmin", "load", "--esn", FIVE, "image.cs5")
    image = images.read(signed)
    images.write(
        Path("changed.cs5"),
        images.Image(image.manifest.replace(b"pqcop", b"other"), image.tree, image.signatures),
    )
    assert "signature of the image does not fit" in five.refused(
        "csadmin", "load", "--esn", FIVE, "changed.cs5"
    )
    images.write(
        Path("swapped.cs5"), images.Image(image.manifest, image.tree + bytes(512), image.signatures)
    )
    assert "root tree is not the one that it names" in five.refused(
        "csadmin", "load", "--esn", FIVE, "swapped.cs5"
    )
    with records.changing(World.at(five.home), FIVE) as module:
        module.certificates.clear()
    assert "is not registered" in five.refused("csadmin", "load", "--esn", FIVE, str(signed))
    assert five.module().loaded == []


def test_load_refuses_a_program_for_real_hardware(five: Site) -> None:
    """An entry point that is an ELF file can't run here, and is refused with what to
    take instead.
    """
    five.make_signed()
    five.make_image("\x7fELF and so on")
    five.done("csadmin", *SIGN, "--out", "elf.cs5", "image.cs5")
    assert "only a real HSM could run it" in five.refused(
        "csadmin", "load", "--esn", FIVE, "elf.cs5"
    )


def test_load_refuses_the_delegation_of_another_key(five: Site) -> None:
    """An image whose NVRAM delegation is for another key than its ASK would make no keys."""
    five.make_signed("other")
    five.done("generatekey", "simple", "ident=pqsdk-signer", "curve=nistp521", "module=1", *ASK)
    five.done("csadmin", *SIGN, "--out", "wrong.cs5", "image.cs5")
    assert "delegation certificate is for the key" in five.refused(
        "csadmin", "load", "--esn", FIVE, "wrong.cs5"
    )


@pytest.fixture(params=["today", "3.11.3"])
def an_age_of_python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters for unpacking came with 3.11.4, and Debian 12 has one from before that."""
    if request.param != "today":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)


def tree_of(*members: tuple[str, str]) -> images.Image:
    """An image with a tree of empty files, and of links where a target is given."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tree:
        for name, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = (tarfile.SYMTYPE if target else tarfile.REGTYPE), target
            tree.addfile(member, io.BytesIO())
    return images.Image(b"{}", packed.getvalue())


@pytest.mark.parametrize(
    "members",
    [
        [("../outside", "")],
        [("a", ".."), ("a/outside", "")],
        [("a", "/")],
        [("a/b", "../../x")],
        [("p/q", "."), ("p/q/e", "../../x")],
    ],
    ids=["dots", "through a link", "to the root", "out", "out, under a link"],
)
def test_a_tree_that_reaches_out_of_its_folder_is_refused(
    members: list[tuple[str, str]], tmp_path: Path, an_age_of_python: None
) -> None:
    """Unpacking never writes elsewhere."""
    with pytest.raises(images.Refusal, match="can't be laid out"):
        images.unpack(tree_of(*members), tmp_path / "in")
    assert not (tmp_path / "outside").exists()


def test_a_tree_has_files_and_links_inside_of_it(tmp_path: Path, an_age_of_python: None) -> None:
    """Links lead where they led; absolute names lose their slash, as tar does it."""
    images.unpack(tree_of(("usr/lib/a", ""), ("usr/b", "lib/a"), ("/c", "")), tmp_path / "in")
    assert (tmp_path / "in/usr/b").read_bytes() == (tmp_path / "in/c").read_bytes() == b""
    assert (tmp_path / "in/usr/b").readlink() == Path("lib/a")


def test_signextra_needs_a_signed_image_and_keeps_its_signatures(five: Site) -> None:
    """An extra signature by a seeinteg key changes none of the others; an unsigned image is
    refused.
    """
    signed = five.make_signed()
    five.done("generatekey", "seeinteg", "curve=nistp256", "module=1", *ASK)
    extra = ["image", "signextra", "--keyname", "pqsdk-signer", "--out", "extra.cs5"]
    assert "is not signed" in five.refused("csadmin", *extra, "image.cs5")
    five.done("csadmin", *extra, str(signed))
    before, after = images.read(signed).signatures, images.read(Path("extra.cs5")).signatures
    assert len(after["extra"]) == 1
    assert {**after, "extra": []} == before
    five.done("csadmin", "load", "--esn", FIVE, "extra.cs5")


# ---- SEE machines --------------------------------------------------------------------------------


def test_load_start_publish_stop_destroy(five: Site) -> None:
    """The way of the guide; started, the SEE machine says who signed it; each step done twice is
    refused.
    """
    uuid = five.load()
    target = ["--esn", FIVE, "--uuid", uuid]
    publish = ["-m", "1", "--uuid", uuid, "--cs5file", "signed.cs5"]
    assert "not started" in five.refused("bootstrap", *publish)
    assert five.done("csadmin", "start", *target) == [f"{FIVE}      SUCCESS; IP ADDRESS: 127.0.0.1"]
    assert "is started on" in five.refused("csadmin", "start", *target)
    assert "is started; stop it first" in five.refused("csadmin", "destroy", *target)
    assert "is not the image that was loaded" in five.refused(
        "bootstrap", *publish[:-1], "image.cs5"
    )
    five.done("bootstrap", *publish)
    assert (
        five.json("csadmin", "list", "--json")[FIVE]["data"]["SEE machines"][0]["state"]
        == "STARTED"
    )
    assert five.module().signer in json.dumps(five.json("csadmin", "list", "--json"))

    five.done("csadmin", "stop", *target)
    assert "is not started" in five.refused("csadmin", "stop", *target)
    five.done("csadmin", "destroy", *target)
    assert five.done("csadmin", "list") == [f"{FIVE}      No SEE machines currently installed"]
    for verb in ("start", "stop", "destroy"):
        assert f"there is no SEE machine {uuid}" in five.refused("csadmin", verb, *target)
    assert "there is no SEE machine" in five.refused("bootstrap", *publish)
    five.done("removepubobj", "-m", "1", "-p", "pqsdk")
    assert "has no published object pqsdk" in five.refused("removepubobj", "-m", "1", "-p", "pqsdk")


def banner(site: Site) -> str:
    """The last line of `pipsqueak`."""
    return processes.pipsqueak([], site.env)[1][-1]


def test_a_published_object_is_invalid_after_the_next_start(five: Site) -> None:
    """Guide 2.5.2.3 step 21: stopped, it leads nowhere; started again, of whichever UUID, no view
    has it until bootstrap.py publishes it again.
    """
    first = five.load()
    second = five.done("csadmin", "load", "--esn", FIVE, "signed.cs5")[0].split()[-1]

    def run(verb: str, uuid: str) -> None:
        five.done("csadmin", verb, "--esn", FIVE, "--uuid", uuid)

    def publish(uuid: str) -> None:
        publish = ["-m", "1", "--uuid", uuid, "--cs5file", "signed.cs5"]
        for name in ("pqsdk", "other"):
            five.done("bootstrap", *publish, "-p", name)

    run("start", first)
    publish(first)
    assert banner(five) == f"PQSDK: 1.4.1 ({FIVE}: 1.4.1)"
    run("stop", first)
    assert banner(five) == "PQSDK: 1.4.1 ()"
    run("start", second)
    assert banner(five) == "PQSDK: 1.4.1 ()"
    assert not list(five.home.glob("published/*/*.json"))
    found = five.seemachine("fleet", "check")[1]
    assert any("runs and is not published, so no client finds it" in line for line in found)
    publish(second)
    assert banner(five) == f"PQSDK: 1.4.1 ({FIVE}: 1.4.1)"
    run("stop", second)


def test_start_needs_licence_mode_and_a_known_uuid(five: Site) -> None:
    """Without the licence, in maintenance mode, or for a UUID that was never printed, nothing
    starts.
    """
    uuid = five.load()
    assert f"there is no SEE machine {NOBODY}; installed are: {uuid}" in five.refused(
        "csadmin", "start", "--esn", FIVE, "--uuid", NOBODY
    )
    five.done("nopclearfail", "-M", "-m", "1", "-w")
    assert "is in maintenance mode" in five.refused(
        "csadmin", "start", "--esn", FIVE, "--uuid", uuid
    )
    five.done("nopclearfail", "-O", "-m", "1", "-w")
    with records.changing(World.at(five.home), FIVE) as module:
        module.features.remove("see-codesafe5")
    assert "no licence for SEE Activation, CodeSafe 5" in five.refused(
        "csadmin", "start", "--esn", FIVE, "--uuid", uuid
    )
    assert (
        five.json("csadmin", "start", "--esn", FIVE, "--uuid", uuid, "--json")[FIVE]["succeeded"]
        is False
    )


def test_an_expired_certificate_refuses_a_start_until_a_new_one_is_registered(
    five: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs goes on; a start, a load and a signature are refused; a new certificate for the
    same key, once registered, mends start and load of the very image, and a signature takes it.
    """
    uuid = five.load()
    target = ["--esn", FIVE, "--uuid", uuid]
    five.done("csadmin", "start", *target)
    in_years(monkeypatch, 5)
    assert records.running(World.at(five.home), FIVE)
    five.done("csadmin", "stop", *target)
    assert "expired" in five.refused("csadmin", "start", *target)
    assert "register it with: csadmin ids add" in five.refused(
        "csadmin", "load", "--esn", FIVE, "signed.cs5"
    )
    sign = [*SIGN, "--out", "again.cs5", "image.cs5"]
    assert "csadmin image sign --devcert NEW.pem" in five.refused("csadmin", *sign)
    five.done("csadmin", "ids", "--esn", FIVE, "add", str(five.make_developer()))
    five.done("csadmin", "start", *target)
    five.done("csadmin", "load", "--esn", FIVE, "signed.cs5")
    assert five.module().loaded[0].developer_until == five.module().loaded[1].developer_until
    five.done("csadmin", *sign)


def test_load_goes_by_the_certificates_that_are_registered(
    five: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image signed with a renewed certificate is refused, as a start is, until that certificate
    is registered too.
    """
    five.make_signed()
    in_years(monkeypatch, 5)
    five.make_developer()
    five.done("csadmin", *SIGN, "--out", "renewed.cs5", "image.cs5")
    load = ["csadmin", "load", "--esn", FIVE, "renewed.cs5"]
    assert "register it with" in five.refused(*load)
    five.done("csadmin", "ids", "add", "--esn", FIVE, "dev.pem")
    five.done(*load)


def test_a_certificate_that_is_not_valid_yet_takes_nothing_from_one_that_is(five: Site) -> None:
    """Registered ahead of time, it refuses no load."""
    five.make_signed()
    five.make_developer(days=900, begun=-30)
    with five.changing() as module:
        module.certificates.append(Path("dev.pem").read_text())
    five.done("csadmin", "load", "--esn", FIVE, "signed.cs5")


def test_a_machine_that_does_not_come_up_is_refused_with_its_words(five: Site) -> None:
    """A start that fails says what the program said last, and leaves nothing started."""
    five.make_signed()
    five.make_image("#!/usr/bin/env python3\nraise SystemExit('out of order')\n")
    five.done("csadmin", *SIGN, "--out", "bad.cs5", "image.cs5")
    uuid = five.done("csadmin", "load", "--esn", FIVE, "bad.cs5")[0].split()[-1]
    assert "did not start: out of order" in five.refused(
        "csadmin", "start", "--esn", FIVE, "--uuid", uuid
    )
    assert five.module().started == ""
