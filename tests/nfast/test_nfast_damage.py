"""Files that the tools read, damaged in every place; what they write, for its owner alone; names
that reach elsewhere.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.site import ASK, FIVE, SIGN, XC, Site

from seemachine.fleet import ending
from seemachine.hsms import published
from seemachine.hsms.published import Published
from seemachine.nfast import certificates, encryption, entrust, keystore, processes, signing
from seemachine.nfast.refusals import Refusal
from seemachine.state.cards import shares
from seemachine.state.cards.cardsets import read_set_card, write_set_card
from seemachine.state.disk.lock import FolderLock
from seemachine.world import World

KEY = ["simple", "curve=nistp521", "module=1", *ASK]
DELEGATION = ["-A", "simple", "-I", "pqsdk-signer", "-f", "u.raw"]
# What stands in place of each value of a file, one after the other.
BAD: list[Any] = [None, 7, "", "zz", "00", [], {}, "\u00fc", "-----BEGIN PUBLIC KEY-----"]


def harmed(path: Path) -> list[bytes]:
    """The bytes of a JSON file with each of its values exchanged, taken out, and with all of it
    exchanged.
    """
    values = json.loads(path.read_bytes().partition(b"\n\n")[0])
    changed = [
        json.dumps({**values, name: bad}).encode()
        for name in values
        for bad in BAD
        if bad != values[name]
    ]
    gone = [
        json.dumps({key: value for key, value in values.items() if key != name}).encode()
        for name in values
    ]
    return [
        *changed,
        *gone,
        b"",
        b"7",
        b"[]",
        b"{}",
        b"null",
        b"\xff\xfe",
        b'{"format": 1}',
        path.read_bytes()[:-9],
    ]


def unread(
    site: Site,
    path: Path,
    act: Callable[[], str],
    may_work: Callable[[Any], bool] = lambda _: False,
) -> None:
    """With every harmed form of a file a tool refuses in one line; it never ends in an error of its
    own.
    """
    good = path.read_bytes()
    for bad in harmed(path):
        path.write_bytes(bad)
        try:
            text = act()
        except AssertionError:
            assert may_work(json.loads(bad)), bad
        else:
            assert text, bad
    path.write_bytes(good)


def test_a_damaged_world_file_is_refused(site: Site) -> None:
    """Whichever value is gone or another; `generation` alone is only shown, and before there was a
    version none was written.
    """
    site.done("generatekey", *KEY)
    path = site.home / "kmdata" / "local" / "world"
    original, free = json.loads(path.read_text()), {"generation": 0, "version": 1}
    unread(
        site,
        path,
        lambda: site.refused("userdatatool", *DELEGATION),
        lambda found: {**found, **free} == {**original, **free},
    )
    assert site.done("userdatatool", *DELEGATION)


def test_a_damaged_key_file_is_refused(site: Site) -> None:
    """Whichever value is gone or another, but for what is only shown or compared elsewhere."""
    site.done("generatekey", "seeinteg", *KEY[1:])
    path = keystore.path_of(World.at(site.home), "seeinteg", "pqsdk-signer")
    original = json.loads(path.read_text())
    shown = dict.fromkeys(("app", "ident", "name", "type", "curve", "recovery"), "")
    Path("m.elf").write_text("x")
    sign = [
        "--sign-and-pack",
        "-k",
        "pqsdk-signer",
        "--is-machine",
        "--machine-type",
        "PowerPCELF",
        "-o",
        "m.sar",
        "m.elf",
    ]
    unread(
        site,
        path,
        lambda: site.refused("tct2", *sign),
        lambda found: {**found, **shown} == {**original, **shown},
    )
    assert site.done("tct2", *sign)


def test_a_key_file_with_another_keys_halves_is_refused(site: Site) -> None:
    """Neither the private half nor the hash of another key is taken, though both keys are under the
    same cards.
    """
    site.done("generatekey", *KEY, "ident=one")
    site.done("generatekey", *KEY, "ident=two")
    one, two = (keystore.path_of(World.at(site.home), "simple", name) for name in ("one", "two"))
    mine, other = (json.loads(path.read_text()) for path in (one, two))
    one.write_text(json.dumps({**mine, "hidden": other["hidden"]}))
    with pytest.raises(keystore.Refusal, match="halves are of different keys"):
        keystore.unlock(World.at(site.home), 1, keystore.find(World.at(site.home), "simple", "one"))
    one.write_text(json.dumps({**mine, "hash": other["hash"]}))
    assert "its parts do not fit together" in site.refused(
        "userdatatool", "-A", "simple", "-I", "one", "-f", "u.raw"
    )


def test_a_key_of_another_world_is_refused(site: Site) -> None:
    """Its cards are not known here; without cards its private half does not open under this world's
    key.
    """
    site.done(
        "generatekey", "simple", "curve=nistp521", "module=1", "plainname=dev", "protect=module"
    )
    site.done("generatekey", *KEY)
    world = site.home / "kmdata" / "local" / "world"
    key = keystore.find(World.at(site.home), "simple", "dev")
    assert keystore.unlock(World.at(site.home), 1, key)
    world.write_text(json.dumps({**json.loads(world.read_text()), "module_key": "00" * 32}))
    with pytest.raises(keystore.Refusal, match="key_simple_dev: wrong passphrase, card or world"):
        keystore.unlock(World.at(site.home), 1, key)
    [cards] = world.parent.glob("cards_*")
    cards.unlink()
    assert "protected by a card set of another Security World" in site.refused(
        "csadmin", *SIGN[:2], *unlocking(site)
    )


def unlocking(site: Site) -> list[str]:
    """The words of `image sign` with a key of the cards as ASK, and a developer of the module."""
    developer = keystore.find(World.at(site.home), "simple", "pqsdk-signer")
    site.make_image()
    issuer = entrust.issuer(World.at(site.home))
    name = certificates.subject("cn", "org")
    builder = (
        certificates.x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject)
    )
    builder = (
        builder.public_key(developer.public_key)
        .serial_number(1)
        .not_valid_before(certificates.now())
    )
    made = builder.not_valid_after(certificates.now() + certificates.dt.timedelta(days=1)).sign(
        issuer.key, certificates.SHA512()
    )
    Path("dev.pem").write_text(certificates.to_pem(made))
    return [
        "--devkeyname",
        "pqsdk-signer",
        "--devcert",
        "dev.pem",
        "--askeyname",
        "pqsdk-signer",
        "--out",
        "s.cs5",
        "image.cs5",
    ]


@pytest.mark.parametrize("content", [b"", b"7", b"[]", b"{", b"\xff", b'{"enrolled": 3}'])
def test_a_damaged_enrolment_is_refused(five: Site, content: bytes) -> None:
    """Csadmin says to enroll again, and that mends it."""
    path = five.home / "kmdata" / "cs5.json"
    good = path.read_bytes()
    path.write_bytes(content)
    assert "enroll" in five.refused("csadmin", "list")
    path.write_bytes(good)
    assert five.done("csadmin", "list")


@pytest.mark.parametrize("content", [b"", b"7", b"[]", b"{}", b"\xff"])
def test_a_damaged_card_set_is_refused(site: Site, content: bytes) -> None:
    """Its file is named, whatever is asked."""
    [path] = (site.home / "kmdata" / "local").glob("cards_*")
    path.write_bytes(content)
    for words in (
        ["nfkminfo", "-c"],
        ["generatekey", *KEY],
        ["csadmin", "ids", "create", "--keyname", "d", "--x509cname", "a", "--x509org", "b"],
    ):
        assert f"{path.name} is damaged" in site.refused(*words)


def test_cards_that_do_not_fit_together_are_refused(site: Site) -> None:
    """A share under the right passphrase that is not of the set gives no key."""
    path = site.rack.world.machines / FIVE / "slots" / "2" / "testOCS-1.card"
    token = read_set_card(path)
    assert token is not None
    forged = shares.with_share(token, b"", bytes(32))
    site.rack.remove(FIVE, 2)
    (site.home / "cards" / "testOCS-1.card").unlink()
    write_set_card(World.at(site.home), forged)
    site.rack.insert("testOCS-1", FIVE, 2)
    assert "the cards of `testOCS' do not fit together" in site.refused("generatekey", *KEY)


@pytest.mark.parametrize(
    "words",
    [
        ["csadmin", "ids", "--esn", FIVE, "add", "binary"],
        ["csadmin", "load", "--esn", FIVE, "binary"],
        ["csadmin", *SIGN, "--out", "s.cs5", "binary"],
        ["nethsmadmin", "-m", "1", "-s", "RFS", "-a", "binary"],
        ["cfg-pushnethsm", "-a", XC, "binary"],
        ["loadsee-setup", "--setup", "-m", "2", "-M", "binary", "-U", "", "-p", "pqsdk"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_file_of_any_bytes_is_refused_in_one_line(five: Site, words: list[str]) -> None:
    """Nothing in it, bytes that are no text, deep JSON."""
    Path("dev.pem").write_text("x")
    for content in (b"", bytes(range(256)), b"\xff" * 600, b"[" * 100_000, b'{"a":' * 100_000):
        Path("binary").write_bytes(content)
        code, lines = five.run(*words)
        assert (code, len(lines)) == (1, 1) or words[0] == "cfg-pushnethsm", (content[:9], lines)


def test_certify_refuses_any_bytes(site: Site) -> None:
    """And writes no certificate."""
    for content in (
        b"",
        bytes(range(256)),
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
    ):
        Path("x.csr").write_bytes(content)
        code, lines = site.seemachine("nfast", "certify", "x.csr", "x.pem")
        assert (code, len(lines)) == (1, 1)
    assert not Path("x.pem").exists()


def test_everything_in_a_world_is_its_owners_alone(five: Site) -> None:
    """Keys, cards, world file, images, logs, launchers: whatever the umask, nobody else may read or
    write any of them.
    """
    uuid = five.load()
    assert five.seemachine("nfast", "licence", "l.txt", "--esn", FIVE)[0] == 0
    for words in (
        ["csadmin", "start", "--esn", FIVE, "--uuid", uuid],
        ["nopclearfail", "-c"],
        ["nethsmadmin", "-m", "1", "-s", "RFS", "-a", "l.txt"],
        ["generatekey", *KEY, "ident=more"],
        ["csadmin", "load", "--esn", FIVE, "signed.cs5"],
    ):
        before = os.umask(0)
        try:
            five.done(*words)
        finally:
            os.umask(before)
    private = [path for path in five.home.rglob("*") if not path.is_symlink()]
    assert len(private) > 50
    open_to_others = [
        path for path in private if path.stat().st_mode & 0o077 and path.name != "fleet.toml"
    ]
    assert open_to_others == []


# ---- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../evil", "a/b", "", ".", "*", "admin", "-x", "x" * 33, "\u00fc", "a b"]
)
def test_a_card_set_needs_a_name_that_is_one(site: Site, name: str) -> None:
    """It begins the names of files; `admin` is the ACS's. Nothing is written."""
    before = sorted(site.home.rglob("*"))
    code, lines = site.seemachine("nfast", "cards", "--passphrase", "", "--", name)
    assert code == 2
    assert "a card set's name has up to 32" in lines[-1]
    assert sorted(site.home.rglob("*")) == before


