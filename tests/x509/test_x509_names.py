"""names.py: what is a name, and what would be one that others can't read."""

import pytest
from cryptography import x509
from kit.signers import root, signer

from seemachine.x509.errors import X509Error
from seemachine.x509.names import alternative, alternatives, distribution_point, subject
from seemachine.x509.profile import Profile, purpose

HOSTS = ["a", "a.example", "*.a.example", "xn--4ca.example", "1.example", "a-b.c1", "a" * 63]
NO_HOSTS = ["", ".a", "a.", "a..b", "a_b", "-a", "a-.b", "ä.example", "a" * 64, "*.", "a.*.b"]
# Addresses with a part too many, too large, or missing.
ALMOST = ["1.2.3.4.5", "300.1.1.1", "1.2.3"]


@pytest.mark.parametrize("text", HOSTS)
def test_hosts(text: str) -> None:
    """As RFC 1123 2.1 has them, with a wildcard before or without."""
    assert alternative(text) == x509.DNSName(text)


@pytest.mark.parametrize("text", [*NO_HOSTS, *ALMOST, ".".join(["a" * 63] * 4)])
def test_what_is_no_host(text: str) -> None:
    """Refused once, in one sentence; an address with a typing error does not become a host."""
    with pytest.raises(X509Error) as refused:
        alternative(text)
    assert str(refused.value).count(repr(text)) == 1


@pytest.mark.parametrize("text", ["a@ü", "urn:ü", "http://ü/"])
def test_letters_that_other_names_can_not_have(text: str) -> None:
    """Of mail addresses and URIs."""
    with pytest.raises(X509Error, match="can't be in a certificate"):
        alternative(text)


@pytest.mark.parametrize("text", ["http://a/b.crl", "HTTPS://a", "ldap://a/b?c"])
def test_where_a_list_is(text: str) -> None:
    """A URL by which it can be fetched."""
    assert distribution_point(text) == x509.UniformResourceIdentifier(text)


@pytest.mark.parametrize("text", ["", "a", "a.crl", "http://", "file:///a", "http://ä/"])
def test_where_no_list_can_be(text: str) -> None:
    """Nobody could fetch it; the certificate would have it for good."""
    with pytest.raises(X509Error):
        distribution_point(text)


@pytest.mark.parametrize("text", ["CN=ü,O=日本", "C=DE,CN=a", "DC=example,DC=a-b", "CN=a+OU=b,O=c"])
def test_subjects(text: str) -> None:
    """In UTF-8 where the part of a name has it; each comes back as it was written."""
    assert subject(text).rfc4514_string() == text


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("cn=a,oU=b", "CN=a,OU=b"),
        ("cn=a\\,o=b", "CN=a\\,o\\=b"),
        ("cn=a\\\\,o=b", "CN=a\\\\,O=b"),
        ("dc=a=b+uid=c", "DC=a\\=b+UID=c"),
        ("2.5.4.5=1", "2.5.4.5=1"),
    ],
)
def test_the_types_of_a_subject_are_in_any_case(text: str, read: str) -> None:
    """What a value has stays as it is, also where that looks like a type."""
    assert subject(text) == x509.Name.from_rfc4514_string(read)


@pytest.mark.parametrize("text", ["CN=a,XX=b", "XX=#0c0141", "CN=a+XX=b", "XX=a\\"])
def test_a_type_that_is_not_known(text: str) -> None:
    """It is named, and those that are known."""
    with pytest.raises(X509Error, match="'XX' is not a part of a name; use CN, L, ST, O"):
        subject(text)


@pytest.mark.parametrize("text", ["codesign", "CODESIGNING", "codeSinging"])
def test_a_purpose_that_may_be_meant(text: str) -> None:
    """The nearest is named; where none is near, all are."""
    with pytest.raises(X509Error, match="did you mean codeSigning"):
        purpose(text)
    with pytest.raises(X509Error, match="known are codeSigning, serverAuth"):
        purpose("boot")


ODD = ["DC=ü", "1.2.840.113549.1.9.1=ü@a", "2.5.4.5=a_b", "C=Ü", "CN=#0c0141", "CN=a\x1b[2J"]


@pytest.mark.parametrize("text", ODD)
def test_letters_that_a_part_can_not_have(text: str) -> None:
    """An IA5String has ASCII, and a PrintableString less; none has what no terminal can show, as a
    value in hexadecimal would become.
    """
    with pytest.raises(X509Error, match="has letters that this part of a name can't have"):
        subject(text)


NO_SUBJECTS = ["", ",", "a", "CN", "CN=", "=a", "9.9=a", "DC=\udcff", "CN=#0"]
NO_SUBJECTS += ["CN=a,", "CN=a\\", "CN=a,b", "CN=a;O=b"]


@pytest.mark.parametrize("text", NO_SUBJECTS)
def test_what_is_no_subject(text: str) -> None:
    """Each is refused in a sentence."""
    with pytest.raises(X509Error, match=r"write CN=\.\.\.,O="):
        subject(text)


def test_what_is_said_twice_is_there_once() -> None:
    """Purposes, names and places."""
    twice = (x509.DNSName("a"),) * 2
    assert list(alternatives(twice).value) == [x509.DNSName("a")]
    code, places = (purpose("codeSigning"),) * 2, (distribution_point("http://a/"),) * 2
    made = x509.load_der_x509_certificate(root(signer(), purposes=code, lists=places)).extensions
    assert len(list(made.get_extension_for_class(x509.ExtendedKeyUsage).value)) == 1
    assert len(list(made.get_extension_for_class(x509.CRLDistributionPoints).value)) == 1


def test_profiles_of_the_library_take_no_doubles_either() -> None:
    """Whoever makes one by hand."""
    wanted = Profile(names=(x509.DNSName("a"), x509.DNSName("b"), x509.DNSName("a")))
    [found] = [
        each.value
        for each in wanted.extensions(signer().key)
        if each.oid == x509.SubjectAlternativeName.oid
    ]
    assert list(found) == [x509.DNSName("a"), x509.DNSName("b")]
