"""certificates.py and issuers.py: roots, and what they issue, as `cryptography` reads them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from kit.flips import flipped
from kit.signers import NOW, TEN_YEARS, YEAR, issuer, mldsa_signer, root, signer

from seemachine.x509 import asn1, certificates, issuers, requests
from seemachine.x509.errors import X509Error
from seemachine.x509.issuers import Issuer
from seemachine.x509.keys import SubjectKey
from seemachine.x509.names import alternative, distribution_point, subject
from seemachine.x509.profile import Profile, Validity, purpose
from seemachine.x509.signing import Draft, Signer

HSS = "1.2.840.113549.1.9.16.3.17"
SETS = [
    ("sha256_m32_h5", "sha256_n32_w4", 60),
    ("sha256_m24_h5", "sha256_n24_w4", 52),
    ("shake_m32_h5", "shake_n32_w8", 60),
    ("shake_m24_h5", "shake_n24_w8", 52),
]


def loaded(data: bytes) -> x509.Certificate:
    """As `cryptography` has it."""
    return x509.load_der_x509_certificate(data)


def asked_by(key: object, name: str = "CN=End") -> requests.Request:
    """The request of a key of others."""
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(name))
    return requests.read(builder.sign(key, digest))


def issue(by: Signer, request: requests.Request, wanted: Profile, **of: object) -> x509.Certificate:
    """A certificate of a root that issues now."""
    draft = certificates.issued(issuer(by, **of), request, YEAR, wanted, NOW)
    return loaded(draft.signed(by))


@pytest.mark.parametrize(("tree", "ots", "size"), SETS)
def test_a_root_says_what_it_is(tree: str, ots: str, size: int) -> None:
    """RFC 9802: the HSS key itself in the bit string, algorithms without parameters, the same in
    and outside of what is signed; a random serial of 20 octets; a CA whose key signs certificates
    and lists.
    """
    by = signer(tree, ots)
    made = loaded(root(by))
    assert made.signature_algorithm_oid.dotted_string == HSS
    assert made.signature_algorithm_parameters is None
    assert made.public_key_algorithm_oid.dotted_string == HSS
    assert by.info[-size - 1 :] == b"\0\0\0\0\1" + by.public_key
    assert made.version is x509.Version.v3
    assert made.serial_number.bit_length() == 159
    assert made.subject == made.issuer == subject("CN=Root,O=Example")
    assert (made.not_valid_before_utc, made.not_valid_after_utc) == (TEN_YEARS.begin, TEN_YEARS.end)
    usage = made.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert requests.usage_names(usage.value) == ("keyCertSign", "cRLSign")
    assert made.extensions.get_extension_for_class(x509.BasicConstraints).critical
    assert issuers.is_signed(made, by.key)


def test_the_key_is_named_alike_by_subject_and_issuer() -> None:
    """The subject key identifier of a root is the authority's of what it issues."""
    by = signer()
    made = issue(by, asked_by(ec.generate_private_key(ec.SECP256R1())), Profile())
    authority = made.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = loaded(root(by)).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert authority.key_identifier == own.digest == by.key.identifier
    assert len(own.digest) == 20


