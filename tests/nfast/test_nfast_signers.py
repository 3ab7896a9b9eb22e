"""What a SEE machine may do by the keys that signed it and by what the ACS delegated (guide 2.5.1
step 4, 2.5.2.3 step 15, 2.9.2).
"""

import base64
import json
import random
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from kit.site import FIVE, SIGN, XC, Site
from nfast.test_nfast_order import KEY, check, pipsqueak, retarget, start_five

from seemachine.nfast import certificates, containers, entrust, images, signing
from seemachine.nfast.images import Image
from seemachine.nfast.refusals import Refusal
from seemachine.world import World

SIGNER_HINT = "make userdata.raw with userdatatool.py"


def run_image(site: Site, image: str) -> None:
    """Load, start and publish an image on the 5c, instead of what runs there."""
    for loaded in site.module().loaded:
        if site.module().started == loaded.uuid:
            site.done("csadmin", "stop", "--esn", FIVE, "--uuid", loaded.uuid)
    uuid = site.done("csadmin", "load", "--esn", FIVE, image)[0].split()[-1]
    site.done("csadmin", "start", "--esn", FIVE, "--uuid", uuid)
    site.done("bootstrap", "-m", "1", "--uuid", uuid, "--cs5file", image)


def sign_extra(site: Site) -> None:
    """extra.cs5: an image of the key `another`, signed by the seeinteg key too."""
    site.make_signed("another")
    site.done(
        "csadmin",
        "image",
        "signextra",
        "--keyname",
        "pqsdk-signer",
        "--out",
        "extra.cs5",
        "signed.cs5",
    )


# ---- csadmin image signextra ---------------------------------------------------------------------


def test_an_extra_signature_keeps_the_keys_and_cards_of_the_older_key(five: Site) -> None:
    """A key and a card made under the seeinteg key are used by an image that it signed as an extra;
    new keys are the main signer's.
    """
    retarget(five)
    start_five(five)
    old = five.module().signer
    assert pipsqueak(five, "generate", "alias=k", *KEY)[0] == 0
    five.rack.insert(five.rack.new()[0], FIVE, 3)
    assert (
        pipsqueak(five, "generate", "alias=s", "slot=3", "expcards=0", "explease=1", *KEY)[0] == 0
    )
    sign_extra(five)
    run_image(five, "extra.cs5")

    assert five.module().signer != old
    assert pipsqueak(five, "alias=k", "message=a")[0] == 0
    assert pipsqueak(five, f"provesn={FIVE}", "slot=3")[0] == 0
    assert pipsqueak(five, "alias=s", "message=a")[0] == 0
    assert pipsqueak(five, "generate", "alias=n", *KEY)[0] == 0
    head = json.loads((five.home / "kmdata/local/key_pqsdk_n").read_bytes().partition(b"\n")[0])
    assert head["signer"] == five.module().signer
    assert check(five) == []

    run_image(five, "signed.cs5")
    code, lines = pipsqueak(five, "alias=k", "message=b")
    assert code == 1
    assert any(
        "AccessDenied(5): the key belongs to SEE machines signed by" in line for line in lines
    )


def test_the_fleet_takes_extra_signatures_too(five: Site) -> None:
    """`fleet up` runs what was loaded: with the extra signature's keys."""
    from seemachine.config import load
    from seemachine.fleet import configuration
    from seemachine.fleet.settings_file import write_settings

    retarget(five)
    sign_extra(five)
    five.done("csadmin", "load", "--esn", FIVE, "extra.cs5")
    machine = configuration.read(five.home / "fleet.toml", World.at(five.home)).machines[0]
    loaded = five.module().loaded[0]
    assert machine.extra_signers == tuple(loaded.extra_signers)
    assert len(machine.extra_signers) == 1
    assert load(write_settings(machine), World.at(five.home)).extra_signers == machine.extra_signers


# ---- bits of certificates ------------------------------------------------------------------------


def flips(text: str, chance: random.Random, count: int) -> list[str]:
    """A text with one bit changed; the seventh, so that it stays text, is left alone."""
    places = [(chance.randrange(len(text)), 1 << chance.randrange(7)) for _ in range(count)]
    return [text[:at] + chr(ord(text[at]) ^ bit) + text[at + 1 :] for at, bit in places]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", ["developer_certificate", "ask", "developer_signature", "ask_signature"]
)
def test_no_changed_bit_in_a_signature_or_certificate_loads(five: Site, name: str) -> None:
    """Base64 and hex have several ways to write the same; only the one that csadmin writes is
    taken.
    """
    image = images.read(five.make_signed())
    chance = random.Random(name)
    text = image.signatures[name]
    changed = flips(text, chance, 100 if name == "developer_certificate" else 40)
    changed += [f"{text}\n", text.replace("\n", "\r\n") if "\n" in text else text.upper()]
    for each in changed:
        forged = Image(image.manifest, image.tree, {**image.signatures, name: each})
        with pytest.raises(Refusal):
            containers.load(World.at(five.home), FIVE, forged)
    assert five.module().loaded == []
    containers.load(World.at(five.home), FIVE, image)


