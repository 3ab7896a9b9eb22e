"""Structures of RFC 5280 and RFC 2986 to and from DER, by pyasn1."""

from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from pyasn1.codec.der.decoder import decode
from pyasn1.codec.der.encoder import encode
from pyasn1.error import PyAsn1Error
from pyasn1.type import univ
from pyasn1_modules import rfc2986, rfc5280

from seemachine.x509.errors import X509Error

# Years that take a UTCTime, which has two digits of them (RFC 5280 4.1.2.5).
OF_UTC_TIME = range(1950, 2050)
# id-ExtensionReq (RFC 2985 5.4.2).
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"


def encoded(value: Any) -> bytes:
    """The DER of a value."""
    return bytes(encode(value))


def decoded(data: bytes, form: Any, what: str) -> Any:
    """The value of a form whose DER these bytes are, all of them. Raises X509Error."""
    try:
        value, _ = decode(data, asn1Spec=form)
    except (PyAsn1Error, ValueError) as error:
        raise X509Error(f"{what} is damaged: {str(error).partition(chr(10))[0][:80]}") from None
    # Whoever checks a signature wants the very bytes that were signed, and none after them.
    if encoded(value) != data:
        raise X509Error(f"{what} is not in DER")
    return value


def name(value: x509.Name) -> Any:
    """A name of `cryptography`."""
    return decoded(value.public_bytes(), rfc5280.Name(), "the name")


def time(moment: datetime) -> Any:
    """A moment, to the second."""
    value, utc = rfc5280.Time(), moment.astimezone(UTC)
    if utc.year in OF_UTC_TIME:
        value["utcTime"] = utc.strftime("%y%m%d%H%M%SZ")
    else:
        value["generalTime"] = f"{utc.year:04}{utc:%m%d%H%M%SZ}"
    return value


def extensions(form: Any, wanted: list[x509.Extension[x509.ExtensionType]]) -> Any:
    """Extensions of `cryptography` into a list of this form, such as rfc5280.Extensions()."""
    for each in wanted:
        one = rfc5280.Extension()
        one["extnID"] = each.oid.dotted_string
        one["critical"] = each.critical
        one["extnValue"] = each.value.public_bytes()
        form.append(one)
    return form


def extension(value: x509.ExtensionType, *, critical: bool) -> x509.Extension[x509.ExtensionType]:
    """One extension."""
    return x509.Extension(value.oid, critical, value)


def certificate(data: bytes) -> Any:
    """A certificate. Raises X509Error."""
    return decoded(data, rfc5280.Certificate(), "the certificate")


def revocation_list(data: bytes) -> Any:
    """A list of revoked certificates. Raises X509Error."""
    return decoded(data, rfc5280.CertificateList(), "the list")


def request(data: bytes) -> Any:
    """A certification request. Raises X509Error."""
    return decoded(data, rfc2986.CertificationRequest(), "the request")


def extension_request(wanted: list[x509.Extension[x509.ExtensionType]]) -> Any:
    """The attribute by which a request asks for extensions (RFC 2985 5.4.2)."""
    attribute = rfc2986.Attribute()
    attribute["type"] = EXTENSION_REQUEST
    attribute["values"].append(univ.Any(encoded(extensions(rfc5280.Extensions(), wanted))))
    return attribute