def test_an_issuer_is_named_as_its_certificate_names_it() -> None:
    """Other makers hash the key in another way, or leave the name out."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = subject("CN=a")
    builder = x509.CertificateBuilder(name, name, key.public_key(), 5, YEAR.begin, YEAR.end)
    by = signer().key
    assert Issuer(builder.sign(key, hashes.SHA256()), by, None).authority.key_identifier == (
        by.identifier
    )
    named = builder.add_extension(x509.SubjectKeyIdentifier(b"other"), critical=False)
    known = Issuer(named.sign(key, hashes.SHA256()), by, None)
    assert known.authority.key_identifier == b"other"


def test_another_bit_is_another_certificate() -> None:
    """A flipped bit, wherever it is, is no longer signed, or no certificate any more."""
    by = signer()
    data = root(by)
    for bit in range(0, len(data) * 8, 997):
        try:
            made = loaded(flipped(data, bit))
            assert not issuers.is_signed(made, by.key)
        except ValueError:
            continue


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["ec", "ed25519", "rsa"],
)
def test_requests_of_any_algorithm_are_answered(key: object) -> None:
    """The certificate has the key and the subject of the request."""
    by = signer()
    made = issue(by, asked_by(key), Profile())
    assert made.public_key() == key.public_key()
    assert made.subject == subject("CN=End")
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert issuers.is_signed(made, by.key)


def test_keys_of_hsms_are_subjects_too() -> None:
    """LMS and ML-DSA, whose requests this room makes and checks."""
    by = signer()
    for other in (signer(label="other"), mldsa_signer()):
        data = requests.draft(other.key, subject("CN=Sub"), []).signed(other)
        request = requests.read(x509.load_der_x509_csr(data))
        made = issue(by, request, Profile(authority=True, path_length=0))
        assert issuers.key_of(made) == other.key


def test_ml_dsa_issues() -> None:
    """A root of an ML-DSA key, as `cryptography` checks it; its algorithm has no parameters."""
    by = mldsa_signer()
    made = issue(by, asked_by(ec.generate_private_key(ec.SECP256R1())), Profile())
    made.verify_directly_issued_by(loaded(root(by)))
    assert made.signature_algorithm_oid.dotted_string == "2.16.840.1.101.3.4.3.17"
    assert made.signature_algorithm_parameters is None


def test_everything_that_is_wished_is_there() -> None:
    """Names, purposes, usages, the place of the list, and extensions of any kind."""
    by, key = signer(), ec.generate_private_key(ec.SECP256R1())
    texts = ("a.example", "*.b.example", "127.0.0.1", "::1", "https://c/d", "e@f.example")
    names = tuple(map(alternative, texts))
    more = x509.Extension(
        x509.ObjectIdentifier("1.2.3.4"),
        True,
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"),
    )
    wanted = Profile(
        usages=("digitalSignature", "keyAgreement", "encipherOnly"),
        purposes=(purpose("codeSigning"), purpose("1.2.3")),
        names=names,
        lists=(distribution_point("http://crl.example/a.crl"),),
        more=(more,),
    )
    found = issue(by, asked_by(key), wanted).extensions
    assert tuple(found.get_extension_for_class(x509.SubjectAlternativeName).value) == names
    assert list(found.get_extension_for_class(x509.ExtendedKeyUsage).value)[1].dotted_string == (
        "1.2.3"
    )
    [place] = found.get_extension_for_class(x509.CRLDistributionPoints).value
    assert place.full_name[0].value == "http://crl.example/a.crl"
    assert found.get_extension_for_oid(more.oid) == more
    usage = found.get_extension_for_class(x509.KeyUsage).value
    assert requests.usage_names(usage) == wanted.usages


def test_dates_beyond_2049() -> None:
    """They take the longer form of a time, and mean what they say."""
    by = signer()
    validity = Validity(NOW, NOW.replace(year=2050, day=1))
    made = loaded(certificates.root(by.key, subject("CN=a"), validity, Profile()).signed(by))
    assert made.not_valid_after_utc == validity.end
    with pytest.raises(X509Error, match="after the year 9999"):
        Validity.days(4_000_000, NOW)


def test_a_certificate_ends_no_later_than_its_issuer() -> None:
    """The ends of the two are the same then."""
    by = signer()
    beyond = replace(YEAR, end=TEN_YEARS.end + timedelta(days=1))
    request = asked_by(ec.generate_private_key(ec.SECP256R1()))
    made = loaded(certificates.issued(issuer(by), request, beyond, Profile(), NOW).signed(by))
    assert made.not_valid_after_utc == TEN_YEARS.end


def test_a_certificate_begins_no_sooner_than_its_issuer() -> None:
    """Whose clock may be ahead."""
    by = signer()
    sooner = replace(YEAR, begin=YEAR.begin - timedelta(hours=1))
    request = asked_by(ec.generate_private_key(ec.SECP256R1()))
    made = loaded(certificates.issued(issuer(by), request, sooner, Profile(), NOW).signed(by))
    assert made.not_valid_before_utc == YEAR.begin


def test_an_end_does_not_pass_for_a_root() -> None:
    """Its subject is not that of its issuer; a CA's may be, when it takes another key."""
    by, request = signer(), asked_by(ec.generate_private_key(ec.SECP256R1()), "CN=Root,O=Example")
    with pytest.raises(X509Error, match="would pass for a root"):
        issue(by, request, Profile())
    assert issue(by, request, Profile(authority=True))


def test_another_algorithm_outside_is_noticed() -> None:
    """Parameters where none belong, in what is not signed, or in what is."""
    by = signer()
    data = root(by)
    algorithm = asn1.encoded(by.key.algorithm)
    null = algorithm[:1] + bytes([algorithm[1] + 2]) + algorithm[2:] + b"\5\0"
    before, _, after = data.rpartition(algorithm)
    length = int.from_bytes(data[2:4], "big") + 2
    changed = data[:2] + length.to_bytes(2, "big") + before[4:] + null + after
    assert not issuers.is_signed(loaded(changed), by.key)


def test_path_lengths_shrink() -> None:
    """A CA gets one less than its issuer has; where that has 0, no CA can be below it."""
    by, request = signer(), asked_by(ec.generate_private_key(ec.SECP256R1()))
    below = Profile(authority=True)
    found = issue(by, request, below, path_length=2).extensions
    assert found.get_extension_for_class(x509.BasicConstraints).value.path_length == 1
    assert issue(by, request, replace(below, path_length=1), path_length=2)
    with pytest.raises(X509Error, match="can be 1 at most"):
        issue(by, request, replace(below, path_length=2), path_length=2)
    with pytest.raises(X509Error, match="issues for ends alone"):
        issue(by, request, below, path_length=0)
    assert issue(by, request, Profile(), path_length=0)


