"""revocation.py: lists, and those that come after them."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from kit.signers import NOW, YEAR, issuer, mldsa_signer, root, signer

from seemachine.x509 import asn1, revocation
from seemachine.x509.errors import X509Error
from seemachine.x509.revocation import NOTHING, Earlier, Revoked
from seemachine.x509.signing import Signer

HOLD, COMPROMISED = x509.ReasonFlags.certificate_hold, x509.ReasonFlags.key_compromise


def listed(
    by: Signer, *revoked: Revoked, before: Earlier = NOTHING
) -> x509.CertificateRevocationList:
    """A list, as `cryptography` reads it."""
    draft = revocation.draft(issuer(by), before, revoked, YEAR, NOW)
    return x509.load_der_x509_crl(draft.signed(by))


def test_a_list_says_who_is_revoked() -> None:
    """With number, dates, issuer and reasons; where no reason is given none is there."""
    by = signer()
    made = listed(by, Revoked(5, NOW, COMPROMISED), Revoked(1 << 158, NOW))
    assert made.issuer == issuer(by).certificate.subject
    assert (made.last_update_utc, made.next_update_utc) == (YEAR.begin, YEAR.end)
    assert made.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 1
    authority = made.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority.key_identifier == by.key.identifier
    first, second = made
    reason = first.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert (first.serial_number, reason) == (5, COMPROMISED)
    assert (second.serial_number, list(second.extensions)) == (1 << 158, [])


def test_an_empty_list_has_no_entries() -> None:
    """RFC 5280 5.1.2.6: the field is absent then."""
    assert list(listed(signer())) == []


@pytest.mark.parametrize("by", [signer(), mldsa_signer()], ids=["lms", "mldsa"])
def test_the_list_after_has_all_of_the_one_before(by: Signer) -> None:
    """One number higher; entries stay as they were."""
    known = issuer(by)
    before = revocation.earlier(listed(by, Revoked(5, NOW, COMPROMISED)), known)
    after = revocation.earlier(listed(by, Revoked(6, NOW), before=before), known)
    assert after == Earlier(2, (Revoked(5, NOW, COMPROMISED), Revoked(6, NOW)))


def test_a_certificate_is_revoked_once() -> None:
    """But one that was on hold may be revoked for good."""
    by = signer()
    with pytest.raises(X509Error, match="5 was revoked on"):
        listed(by, Revoked(5, NOW), Revoked(5, NOW, COMPROMISED))
    held = Earlier(1, (Revoked(5, NOW, HOLD),))
    [entry] = listed(by, Revoked(5, NOW, COMPROMISED), before=held)
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is COMPROMISED


def test_a_list_of_others_is_not_taken_over() -> None:
    """Nor one that was changed: else a forger could empty it."""
    by, other = signer(), signer(label="other")
    with pytest.raises(X509Error, match="was not signed by this issuer"):
        revocation.earlier(listed(other), issuer(by))
    data = listed(by, Revoked(0xABCDEF, NOW)).public_bytes(Encoding.DER)
    changed = x509.load_der_x509_crl(data.replace(b"\xab\xcd\xef", b"\xab\xcd\xee"))
    with pytest.raises(X509Error, match="damaged"):
        revocation.earlier(changed, issuer(by))


def test_only_its_own_certificates_are_revoked() -> None:
    """By its name and its key."""
    by, other = signer(), signer(label="other")
    own = x509.load_der_x509_certificate(root(by))
    assert revocation.revoked(own, issuer(by)) == own.serial_number
    with pytest.raises(X509Error, match="was not issued by this issuer"):
        revocation.revoked(x509.load_der_x509_certificate(root(other)), issuer(by))


def test_who_may_not_sign_lists() -> None:
    """Its key usage lacks cRLSign."""
    known = issuer(signer(), usages=("keyCertSign",))
    with pytest.raises(X509Error, match="has no key usage cRLSign"):
        revocation.draft(known, NOTHING, [], YEAR, NOW)


def test_numbers_end() -> None:
    """At 20 octets."""
    with pytest.raises(X509Error, match="highest number"):
        listed(signer(), before=Earlier((1 << 159) - 1, ()))


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), ("0f:FF", 0xFFF), ("a.pem", None), ("", None), ("f" * 41, None)],
)
def test_serial_numbers_as_text(text: str, number: int | None) -> None:
    """Hexadecimal as other tools print it; anything else is the name of a file."""
    assert revocation.serial(text) == number


@pytest.mark.parametrize("text", ["0", "00:00", "f" * 40, "80" + "0" * 38])
def test_serial_numbers_that_no_certificate_has(text: str) -> None:
    """They are positive, and of 20 octets at most (RFC 5280 4.1.2.2)."""
    with pytest.raises(X509Error, match="is not a serial number"):
        revocation.serial(text)
    assert revocation.serial("7" + "f" * 39) == (1 << 159) - 1


STRANGE = [
    x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier("http://a/")],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    ),
    x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"),
]


@pytest.mark.parametrize("value", STRANGE, ids=["known", "unknown"])
def test_what_the_list_after_would_not_have(
    value: x509.ExtensionType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that another tool made with the same key is not taken over in part."""
    by = signer()
    more = asn1.extension(value, critical=True)
    written = asn1.extensions
    monkeypatch.setattr(asn1, "extensions", lambda form, wanted: written(form, [*wanted, more]))
    made = listed(by)
    monkeypatch.undo()
    with pytest.raises(X509Error, match="which would be lost"):
        revocation.earlier(made, issuer(by))


def test_what_entries_after_would_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """Since when a key was in wrong hands, such as."""
    by = signer()
    invalid = x509.InvalidityDate(NOW.replace(tzinfo=None))
    monkeypatch.setattr(x509, "CRLReason", lambda _: invalid)
    made = listed(by, Revoked(5, NOW, COMPROMISED))
    monkeypatch.undo()
    with pytest.raises(X509Error, match="the list before has invalidityDate"):
        revocation.earlier(made, issuer(by))
