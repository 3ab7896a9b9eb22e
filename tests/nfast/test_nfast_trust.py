"""What a 5c believes: certificates and the signatures of an image; forgeries of each are refused
(guide 2.5.2.3 steps 12, 18, 19).
"""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from kit.site import ASK, FIVE, Site

from seemachine.nfast import certificates, entrust, images, keystore, signing
from seemachine.nfast.images import Image
from seemachine.nfast.refusals import Refusal
from seemachine.world import World

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def issuer(tmp_path: Path) -> entrust.Issuer:
    """The issuer of a world of its own."""
    return entrust.issuer(World.at(tmp_path / "world"))


def minted(
    signer: Any,
    issuer_name: x509.Name,
    key: Any,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    days: int = 30,
) -> x509.Certificate:
    """A certificate of a developer, as somebody other than the issuer's own tool makes it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mallory")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer_name)
        .public_key(key)
        .serial_number(7)
    )
    builder = builder.not_valid_before(NOW - DAY).not_valid_after(NOW + days * DAY)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, SHA512())


def usage(**given: bool) -> x509.KeyUsage:
    """A key usage with only what is given."""
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
    )
    return x509.KeyUsage(
        **{**dict.fromkeys((*names, "crl_sign", "encipher_only", "decipher_only"), False), **given}
    )


# ---- certificates --------------------------------------------------------------------------------


def test_the_issuers_certificates_are_authorities_and_a_developers_is_none(
    issuer: entrust.Issuer,
) -> None:
    """CA flag, key usage and the length of the path say who may sign what; the chain verifies up to
    the root.
    """
    key = signing.generate()
    csr = certificates.request(key, certificates.subject("cn", "org"))
    developer = certificates.from_pem(entrust.issue(issuer, csr, (0, 30)))
    certificates.refuse_untrusted(developer, issuer.certificate)
    constraints = developer.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.critical) == (False, True)
    assert developer.extensions.get_extension_for_class(x509.KeyUsage).value == usage(
        digital_signature=True
    )
    above = issuer.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (above.ca, above.path_length) == (True, 0)
    assert issuer.certificate.extensions.get_extension_for_class(x509.KeyUsage).value == usage(
        key_cert_sign=True
    )


def test_an_issuers_pair_fits_and_is_made_once(tmp_path: Path) -> None:
    """Asked again, it is the same issuer, whose root signed it."""
    world = tmp_path / "world"
    first, again = entrust.issuer(World.at(world)), entrust.issuer(World.at(world))
    assert first.certificate == again.certificate
    assert signing.key_hash(first.key.public_key()) == signing.key_hash(
        certificates.public_key(first.certificate)
    )
    root = certificates.from_pem((world / "entrust" / "root.pem").read_bytes())
    first.certificate.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)


def test_certificates_of_earlier_versions_are_still_taken(issuer: entrust.Issuer) -> None:
    """They have neither constraints nor usage."""
    certificates.refuse_untrusted(
        minted(issuer.key, issuer.certificate.subject, signing.generate().public_key()),
        issuer.certificate,
    )


@pytest.mark.parametrize(
    ("extension", "reason"),
    [
        (x509.BasicConstraints(ca=True, path_length=None), "is not one for signing images"),
        (usage(key_cert_sign=True), "is not one for signing images"),
        (usage(key_agreement=True), "is not one for signing images"),
    ],
)
def test_a_certificate_for_something_else_is_refused(
    issuer: entrust.Issuer, extension: x509.ExtensionType, reason: str
) -> None:
    """An authority's certificate, or one for other uses, makes nobody a developer, even where the
    issuer signed it.
    """
    found = minted(
        issuer.key,
        issuer.certificate.subject,
        signing.generate().public_key(),
        ((extension, True),),
    )
    with pytest.raises(Refusal, match=reason):
        certificates.refuse_untrusted(found, issuer.certificate)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (
            ec.generate_private_key(ec.SECP384R1()).public_key(),
            "the developer key is on nistp384; it must be on nistp521",
        ),
        (rsa.generate_private_key(65537, 2048).public_key(), "not of an elliptic curve"),
        (ed25519.Ed25519PrivateKey.generate().public_key(), "not of an elliptic curve"),
    ],
    ids=["P-384", "RSA", "Ed25519"],
)
def test_a_developer_key_of_another_kind_is_refused(
    issuer: entrust.Issuer, key: Any, reason: str
) -> None:
    """Only P-521 keys sign images."""
    with pytest.raises(Refusal, match=reason):
        certificates.refuse_untrusted(
            minted(issuer.key, issuer.certificate.subject, key), issuer.certificate
        )


def test_only_the_issuer_itself_makes_developers(issuer: entrust.Issuer) -> None:
    """Another key under the issuer's name, a self-signed certificate, one that a developer signed,
    one that was changed: all refused.
    """
    mallory = signing.generate()
    name = issuer.certificate.subject
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mallory")])
    developer = minted(issuer.key, name, mallory.public_key())
    below = minted(mallory, developer.subject, signing.generate().public_key())
    changed = developer.public_bytes(Encoding.DER).replace(b"mallory", b"mallorz")
    for forged in (
        minted(mallory, name, mallory.public_key()),
        minted(mallory, own, mallory.public_key()),
        below,
        x509.load_der_x509_certificate(changed),
        issuer.certificate,
    ):
        with pytest.raises(Refusal, match="was not issued by"):
            certificates.refuse_untrusted(forged, issuer.certificate)


def test_the_issuer_is_trusted_in_its_own_time_only(
    issuer: entrust.Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ten years no developer certificate counts, however long it is valid itself."""
    found = minted(
        issuer.key, issuer.certificate.subject, signing.generate().public_key(), days=9999
    )
    monkeypatch.setattr(certificates, "now", lambda: NOW + 3651 * DAY)
    with pytest.raises(Refusal, match="is out of its time"):
        certificates.refuse_untrusted(found, issuer.certificate)


