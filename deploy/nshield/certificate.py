"""What must be known of a developer certificate (RFC 5280): its serial number, and from when to
when it is valid.
"""

import base64
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

SEQUENCE = "0\ufffd"
UTC_TIME, VERSION = 0x17, 0xA0
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class NotACertificate(Exception):
    """The text says which file."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Times are UTC."""

    serial: int
    begins: dt.datetime
    ends: dt.datetime


def read(path: Path) -> Certificate:
    """The first certificate of a PEM file. Raises NotACertificate."""
    try:
        [(_, outer)] = _parts(_der(path.read_text(encoding="utf-8", errors="replace")))
        fields = _parts(_parts(outer)[0][1])
        if fields[0][0] == VERSION:
            fields = fields[1:]
        begins, ends = (_time(kind, text) for kind, text in _parts(fields[3][1]))
        return Certificate(int.from_bytes(fields[0][1], "big", signed=True), begins, ends)
    except (ValueError, IndexError) as error:
        raise NotACertificate(f"{path} is not a certificate in PEM form ({error})") from None


def _der(text: str) -> bytes:
    if text.startswith(SEQUENCE):
        raise ValueError(
            "it is in DER form: openssl x509 -inform der -in IT -out OTHER.pem makes PEM of it"
        )
    found, end, _ = text.partition(BEGIN)[2].partition(END)
    if not end:
        raise ValueError("there is no BEGIN and END CERTIFICATE")
    return base64.b64decode("".join(found.split()), validate=True)


def _parts(data: bytes) -> list[tuple[int, bytes]]:
    """The DER values in a row: tag and content of each."""
    parts, at = [], 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + size > len(data):
            raise ValueError("it ends too early")
        parts.append((tag, data[at : at + size]))
        at += size
    return parts


def _time(kind: int, text: bytes) -> dt.datetime:
    """UTCTime has two digits for the year: from 50 on it is of the last century (RFC 5280,
    4.1.2.5.1).
    """
    digits = text.decode()
    if kind == UTC_TIME:
        digits = ("19" if digits >= "50" else "20") + digits
    return dt.datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)
