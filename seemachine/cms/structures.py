"""ASN.1 types that differ from those of pyasn1-modules, and how bytes become values of any."""

from typing import Any

from pyasn1.codec.ber.decoder import decode as decode_ber
from pyasn1.codec.der.encoder import encode as encode_der
from pyasn1.error import PyAsn1Error
from pyasn1.type import namedtype, tag, univ
from pyasn1_modules import rfc5652

from seemachine.cms.errors import CmsError


def _under(number: int, form: Any) -> Any:
    """The same form under a tag of its place."""
    return form.subtype(implicitTag=tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, number))


class Certificates(univ.SetOf):
    """Certificates byte for byte: taken apart and put together, one could lose its signature."""

    componentType = univ.Any()  # noqa: N815


class SignedData(univ.Sequence):
    """RFC 5652 5.1, with such certificates, and without a look at revocation lists."""

    componentType = namedtype.NamedTypes(  # noqa: N815
        namedtype.NamedType("version", rfc5652.CMSVersion()),
        namedtype.NamedType("digestAlgorithms", rfc5652.DigestAlgorithmIdentifiers()),
        namedtype.NamedType("encapContentInfo", rfc5652.EncapsulatedContentInfo()),
        namedtype.OptionalNamedType("certificates", _under(0, Certificates())),
        namedtype.OptionalNamedType("crls", _under(1, Certificates())),
        namedtype.NamedType("signerInfos", rfc5652.SignerInfos()),
    )


def encoded(value: Any) -> bytes:
    """The DER of a value. Raises CmsError for one that was read and can't be written again, such as
    a name with an empty part.
    """
    try:
        made: bytes = encode_der(value)
    except PyAsn1Error:
        raise CmsError("a part of it is empty, where something must be") from None
    return made


def decoded(data: bytes, form: Any, what: str) -> Any:
    """The value that the bytes are, in DER or BER. Raises CmsError, also for anything after it."""
    try:
        value, rest = decode_ber(data, asn1Spec=form)
    # Hostile bytes reach into the library deeper than its own errors go.
    except (PyAsn1Error, ValueError, TypeError, LookupError, RecursionError, OverflowError):
        raise CmsError(f"it is not {what}") from None
    if rest:
        raise CmsError(f"{len(rest)} bytes follow {what}")
    return value
