"""Signed attributes: what is signed in place of the content (RFC 5652 5.3, 11; RFC 6211)."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from pyasn1.type import useful
from pyasn1_modules import rfc5652, rfc6211

from seemachine.cms.algorithms import Key, hash_algorithm, signature_algorithm
from seemachine.cms.content import Content, beginning
from seemachine.cms.errors import CmsError
from seemachine.cms.structures import decoded, encoded

CONTENT_TYPE = str(rfc5652.id_contentType)
MESSAGE_DIGEST = str(rfc5652.id_messageDigest)
SIGNING_TIME = str(rfc5652.id_signingTime)
PROTECTION = str(rfc6211.id_aa_cmsAlgorithmProtect)
NEEDED = (CONTENT_TYPE, MESSAGE_DIGEST)
# UTCTime is for years before it, GeneralizedTime for it and later ones (RFC 5652 11.3).
YEAR_OF_GENERAL_TIME = 2050
# A year of two digits from here on is of the last century.
PIVOT = "50"
SET, SEVERAL = 0x31, 0x80
LONGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Attributes:
    """What they say. `signed` is their DER, which the signature is over."""

    signed: bytes
    content_type: str
    digest: bytes
    signing_time: dt.datetime | None
    # The DER of its two AlgorithmIdentifiers.
    protection: tuple[bytes, bytes] | None


def attributes(
    key: Key, content_type: str, hash_name: str, digest: bytes, moment: dt.datetime | None
) -> Any:
    """Those of a new message, as a value of ASN.1; `moment` is the signing time, if any."""
    values = [
        (CONTENT_TYPE, rfc5652.ContentType(content_type)),
        (MESSAGE_DIGEST, rfc5652.MessageDigest(digest)),
        (PROTECTION, _protection(key, hash_name)),
    ]
    if moment is not None:
        values.append((SIGNING_TIME, _time(moment)))
    made = rfc5652.SignedAttributes()
    made.extend(_attribute(name, value) for name, value in values)
    return made


def read(value: Any) -> Attributes:
    """What attributes of a message say. Raises CmsError for what must not be: one missing, twice,
    or with another number of values than one.
    """
    found = _by_type(value)
    moment = found.get(SIGNING_TIME)
    protection = found.get(PROTECTION)
    return Attributes(
        encoded(value),
        str(decoded(found[CONTENT_TYPE], rfc5652.ContentType(), "a content type")),
        bytes(decoded(found[MESSAGE_DIGEST], rfc5652.MessageDigest(), "a message digest")),
        _read_time(moment) if moment else None,
        _read_protection(protection) if protection else None,
    )


def is_set_of_attributes(given: Content) -> bool:
    """Whether a content, which can be read again, is what would be signed in place of another one.

    A signature over it alone would be one of a message with these attributes, and the other way
    round; neither is made or believed.
    """
    content = beginning(given, LONGEST + 1)
    if content[:1] != bytes([SET]):
        return False
    if len(content) > LONGEST:
        # Its length is then in several bytes, which no text has there.
        return content[1] >= SEVERAL
    try:
        _by_type(decoded(content, rfc5652.SignedAttributes(), "attributes"))
    except CmsError:
        return False
    return True


def _by_type(value: Any) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for each in value:
        name = str(each["attrType"])
        if name in found or len(each["attrValues"]) != 1:
            raise CmsError(f"the signed attribute {name} is there more than once")
        found[name] = bytes(each["attrValues"][0])
    for name in NEEDED:
        if name not in found:
            raise CmsError(f"the signed attribute {name} is missing")
    return found


def _attribute(name: str, value: Any) -> Any:
    made = rfc5652.Attribute()
    made["attrType"] = name
    made["attrValues"].append(encoded(value))
    return made


def _protection(key: Key, hash_name: str) -> Any:
    made = rfc6211.CMSAlgorithmProtection()
    made["digestAlgorithm"] = hash_algorithm(hash_name)
    made["signatureAlgorithm"]["algorithm"] = signature_algorithm(key)["algorithm"]
    return made


def _read_protection(data: bytes) -> tuple[bytes, bytes]:
    found = decoded(data, rfc6211.CMSAlgorithmProtection(), "an algorithm protection")
    return _plain(found["digestAlgorithm"]), _plain(found["signatureAlgorithm"])


def identifier_der(value: Any) -> bytes:
    """The DER of an AlgorithmIdentifier, without a tag of the place it stands in."""
    return _plain(value)


def _plain(value: Any) -> bytes:
    made = rfc5652.DigestAlgorithmIdentifier()
    made["algorithm"] = value["algorithm"]
    if value["parameters"].isValue:
        made["parameters"] = value["parameters"]
    return encoded(made)


def _time(moment: dt.datetime) -> Any:
    moment = moment.astimezone(dt.UTC)
    made = rfc5652.Time()
    if moment.year < YEAR_OF_GENERAL_TIME:
        made["utcTime"] = useful.UTCTime(f"{moment:%y%m%d%H%M%SZ}")
    else:
        made["generalTime"] = useful.GeneralizedTime(f"{moment:%Y%m%d%H%M%SZ}")
    return made


def _read_time(data: bytes) -> dt.datetime:
    found = decoded(data, rfc5652.Time(), "a signing time")
    text = str(found.getComponent())
    if found.getName() == "utcTime":
        text = f"{'19' if text[:2] >= PIVOT else '20'}{text}"
    try:
        return dt.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        raise CmsError("its signing time is not a time") from None