def test_a_card_set_is_whole_or_not_there(site: Site) -> None:
    """Where one card's name is taken none is written; neither is a set that exists, or one with a
    quorum that can't be.
    """
    site.seemachine("nfast", "cards", "board", "--cards", "1", "--passphrase", "")
    (site.home / "cards" / "board-1.card").rename(site.home / "cards" / "other-3.card")
    cards = ["nfast", "cards", "--passphrase", ""]
    assert (
        "there is a card other-3 already" in site.seemachine(*cards, "other", "--cards", "3")[1][-1]
    )
    assert "there is a card set board already" in site.seemachine(*cards, "board")[1][-1]
    for quorum, count in ((0, 1), (2, 1), (1, 65), (-1, 3)):
        assert (
            "a quorum of 1 or more"
            in site.seemachine(*cards, "more", "--quorum", str(quorum), "--cards", str(count))[1][
                -1
            ]
        )
    names = {path.stem for path in (site.home / "cards").glob("*.card")}
    assert names == {"other-3", "testOCS-2", "testOCS-3"}


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", ".", "a-b", "\u00fc"])
def test_a_published_object_needs_a_name_that_is_one(five: Site, name: str) -> None:
    """It is a folder's: bootstrap.py, removepubobj.py, loadsee-setup and a pushed configuration
    refuse what reaches elsewhere.
    """
    uuid = five.load()
    five.done("csadmin", "start", "--esn", FIVE, "--uuid", uuid)
    before = sorted(five.home.rglob("*"))
    reason = "the name of a published object has"
    assert reason in five.refused(
        "bootstrap", "-m", "1", "--uuid", uuid, "--cs5file", "signed.cs5", "-p", name
    )
    assert reason in five.refused("removepubobj", "-m", "1", "-p", name)
    assert sorted(five.home.rglob("*")) == before
    if name:
        machine, userdata = five.make_archives()
        assert reason in five.refused(
            "loadsee-setup", "--setup", "-m", "2", "-M", machine, "-U", userdata, "-p", name
        )
        assert five.module(XC).autoload == {}


