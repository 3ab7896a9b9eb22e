"""From when until when a certificate is valid (RFC 5280 4.1.2.5), and what is said of one that is
not, or not for long.
"""

import binascii
import datetime as dt
import re

from seemachine.encodings.der import SEQUENCE, DerError, Element, only
from seemachine.frozen import frozen

SOON_DAYS = 30
VERSION, UTC_TIME, GENERALIZED_TIME = 0xA0, 0x17, 0x18
# After serial number, signature algorithm and issuer.
PLACE = 3
# A year of two digits from here on is of the last century.
PIVOT = 50
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


@frozen
class Validity:
    """Both moments included."""

    begin: dt.datetime
    end: dt.datetime

    def trouble(self, now: dt.datetime) -> str:
        """What completes "the certificate ..."; empty while it is valid, and will be."""
        if now < self.begin:
            return f"is not valid before {self.begin:%Y-%m-%d %H:%M} UTC"
        if now > self.end:
            return f"has expired on {self.end:%Y-%m-%d %H:%M} UTC"
        if now > self.end - dt.timedelta(days=SOON_DAYS):
            return f"expires on {self.end:%Y-%m-%d %H:%M} UTC"
        return ""


def validities(pem: bytes) -> list[Validity]:
    """Those of the certificates in a file, in their order. Raises ValueError."""
    return [_of(binascii.a2b_base64(block)) for block in _PEM.findall(pem)]


def _of(certificate: bytes) -> Validity:
    to_be_signed, *_ = only(certificate).expect(SEQUENCE).inner()
    fields = to_be_signed.expect(SEQUENCE).inner()
    if fields and fields[0].tag == VERSION:
        del fields[0]
    if len(fields) <= PLACE:
        raise DerError("a certificate without its validity")
    begin, end = fields[PLACE].expect(SEQUENCE).inner()
    return Validity(_moment(begin), _moment(end))


def _moment(element: Element) -> dt.datetime:
    text = element.content.decode("ascii")
    if element.tag == UTC_TIME:
        text = f"{'19' if int(text[:2]) >= PIVOT else '20'}{text}"
    elif element.tag != GENERALIZED_TIME:
        raise DerError(f"tag {element.tag:#04x}, where a time is expected")
    return dt.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)