class TestRefusedIssuers:
    """What can't issue, and why; before anything is signed."""

    def refusal(self, by: Issuer) -> str:
        """What is said of an issuer when it is to issue."""
        request = asked_by(ec.generate_private_key(ec.SECP256R1()))
        with pytest.raises(X509Error) as refused:
            certificates.issued(by, request, YEAR, Profile(), NOW)
        return str(refused.value)

    def test_one_that_is_no_ca(self) -> None:
        """Its basic constraints say so."""
        said = self.refusal(issuer(signer(), authority=False))
        assert "is not of a CA" in said

    def test_one_whose_key_may_not_sign_certificates(self) -> None:
        """Its key usage has cRLSign alone."""
        assert "has no key usage keyCertSign" in self.refusal(issuer(signer(), usages=("cRLSign",)))

    def test_one_that_is_over_or_not_yet(self) -> None:
        """Its dates are those of another year."""
        by = signer()
        for days in (-800, 800):
            away = timedelta(days=days)
            validity = Validity(YEAR.begin + away, YEAR.end + away)
            data = certificates.root(by.key, subject("CN=a"), validity, Profile(authority=True))
            said = self.refusal(Issuer.of(loaded(data.signed(by)), by.key))
            assert "and not now" in said

    def test_not_one_at_its_first_or_last_moment(self) -> None:
        """Both are included (RFC 5280 4.1.2.5)."""
        known = issuer(signer())
        for moment in (TEN_YEARS.begin, TEN_YEARS.end):
            known.refuse_unless("keyCertSign", moment)

    def test_one_of_another_key(self) -> None:
        """The certificate has not the key that signs."""
        with pytest.raises(X509Error, match="is of another key"):
            Issuer.of(loaded(root(signer())), signer(label="other").key)

    def test_a_root_that_was_changed(self) -> None:
        """One bit of its name; the key is the right one."""
        by = signer()
        data = root(by).replace(b"Example", b"Exbmple")
        with pytest.raises(X509Error, match="get an undamaged copy"):
            Issuer.of(loaded(data), by.key)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Profile(usages=("keyEncipherment",)), "keyEncipherment can't be in"),
        (Profile(usages=("keyCertSign",)), "keyCertSign can't be in"),
        (Profile(usages=("cRLSign", "decipherOnly")), "decipherOnly can't be in"),
        (Profile(authority=True, usages=("keyAgreement",)), "keyAgreement can't be in"),
        (Profile(path_length=1), "for certificates of CAs alone"),
    ],
)
def test_what_can_not_be_in_a_certificate_of_a_key_that_signs(wanted: Profile, said: str) -> None:
    """RFC 9802 6, RFC 9881 5."""
    for key in (signer().key, mldsa_signer().key):
        with pytest.raises(X509Error, match=said):
            wanted.extensions(key)


def test_an_extension_is_there_once() -> None:
    """What is added by hand can't double what is there anyway."""
    again = x509.Extension(x509.BasicConstraints.oid, True, x509.BasicConstraints(True, None))
    with pytest.raises(X509Error, match="basicConstraints would be there twice"):
        Profile(more=(again,)).extensions(signer().key)


def test_serials_never_come_twice() -> None:
    """Of the same draft made again, too."""
    by = signer()
    assert len({loaded(root(by)).serial_number for _ in range(20)}) == 20


def test_a_signature_that_does_not_verify_is_given_to_nobody() -> None:
    """A machine that answers with another key's signature, or with none."""
    by, other = signer(), signer(label="other")
    draft = certificates.root(by.key, subject("CN=a"), YEAR, Profile(authority=True))
    for plainly in (other.plainly, lambda _: b"", lambda _: by.plainly(b"another message")):
        with pytest.raises(X509Error, match="not a signature of this key"):
            draft.signed(Signer(by.public_key, plainly))
    with pytest.raises(X509Error, match="for another key"):
        draft.signed(other)


def test_nothing_is_signed_before_everything_is_known() -> None:
    """Drafts take no leaf; their signature takes one."""
    taken = []
    by = signer()
    counting = Signer(by.public_key, lambda message: taken.append(1) or by.plainly(message))
    draft: Draft = certificates.root(by.key, subject("CN=a"), YEAR, Profile())
    assert not taken
    draft.signed(counting)
    assert taken == [1]


def test_keys_that_are_none_of_ours_make_no_roots() -> None:
    """Nor requests: no HSM has them."""
    info = ec.generate_private_key(ec.SECP256R1()).public_key()
    from cryptography.hazmat.primitives.serialization import PublicFormat

    key = SubjectKey.read(info.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(X509Error, match="EC secp256r1 is not in an HSM"):
        certificates.root(key, subject("CN=a"), YEAR, Profile())
    with pytest.raises(X509Error, match="is not in an HSM"):
        requests.draft(key, subject("CN=a"), [])
    with pytest.raises(X509Error, match="neither LMS nor ML-DSA"):
        SubjectKey.of(b"x")


def test_who_signs_lists_for_others_is_no_ca() -> None:
    """An end may have cRLSign (RFC 9802 6), with any key."""
    by = signer()
    request = asked_by(ec.generate_private_key(ec.SECP256R1()))
    found = issue(by, request, Profile(usages=("cRLSign",))).extensions
    usage = found.get_extension_for_class(x509.KeyUsage).value
    assert requests.usage_names(usage) == ("cRLSign",)
    assert Profile(usages=("cRLSign",)).extensions(by.key)