# ---- what is published, and who runs -------------------------------------------------------------


@contextlib.contextmanager
def held(site: Site) -> Iterator[None]:
    """This process is the SEE machine of the 5c."""
    lock = FolderLock(site.home / "hsm" / FIVE, "a test")
    try:
        yield
    finally:
        lock.release()


def test_publishing_keeps_that_a_machine_takes_only_tls(site: Site) -> None:
    """Under whatever number it is enrolled."""
    published.announce(
        World.at(site.home), Published(FIVE, "5c", 1, "127.0.0.1", 8888, os.getpid(), tls=True)
    )
    with held(site):
        assert processes.publish(World.at(site.home), site.module(), "pqsdk").tls
        site.seemachine("nfast", "enroll", XC, FIVE)
    entry = published.read(World.at(site.home), FIVE)
    assert entry is not None
    assert (entry.module, entry.tls) == (2, True)


def test_nobody_is_ended_who_is_no_machine(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has the folder, takes no requests and listens nowhere is not stopped or published."""
    monkeypatch.setattr(ending, "STRANGER_SECONDS", 0)
    with held(site):
        assert "was left alone" in site.refused("nopclearfail", "-c", "-m", "1")
        with pytest.raises(Refusal, match=f"no SEE machine is started on {FIVE}"):
            processes.publish(World.at(site.home), site.module(), "pqsdk")
    site.done("nopclearfail", "-c", "-m", "1")


def test_a_hidden_value_is_found_out_when_it_is_changed() -> None:
    """Any byte of it, its length, or the key it is under."""
    key = encryption.derived(b"secret", "purpose")
    hidden = encryption.hide(key, b"value")
    assert encryption.reveal(key, hidden) == b"value"
    changed = [
        hidden[:at] + bytes([hidden[at] ^ 1]) + hidden[at + 1 :] for at in range(len(hidden))
    ]
    for bad in (*changed, *(hidden[:length] for length in range(len(hidden))), hidden + b"\0"):
        with pytest.raises(encryption.WrongKey):
            encryption.reveal(key, bad)
    with pytest.raises(encryption.WrongKey):
        encryption.reveal(encryption.derived(b"secret", "another purpose"), hidden)
    assert encryption.hide(key, b"value") != hidden


def test_a_public_key_of_another_kind_is_none() -> None:
    """Another algorithm, or a curve that nobody knows."""
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    other = ed25519.Ed25519PrivateKey.generate()
    for pem in (
        other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        (
            f"-----BEGIN PUBLIC KEY-----\nMD4wEAYHKoZIzj0CAQYFK4EEAH8DKgAE{'A' * 54}==\n-----END"
            " PUBLIC KEY-----\n"
        ),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            signing.public_from(pem)
    with pytest.raises(ValueError, match="not a key of an elliptic curve"):
        signing.private_from(other.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