def test_a_certificate_counts_from_its_first_second_to_its_last(
    issuer: entrust.Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ends are within; a second outside of them is not."""
    found = minted(issuer.key, issuer.certificate.subject, signing.generate().public_key())
    begin, end, second = (
        found.not_valid_before_utc,
        found.not_valid_after_utc,
        dt.timedelta(seconds=1),
    )
    for moment, reason in (
        (begin, ""),
        (end, ""),
        (begin - second, "is not valid before"),
        (end + second, "expired at"),
    ):
        monkeypatch.setattr(certificates, "now", lambda moment=moment: moment)
        if reason:
            with pytest.raises(Refusal, match=reason):
                certificates.refuse_out_of_time(found, "sign with it")
        else:
            certificates.refuse_out_of_time(found, "sign with it")


def test_the_issuer_signs_only_requests_of_p521_keys_that_were_not_changed(
    issuer: entrust.Issuer,
) -> None:
    """A request on another curve, or changed after it was signed, gets no certificate; nor does a
    time that there is not.
    """
    good = certificates.request(signing.generate(), certificates.subject("cn", "org"))
    der = x509.load_pem_x509_csr(good).public_bytes(Encoding.DER).replace(b"org", b"orb")
    changed = x509.load_der_x509_csr(der).public_bytes(Encoding.PEM)
    subject = certificates.subject("cn", "org")
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    of_rsa = builder.sign(rsa.generate_private_key(65537, 2048), SHA512()).public_bytes(
        Encoding.PEM
    )
    for csr in (changed, of_rsa, certificates.request(signing.generate("nistp256"), subject)):
        with pytest.raises(Refusal, match="signed by its own key on NIST P-521"):
            entrust.issue(issuer, csr, (0, 1))
    for span in ((0, -5), (0, 10**7), (10**9, 1), (0, 10**12)):
        with pytest.raises(Refusal, match="no certificate can begin"):
            entrust.issue(issuer, good, span)
    with pytest.raises(Refusal, match="the subject can't be written"):
        entrust.issue(issuer, good, (0, 1), "\ud800")


def test_names_that_x509_does_not_take_make_no_key(site: Site) -> None:
    """They are looked at before the card is read, so that the key's name stays free."""
    create = ["ids", "create", "--keyname", "dev", "--x509org", "org", "--x509cname"]
    assert "has a common name and an organization" in site.refused("csadmin", *create, "")
    without = ["ids", "create", "--keyname", "dev", "--x509org", "", "--x509cname", "cn"]
    assert "has a common name and an organization" in site.refused("csadmin", *without)
    assert "the subject can't be written" in site.refused("csadmin", *create, "x" * 65)
    assert keystore.listing(World.at(site.home)) == []


def test_register_keeps_the_certificate_alone(five: Site) -> None:
    """What stands around it in the file is not kept, and does not make it another certificate."""
    pem = five.make_developer()
    Path("noted.pem").write_bytes(
        b"from support:\n" + pem.read_bytes() + "gr\u00fc\u00dfe\n".encode("latin-1")
    )
    five.done("csadmin", "ids", "--esn", FIVE, "add", "noted.pem")
    assert five.module().certificates == [pem.read_text()]
    assert "registered already" in five.refused("csadmin", "ids", "--esn", FIVE, "add", str(pem))


# ---- signatures of an image ----------------------------------------------------------------------


def rewritten(path: str, change: Callable[[dict[str, Any]], object]) -> str:
    """A signed image with other signatures, written as csadmin would."""
    image = images.read(Path(path))
    signatures = json.loads(json.dumps(image.signatures))
    change(signatures)
    images.write(Path("rewritten.cs5"), Image(image.manifest, image.tree, signatures))
    return "rewritten.cs5"


def test_every_signature_of_an_image_is_checked(five: Site) -> None:
    """The developer's, the ASK's and the extra ones: another, a damaged or a missing one of each is
    refused.
    """
    signed = str(five.make_signed())
    five.done("generatekey", "seeinteg", "curve=nistp256", "module=1", *ASK)
    five.done(
        "csadmin", "image", "signextra", "--keyname", "pqsdk-signer", "--out", "extra.cs5", signed
    )
    stranger = signing.generate()
    foreign = signing.sign(stranger, images.read(Path(signed)).manifest).hex()
    load = ["load", "--esn", FIVE]
    for change, reason in (
        (lambda found: found.update(developer_signature=foreign), "does not fit"),
        (lambda found: found.update(ask_signature=foreign), "does not fit"),
        (lambda found: found["extra"][0].update(signature=foreign), "does not fit"),
        (lambda found: found.update(ask_signature="zz"), "are damaged"),
        (lambda found: found.update(ask="no key"), "are damaged"),
        (lambda found: found["extra"][0].pop("key"), "are damaged"),
        (lambda found: found.update(developer_certificate=7), "are damaged"),
        (lambda found: found.update(developer_certificate="none"), "not an X.509 certificate"),
        (lambda found: found.pop("ask_signature"), "is not written as csadmin writes"),
        (lambda found: found.update(more=1), "is not written as csadmin writes"),
        (lambda found: found.update(extra={}), "is not written as csadmin writes"),
    ):
        assert reason in five.refused("csadmin", *load, rewritten("extra.cs5", change))
    assert five.module().loaded == []
    five.done("csadmin", *load, rewritten("extra.cs5", lambda _: None))


def test_all_that_an_image_says_is_signed(five: Site) -> None:
    """Name, version, entry point, network and packages settings and the root tree: changed, the
    signature does not fit.
    """
    image = images.read(five.make_signed())
    other = images.packed(Path("container/usr"))
    changed: dict[str, Any] = {
        "package_name": "x",
        "version": "2",
        "entry_point": "/etc/x",
        "network": {"open": 1},
        "packages": [1],
    }
    changed["rootfs_sha256"] = images.hashlib.sha256(other).hexdigest()
    assert {*changed, "format"} == image.about.keys()
    for name, value in changed.items():
        manifest = json.dumps({**image.about, name: value}, sort_keys=True, indent=1).encode()
        images.write(
            Path("x.cs5"),
            Image(manifest, other if name == "rootfs_sha256" else image.tree, image.signatures),
        )
        assert "does not fit" in five.refused("csadmin", "load", "--esn", FIVE, "x.cs5")


def test_an_ask_on_another_curve_is_refused_by_the_hsm_too(five: Site) -> None:
    """Whoever signed it, with whatever tool."""
    image = images.read(five.make_signed())
    developer = keystore.unlock(
        World.at(five.home), 1, keystore.find(World.at(five.home), "simple", "dev")
    )
    images.write(
        Path("p384.cs5"),
        images.signed(image, Path("dev.pem").read_text(), developer, signing.generate("nistp384")),
    )
    assert "the application signing key is on nistp384" in five.refused(
        "csadmin", "load", "--esn", FIVE, "p384.cs5"
    )


def test_a_developer_can_not_lengthen_the_own_certificate(five: Site) -> None:
    """A registered key does not make every certificate of it good: one that the issuer did not sign
    is refused.
    """
    image = images.read(five.make_signed())
    developer = keystore.unlock(
        World.at(five.home), 1, keystore.find(World.at(five.home), "simple", "dev")
    )
    forged = minted(
        developer,
        entrust.production(World.at(five.home)).subject,
        developer.public_key(),
        days=9999,
    )
    images.write(
        Path("forged.cs5"),
        images.signed(image, certificates.to_pem(forged), developer, signing.generate()),
    )
    assert "was not issued by" in five.refused("csadmin", "load", "--esn", FIVE, "forged.cs5")


def test_a_new_certificate_of_the_same_key_counts_at_once(five: Site) -> None:
    """Registered, it is the one that fleet check looks at; a shorter one takes nothing away, one of
    another key nothing either.
    """
    five.load()
    first = five.module().loaded[0].developer_until
    for days, changed in ((900, True), (30, False)):
        before = five.module().loaded[0].developer_until
        five.done("csadmin", "ids", "--esn", FIVE, "add", str(five.make_developer(days=days)))
        assert (five.module().loaded[0].developer_until != before) == changed
    five.done("csadmin", "ids", "--esn", FIVE, "add", str(five.make_developer("other", days=999)))
    assert (
        dt.datetime.fromisoformat(five.module().loaded[0].developer_until)
        - dt.datetime.fromisoformat(first)
    ).days == 810


def test_a_start_needs_the_certificate_to_be_still_there(five: Site) -> None:
    """Taken out of the HSM's record, the developer is unknown again."""
    uuid = five.load()
    with five.changing() as module:
        module.certificates.clear()
    assert "is not registered" in five.refused("csadmin", "start", "--esn", FIVE, "--uuid", uuid)
