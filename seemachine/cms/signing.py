"""A message before it is signed, and after.

All that can be refused is refused by `prepare`; then whoever has the key signs `to_sign`, and
`finished` puts the signature in.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from pyasn1_modules import rfc5652

from seemachine.cms.algorithms import Key, digest, hash_algorithm, hash_of, signature_algorithm
from seemachine.cms.attributes import attributes, is_set_of_attributes
from seemachine.cms.certificates import Certificate, key_identifier, refuse_unfit
from seemachine.cms.content import Content, pieces, repeatable, whole
from seemachine.cms.errors import CmsError
from seemachine.cms.structures import SignedData, encoded
from seemachine.encodings.kinds import in_containers

DATA = str(rfc5652.id_data)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a message is to be. `moment` is its signing time, None: it has none.

    Without `signed_attributes` the signature is over the content itself.
    `by_key` names the signer by the identifier of its key in place of issuer and serial number.
    """

    attached: bool = False
    signed_attributes: bool = True
    moment: dt.datetime | None = None
    content_type: str = DATA
    by_key: bool = False
    # Others that are put in, such as those of issuers.
    others: tuple[bytes, ...] = ()
    # Whether the signer's own is put in.
    with_certificate: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """`to_sign` is what the signature must be over: bytes, or a file of any size."""

    key: Key
    to_sign: Content
    _message: Any
    _signer: Any

    def finished(self, signature: bytes) -> bytes:
        """The DER of the message, with a signature that is plain LMS, or ML-DSA."""
        self._signer["signature"] = in_containers(self.key, signature)
        self._message["signerInfos"].clear()
        self._message["signerInfos"].append(self._signer)
        made = rfc5652.ContentInfo()
        made["contentType"] = rfc5652.id_signedData
        made["content"] = encoded(self._message)
        return encoded(made)


def prepare(
    key: Key, given: Content, terms: Terms, certificate: Certificate | None = None
) -> Prepared:
    """Raises CmsError; StatusError for a file that can't be read."""
    if certificate is not None:
        refuse_unfit(certificate, key)
        _refuse_expired(terms, certificate)
    _refuse_terms(terms, certificate)
    content, hash_name = _held(given, terms), hash_of(key)
    signer = _signer(key, terms, certificate, hash_name)
    to_sign = content
    if terms.signed_attributes:
        hashed = digest(hash_name, pieces(content))
        signed = attributes(key, terms.content_type, hash_name, hashed, terms.moment)
        signer["signedAttrs"].extend(signed)
        to_sign = encoded(signed)
    return Prepared(key, to_sign, _message(content, terms, certificate, hash_name), signer)


def _held(content: Content, terms: Terms) -> Content:
    """As it is needed: in memory, to be read again, or to be read once."""
    if terms.attached:
        content = whole(content)
    if terms.signed_attributes:
        return content
    content = repeatable(content)
    if is_set_of_attributes(content):
        raise CmsError(
            "the content is a set of signed attributes, so a signature over it alone would be one"
            " of another message; sign it with signed attributes"
        )
    return content


def _refuse_expired(terms: Terms, certificate: Certificate) -> None:
    """Others refuse a message that was signed before or after (RFC 5652 11.3 leaves it to them)."""
    if terms.moment is None:
        return
    valid = certificate.validity
    if not valid.begin <= terms.moment <= valid.end:
        raise CmsError(f"the certificate {valid.trouble(terms.moment)}")


def _refuse_terms(terms: Terms, certificate: Certificate | None) -> None:
    if not terms.signed_attributes and terms.content_type != DATA:
        raise CmsError("a content that is not plain data needs signed attributes (RFC 5652 5.3)")
    if not terms.signed_attributes and terms.moment is not None:
        raise CmsError("a signing time is a signed attribute")
    if certificate is None and not terms.by_key:
        raise CmsError("issuer and serial number are those of a certificate, and there is none")


def _signer(key: Key, terms: Terms, certificate: Certificate | None, hash_name: str) -> Any:
    made = rfc5652.SignerInfo()
    made["version"] = 3 if terms.by_key else 1
    if terms.by_key or certificate is None:
        known = certificate.subject_key if certificate else None
        made["sid"]["subjectKeyIdentifier"] = known or key_identifier(key)
    else:
        made["sid"]["issuerAndSerialNumber"]["issuer"] = certificate.issuer
        made["sid"]["issuerAndSerialNumber"]["serialNumber"] = certificate.serial
    made["digestAlgorithm"] = hash_algorithm(hash_name)
    made["signatureAlgorithm"] = signature_algorithm(key)
    return made


def _message(
    content: Content, terms: Terms, certificate: Certificate | None, hash_name: str
) -> Any:
    made = SignedData()
    # RFC 5652 5.1.
    made["version"] = 3 if terms.by_key or terms.content_type != DATA else 1
    made["digestAlgorithms"].append(hash_algorithm(hash_name))
    made["encapContentInfo"]["eContentType"] = terms.content_type
    if terms.attached:
        made["encapContentInfo"]["eContent"] = content
    own = (certificate.data,) if certificate and terms.with_certificate else ()
    for each in dict.fromkeys((*own, *terms.others)):
        made["certificates"].append(each)
    return made
