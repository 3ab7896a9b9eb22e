"""Certificates, requests and lists of revoked ones from files of others: DER, or PEM."""

from collections.abc import Callable
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from seemachine.encodings import keyforms
from seemachine.encodings.der import DerError
from seemachine.encodings.der import only as only_element
from seemachine.encodings.readings import readings
from seemachine.x509.errors import X509Error

Document = x509.Certificate | x509.CertificateSigningRequest | x509.CertificateRevocationList
Kind = TypeVar("Kind", bound=Document)
LOADERS: dict[type[Any], tuple[str, Callable[[bytes], Any]]] = {
    x509.Certificate: ("certificate", x509.load_der_x509_certificate),
    x509.CertificateSigningRequest: ("certificate signing request", x509.load_der_x509_csr),
    x509.CertificateRevocationList: ("revocation list", x509.load_der_x509_crl),
}
# What `cryptography` raises for those of others that are not as they should be.
DAMAGED = (
    ValueError,
    TypeError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
Value = TypeVar("Value", bound=x509.ExtensionType)
# The longest file that is read: a list of revoked ones may be long.
MOST = 16 << 20


def documents(data: bytes, kinds: tuple[type[Any], ...] = tuple(LOADERS)) -> list[Document]:
    """All of them that a file has, in its order."""
    found: dict[bytes, Document] = {}
    for reading in readings(data):
        for kind in kinds:
            if (made := _loaded(kind, reading.data)) is not None:
                found.setdefault(reading.data, made)
    return list(found.values())


def certificates(data: bytes) -> list[x509.Certificate]:
    """The certificates among them."""
    found = documents(data, (x509.Certificate,))
    return [each for each in found if isinstance(each, x509.Certificate)]


def only(data: bytes, kind: type[Kind], what: str) -> Kind:
    """The one of a kind that a file has. Raises X509Error."""
    title, _ = LOADERS[kind]
    found = documents(data, (kind,))
    if len(found) != 1:
        held = f"holds {len(found)} of them; keep one" if found else f"is not a {title}"
        raise X509Error(f"{what} {held}")
    [one] = found
    assert isinstance(one, kind)
    return one


def _loaded(kind: type[Any], data: bytes) -> Document | None:
    if data[:1] != b"\x30":
        return None
    try:
        made: Document = LOADERS[kind][1](data)
        _read_through(made)
    except DAMAGED:
        return None
    return made


def _read_through(made: Document) -> None:
    """`cryptography` reads most of a document only when asked. Raises what is in DAMAGED."""
    _ = made.extensions, getattr(made, "subject", None), getattr(made, "issuer", None)
    if isinstance(made, x509.CertificateRevocationList):
        _ = [entry.extensions for entry in made]


def der(document: Document) -> bytes:
    """Its bytes."""
    return document.public_bytes(Encoding.DER)


def signature_of(document: Document) -> bytes:
    """Its signature; nothing where its bits are not whole bytes, which `cryptography` lets pass."""
    try:
        return keyforms.parts(only_element(der(document)), 3)[2].octets()
    except DerError:
        return b""


def value_of(document: Document, kind: type[Value]) -> Value | None:
    """The value of an extension, if it has that."""
    try:
        return document.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def titled(certificate: x509.Certificate) -> str:
    """What to call it."""
    return f"the certificate of {certificate.subject.rfc4514_string() or 'nobody'}"
