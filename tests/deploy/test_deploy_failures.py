"""Each failure that the guide warns of: what the deploy scripts say, their exit code, and that they
go on once it is mended.
"""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from deploy.desk import FIVE, XC, Desk

from seemachine.hsms import records
from seemachine.world import World

ASK = [
    "type=ecdsa",
    "plainname=pqsdk-signer",
    "ident=pqsdk-signer",
    "module=1",
    "cardset=testOCS",
    "slot=2",
]


def key(desk: Desk, application: str, *, present: bool = True) -> Path:
    """The file of the signing key."""
    path = desk.site.home / "kmdata" / "local" / f"key_{application}_pqsdk-signer"
    assert path.exists() is present
    return path


# ---- before anything is done ---------------------------------------------------------------------


def test_the_tools_must_be_in_path(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guide 2.3: without them nothing is done, and the line to type is printed; of one that is
    missing only that one is named.
    """
    (desk.bin / "csadmin").rename(desk.bin / "away")
    said = desk.stopped(1, "5c")
    assert (
        said.splitlines()[1]
        == "  what to do: install CodeSafe 5 (guide 2.5.2.1). Not found: csadmin"
    )
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    said = desk.stopped(1, "5c")
    assert "export PATH=/opt/nfast/bin:$PATH; install CodeSafe 5" in said
    assert "generatekey, enquiry" in said
    assert desk.calls == []


def test_the_right_module(desk: Desk) -> None:
    """A module that is not there, of the other model, with another serial number, in another mode:
    nothing is done to it.
    """
    assert "enquiry -m 3 ended with exit code 1\n  it said: " in desk.stopped(
        1, "5c", "--module", "3"
    )
    assert "there is nshieldxc" in desk.stopped(1, "5c", "--module", "2")
    assert "there is nshield5c" in desk.stopped(1, "xc", "--module", "1")
    assert "or correct --esn" in desk.stopped(1, "5c", "--esn", XC)
    assert "or correct --esn" in desk.stopped(1, "5c", "--uninstall", "--esn", XC)
    assert "another with --module" in desk.stopped(1, "5c", "--module", "3")
    with records.changing(World.at(desk.site.home), FIVE) as module:
        module.mode = "maintenance"
    assert "nopclearfail -O -m 1" in desk.stopped(1, "5c")
    assert desk.calls == []


def test_there_must_be_a_security_world(desk: Desk) -> None:
    """Guide 2.2."""
    (desk.site.home / "kmdata" / "local" / "world").rename(desk.site.home / "world.away")
    assert "Create the Security World" in desk.stopped(1, "5c")
    assert desk.calls == []


@pytest.mark.parametrize(("model", "number", "esn"), [("5c", 1, FIVE), ("xc", 2, XC)])
def test_a_licence(desk: Desk, model: str, number: int, esn: str) -> None:
    """Guide 2.5: it is waited for; one for another HSM is refused; the right one is fed, and the
    module cleared if that is allowed.
    """
    with records.changing(World.at(desk.site.home), esn) as module:
        module.features = [feature for feature in module.features if not feature.startswith("see-")]
    words = ["--module", str(number)]
    assert "from Entrust Support" in desk.stopped(3, model, *words)
    other = {FIVE: XC, XC: FIVE}[esn]
    for each in (esn, other):
        assert desk.site.seemachine("nfast", "licence", f"{each}.txt", "--esn", each)[0] == 0
    assert "with --yes" in desk.stopped(
        1, model, *words, "--rfs", "127.0.0.1", "--licence", f"{esn}.txt"
    )
    assert "rfs must be given, too" in desk.stopped(
        2, model, *words, "--yes", "--licence", f"{esn}.txt"
    )
    assert "this serial number" in desk.stopped(
        1, model, *words, "--yes", "--rfs", "127.0.0.1", "--licence", f"{other}.txt"
    )
    _, lines = desk.deploy(model, *words, "--yes", "--rfs", "127.0.0.1", "--licence", f"{esn}.txt")
    assert any(call.startswith("nethsmadmin") for call in desk.calls), lines
    assert desk.site.module(esn).licensed
    assert (desk.site.home / "kmdata" / f"hsm-{esn}" / "features" / f"{esn}.txt").exists()


def test_what_is_not_told(desk: Desk) -> None:
    """A step that needs a word is refused before any of its calls; a wrong release, too."""
    assert "--cname is needed for it\n  what to do: give --cname\n" in desk.stopped(
        1, "5c", "--cname", ""
    )
    assert desk.calls == []
    assert not Path("pqcop-5c").exists()
    Path("elsewhere").mkdir()
    assert "userdatatool.py" in desk.stopped(1, "5c", "--release", "elsewhere")


# ---- cards ---------------------------------------------------------------------------------------


def test_a_missing_card(desk: Desk) -> None:
    """No OCS card, then no ACS card: exit code 3 says that a person is needed, and the next run
    goes on from there.
    """
    desk.site.rack.remove(FIVE, 2)
    assert "present a card of testOCS" in desk.stopped(3, "5c")
    desk.site.rack.insert("testOCS-1", FIVE, 2)
    desk.site.rack.remove(FIVE, 0)
    assert "send" in desk.stopped(3, "5c")
    desk.certify()
    said = desk.stopped(3, "5c")
    assert "Administrator Card Set" in said
    assert "certificate: userdatatool.py ended with exit code 1" in said
    desk.site.rack.insert("admin-1", FIVE, 0)
    desk.done("5c")
    assert not any(call.startswith(("generatekey", "csadmin ids")) for call in desk.calls)


def test_a_missing_card_of_an_xc(desk: Desk) -> None:
    """The same at the front of an XC; the ACS card is wanted in the first module, which is said."""
    desk.site.rack.remove(XC, 3)
    assert "slot 3 of module 2" in desk.stopped(3, "xc", "--module", "2", "--yes")
    desk.site.rack.insert("testOCS-2", XC, 3)
    administrator = desk.site.rack.remove(FIVE, 0)
    assert "in slot 0 of module 1: " in desk.stopped(3, "xc", "--module", "2", "--yes")
    desk.site.rack.insert(administrator, FIVE, 0)
    desk.done("xc", "--module", "2", "--yes")
    assert XC in desk.banner()


# ---- developer certificates ----------------------------------------------------------------------


def test_an_expired_certificate(desk: Desk) -> None:
    """One that expired, or is not valid yet, is named with its dates and waited for; nothing was
    done with it.
    """
    desk.stopped(3, "5c")
    for words, advice in (
        (["--days", "3", "--begun", "9"], "issue another for the same"),
        (["--days", "90", "--begun", "-9"], "host's clock"),
    ):
        desk.certify(*words)
        assert advice in desk.stopped(3, "5c")
        assert desk.calls == []


def test_an_unknown_certificate(desk: Desk) -> None:
    """A file that is none, one that Entrust did not issue, one of another key: each is refused with
    what to ask for.
    """
    desk.stopped(3, "5c")
    Path("no.pem").write_text("Dear customer")
    assert "not a certificate in PEM form" in desk.stopped(3, "5c", "--devcert", "no.pem")
    Path("no.der").write_bytes(
        x509.load_pem_x509_certificate(desk.certify().read_bytes()).public_bytes(Encoding.DER)
    )
    assert "openssl x509 -inform der" in desk.stopped(3, "5c", "--devcert", "no.der")
    foreign = desk.site.home / "entrust" / "root.pem"
    assert "certificates that Entrust issued" in desk.stopped(1, "5c", "--devcert", str(foreign))
    desk.site.done(
        "csadmin", "ids", "create", "--keyname", "other", "--x509cname", "cn", "--x509org", "org"
    )
    assert desk.site.seemachine("nfast", "certify", "other.csr", "other.pem")[0] == 0
    assert "issued for the CSR of this key" in desk.stopped(1, "5c", "--devcert", "other.pem")
    desk.certify()
    desk.done("5c")


def test_a_certificate_that_expires_later(five: Desk) -> None:
    """What runs goes on.

    A start needs a new certificate for the same key; the image stays as it is.
    """
    old = five.certify("--days", "3", "--begun", "9", output="old.pem").read_text()
    with records.changing(World.at(five.site.home), FIVE) as module:
        module.certificates = [old]
    five.site.done("nopclearfail", "-c", "-m", "1")
    assert "same CSR" in five.stopped(3, "5c", "--devcert", "old.pem")
    five.certify(output="new.pem")
    five.done("5c", "--devcert", "new.pem")
    assert [call.split()[:2] for call in five.calls] == [
        ["csadmin", "ids"],
        ["csadmin", "start"],
        ["python3", "pqsdk-1.4.1-win64/bootstrap.py"],
    ]


# ---- keys ----------------------------------------------------------------------------------------


def test_a_key_on_the_wrong_curve(desk: Desk) -> None:
    """A signing key that is there and on another curve is found before anything is
    signed with it.
    """
    desk.site.done("generatekey", "simple", "curve=nistp256", *ASK)
    desk.stopped(3, "5c")
    desk.certify()
    assert "another curve" in desk.stopped(1, "5c")
    assert not any("image" in call for call in desk.calls)
    desk.done("5c", "--signer", "better")


def test_the_wrong_order_of_a_mixed_fleet(desk: Desk) -> None:
    """The 5c can't have the XC's key before there is one; and a key that was generated is not taken
    for it (guide 2.9.2, 2.9.6).
    """
    assert "set up the XC first" in desk.stopped(1, "5c", "--retarget", "pqsdk-signer")
    assert desk.calls == []
    desk.done("xc", "--module", "2", "--yes")
    desk.site.done("generatekey", "simple", "curve=nistp521", *ASK)
    assert "generated, not retargeted" in _after_certificate(desk, "--retarget", "pqsdk-signer")
    key(desk, "simple").rename(desk.site.home / "key.away")
    desk.done("5c", "--retarget", "pqsdk-signer")
    assert FIVE in desk.banner()
    assert XC in desk.banner()


def _after_certificate(desk: Desk, *words: str) -> str:
    desk.stopped(3, "5c", *words)
    desk.certify()
    return desk.stopped(1, "5c", *words)


def test_a_card_set_that_is_not_there(desk: Desk) -> None:
    """The name is wrong, not the card."""
    desk.stopped(3, "5c")
    desk.certify()
    assert "--cardset" in desk.stopped(1, "5c", "--cardset", "nobody")
    key(desk, "simple", present=False)


def test_a_new_signing_key_makes_what_follows_anew(five: Desk) -> None:
    """The delegation certificate is for one key: with another it is made again, and so is the
    image; the old one is to go first.
    """
    assert "Uninstall it first" in five.stopped(1, "5c", "--signer", "second")
    five.done("5c", "--uninstall", "--yes")
    five.done("5c", "--signer", "second")
    [loaded] = five.site.module(FIVE).loaded
    assert loaded.delegated