@pytest.mark.filterwarnings("ignore")
def test_no_changed_bit_of_a_certificate_is_trusted_or_breaks_anything(tmp_path: Path) -> None:
    """Whatever bit it is, of version, key, subject or signature: a refusal, never an error of the
    library.
    """
    issuer = entrust.issuer(World.at(tmp_path))
    csr = certificates.request(signing.generate(), certificates.subject("cn", "org"))
    found = certificates.from_pem(entrust.issue(issuer, csr, (0, 30)))
    der = found.public_bytes(Encoding.DER)
    chance = random.Random(5)
    places = [(at, 1 << chance.randrange(8)) for at in range(0, len(der), 2)]
    # The version, and the count of unused bits before the signature.
    places += [
        (der.index(bytes.fromhex("a003020102")) + 4, 0x10),
        (len(der) - len(found.signature) - 1, 1),
    ]
    for at, bit in places:
        changed = der[:at] + bytes([der[at] ^ bit]) + der[at + 1 :]
        pem = (
            f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(changed).decode()}-----END"
            " CERTIFICATE-----\n"
        )
        with pytest.raises(Refusal):
            certificates.refuse_untrusted(certificates.from_pem(pem.encode()), issuer.certificate)


def test_a_certificate_whose_unused_bits_changed_is_refused(five: Site) -> None:
    """The last letter of its base64 has bits that no byte of the certificate is made of: the
    certificate is the same, the text is not.
    """
    image = images.read(five.make_signed())
    pem = image.signatures["developer_certificate"]
    body = "".join(pem.splitlines()[1:-1])
    if not body.endswith("="):
        pytest.skip("this certificate's length leaves no unused bits")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = body.rstrip("=")[-1]
    other = pem.replace(f"{last}=", f"{letters[letters.index(last) ^ 1]}=")
    forged = Image(image.manifest, image.tree, {**image.signatures, "developer_certificate": other})
    with pytest.raises(Refusal):
        containers.load(World.at(five.home), FIVE, forged)


# ---- NVRAM delegation ----------------------------------------------------------------------------


def test_an_image_without_a_delegation_makes_no_keys(five: Site) -> None:
    """Without etc/userdata.codesafe the 5c's SEE machine refuses to make a key and to take a lease;
    what it holds it signs with.
    """
    start_five(five)
    assert pipsqueak(five, "generate", "alias=k", *KEY)[0] == 0
    five.rack.insert(five.rack.new()[0], FIVE, 3)
    assert (
        pipsqueak(five, "generate", "alias=s", "slot=3", "expcards=0", "explease=1", *KEY)[0] == 0
    )
    Path("container/etc/userdata.codesafe").unlink()
    five.make_image()
    five.done("csadmin", *SIGN, "--out", "bare.cs5", "image.cs5")
    run_image(five, "bare.cs5")

    for words in (("generate", "alias=n", *KEY), (f"provesn={FIVE}", "slot=3")):
        code, lines = pipsqueak(five, *words)
        assert code == 1
        assert any("AccessDenied(5)" in line and SIGNER_HINT in line for line in lines), lines
    assert pipsqueak(five, "alias=k", "message=a")[0] == 0
    assert any("has no NVRAM delegation" in finding["problem"] for finding in check(five))

    run_image(five, "signed.cs5")
    assert pipsqueak(five, f"provesn={FIVE}", "slot=3")[0] == 0


def test_an_xc_without_user_data_makes_no_keys(site: Site) -> None:
    """Loaded with -U '' it runs and refuses; with the user data it makes keys."""
    machine, userdata = site.make_archives()
    setup: list[Any] = ["loadsee-setup", "-s", "-m", "2", "-M", machine, "-p", "pqsdk", "-U"]
    site.done(*setup, "", typed=("yes", "yes"))
    code, lines = pipsqueak(site, "generate", "alias=k", *KEY)
    assert code == 1
    assert any(
        f"AccessDenied(5): the SEE machine of {XC} has no NVRAM delegation" in line
        for line in lines
    ), lines
    site.done(*setup, userdata, typed=("yes", "yes"))
    assert pipsqueak(site, "generate", "alias=k", *KEY)[0] == 0
