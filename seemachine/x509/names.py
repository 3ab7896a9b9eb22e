"""Names in certificates: of subjects, the other names that they have, and where lists are."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from cryptography import x509

from seemachine.encodings.der import Element, only
from seemachine.x509.asn1 import extension
from seemachine.x509.errors import X509Error

# A part of a host name (RFC 1123 2.1). The last is no number, as that of an address is.
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
MOST_OF_HOST = 253
# Parts of a subject (RFC 4514 3), whose types `cryptography` knows in capitals alone. A backslash
# takes from what follows it any meaning.
TYPES = ("CN", "L", "ST", "O", "OU", "C", "STREET", "DC", "UID")
_PART = re.compile(r"(?:[^\\,+]|\\.?)+", re.DOTALL)
_NUMBERS = re.compile(r"\d+(\.\d+)+", re.ASCII)
# By which lists of revoked certificates are fetched (RFC 5280 4.2.1.13).
SCHEMES = ("http", "https", "ldap", "ldaps")
# By tag what a PrintableString has (X.680 41.4), and an IA5String.
_LETTERS = {0x13: re.compile(rb"[A-Za-z0-9 '()+,./:=?-]*"), 0x16: re.compile(rb"[\0-\x7f]*")}


def subject(text: str) -> x509.Name:
    """A name such as `CN=Root,O=Example` (RFC 4514: the last is the outermost; its types may be in
    any case).

    Raises X509Error.
    """
    parts = _PART.sub(lambda found: _with_type(found[0]), text)
    try:
        found = x509.Name.from_rfc4514_string(parts)
        encoded = found.public_bytes()
    except (ValueError, KeyError) as error:
        why = f" ({error})" if str(error) else ""
        raise X509Error(f"{text!r} is not a name; write CN=...,O=...{why}") from None
    if not list(found):
        raise X509Error("the name is empty; write CN=...,O=...")
    _refuse_letters(encoded)
    return found


def _with_type(part: str) -> str:
    """A part with its type in capitals. Raises X509Error for one that is not known."""
    word, equals, value = part.partition("=")
    if not (word and equals):
        return part
    if (known := word.upper()) in TYPES:
        return f"{known}={value}"
    if _NUMBERS.fullmatch(word):
        return part
    raise X509Error(
        f"{word!r} is not a part of a name; use {', '.join(TYPES)}, or numbers such as 2.5.4.5"
    )


def _refuse_letters(encoded: bytes) -> None:
    """`cryptography` writes UTF-8 into the strings that have fewer letters, too; and a value in
    hexadecimal (RFC 4514 2.4) as a text that has the bytes of its tag and length.
    """
    for value in _values(encoded):
        plain, text = _LETTERS.get(value.tag), value.content.decode()
        if not text.isprintable() or (plain and not plain.fullmatch(value.content)):
            raise X509Error(
                f"{text!r} has letters that this part of a name can't have; leave them out"
            )


def _values(encoded: bytes) -> Iterator[Element]:
    for parts in only(encoded).inner():
        for part in parts.inner():
            yield part.inner()[1]


def alternative(text: str) -> x509.GeneralName:
    """An address, a URI, a mail address or a host name. Raises X509Error."""
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        pass
    if "://" in text or text.lower().startswith("urn:"):
        return _made(x509.UniformResourceIdentifier, text)
    return _made(x509.RFC822Name, text) if "@" in text else x509.DNSName(_host(text))


def alternatives(names: Iterable[x509.GeneralName]) -> x509.Extension[x509.ExtensionType]:
    """The extension that has them, each once."""
    return extension(x509.SubjectAlternativeName(dict.fromkeys(names)), critical=False)


def distribution_point(text: str) -> x509.GeneralName:
    """Where a list of revoked certificates is. Raises X509Error."""
    scheme, separator, rest = text.partition("://")
    if not (separator and rest and scheme.lower() in SCHEMES):
        known = ", ".join(SCHEMES)
        raise X509Error(f"{text!r} is not where a list can be; write a URL of {known}")
    return _made(x509.UniformResourceIdentifier, text)


def _made(
    kind: type[x509.UniformResourceIdentifier] | type[x509.RFC822Name], text: str
) -> x509.GeneralName:
    try:
        return kind(text)
    except ValueError as error:
        raise X509Error(f"{text!r} can't be in a certificate: {error}") from None


def _host(text: str) -> str:
    labels = text.removeprefix("*.").split(".")
    known = all(map(_LABEL.fullmatch, labels)) and len(text) <= MOST_OF_HOST
    if known and not labels[-1].isdecimal():
        return text
    raise X509Error(f"{text!r} is neither an address, a URI, a mail address nor a host name")
