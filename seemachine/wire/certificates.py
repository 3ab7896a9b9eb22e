"""What seemachine reads in a certificate, and nothing else: names in the subject alternative name
(RFC 5280 4.2.1.6), and a client's name.

* A machine's certificate has its ESN as a URI, `urn:seemachine:esn:<ESN>`, besides the DNS names
  and addresses that clients connect to.
* A client's certificate has exactly one role as a URI, `urn:seemachine:role:<use|provision|admin>`,
  and one common name.

URIs, for they have a type of their own beside DNS names, OpenSSL and most PKI products issue them,
and `ssl` hands them over parsed. An organizational unit is free text that many authorities fill in
by themselves. Certificates come as `ssl.SSLSocket.getpeercert` gives them, after the chain was
verified.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from seemachine.wire.names import is_esn
from seemachine.wire.printable import is_printable
from seemachine.wire.roles import WORDS, Caller, ClientRole

ESN_URI = "urn:seemachine:esn:"
ROLE_URI = "urn:seemachine:role:"
MAX_CLIENT_NAME = 64
Certificate = Mapping[str, Any]


class Unfit(ValueError):
    """A certificate from the right CA that does not say what it must."""


def esns(certificate: Certificate) -> list[str]:
    """The electronic serial numbers that a machine's certificate is for."""
    return [esn for esn in _uris(certificate, ESN_URI) if is_esn(esn)]


def caller(certificate: Certificate) -> Caller:
    """The client of a certificate. Raises Unfit."""
    return Caller(_name(certificate), _role(certificate))


def _role(certificate: Certificate) -> ClientRole:
    words = list(_uris(certificate, ROLE_URI))
    if len(words) != 1:
        found = "several roles" if words else "no role"
        raise Unfit(
            f"the client certificate has {found}; it takes exactly one URI such as {ROLE_URI}use"
        )
    if words[0] not in WORDS:
        raise Unfit(
            f"the client certificate has an unknown role {words[0][:32]!r}; known are"
            f" {', '.join(WORDS)}"
        )
    return WORDS[words[0]]


def _name(certificate: Certificate) -> str:
    names = [
        value
        for part in certificate.get("subject", ())
        for key, value in part
        if key == "commonName"
    ]
    if len(names) != 1 or not is_name(names[0]):
        what = f"of 1 to {MAX_CLIENT_NAME} printable characters, among them a letter or digit"
        raise Unfit(f"the client certificate takes exactly one common name, {what}")
    return str(names[0])


def is_name(text: str) -> bool:
    """Whether a text can be a common name (X.520: up to 64 characters).

    A ledger must be able to say who it was: blanks are nobody.
    """
    return len(text) <= MAX_CLIENT_NAME and is_printable(text) and any(map(str.isalnum, text))


def _uris(certificate: Certificate, start: str) -> Iterator[str]:
    for kind, value in certificate.get("subjectAltName", ()):
        if kind == "URI" and value.startswith(start):
            yield value.removeprefix(start)
