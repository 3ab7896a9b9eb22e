"""Whose key signed a message or a JAR: that of a certificate in it, which leads to a root that is
trusted.
"""

import argparse
import datetime as dt
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cryptography import x509

from seemachine.cli.answer import Answer, Refused, misused
from seemachine.cli.in_files import read_file, title
from seemachine.cli.signed_files import PublicValue
from seemachine.cli.verify_output import tell_of_mark
from seemachine.cms import certificates
from seemachine.cms.certificates import Certificate
from seemachine.cms.errors import CmsError
from seemachine.cms.reading import SignedMessage
from seemachine.wire.status import Status, StatusError
from seemachine.x509 import documents, issuers, profile
from seemachine.x509.errors import X509Error
from seemachine.x509.paths import CertificationPath, Trust, refuse_other_purposes

# Of all signers of a JAR together; to read one takes milliseconds.
MOST_INSIDE = 100


def signer(
    messages: Iterable[SignedMessage], options: argparse.Namespace
) -> tuple[PublicValue, CertificationPath]:
    """The key of one of their signers, and the path from his certificate to a root. Raises Refused,
    CmsError; StatusError (VerifyFailed) where there is none.
    """
    with misused(X509Error):
        purposes = list(map(profile.purpose, options.purpose))
    messages = list(messages)
    roots = _read(options.root, x509.Certificate)
    given = [*roots, *_read(options.certificate, x509.Certificate)]
    inside = _inside(messages)
    data = [*inside, *map(documents.der, given)]
    others = [*itertools.chain.from_iterable(map(documents.certificates, inside)), *given]
    lists = _read(options.crl, x509.CertificateRevocationList)
    trust = Trust(roots, dt.datetime.now(dt.UTC), others, lists)
    refused = ["the certificate of its signer is neither in it nor named with --certificate"]
    for each in _of_signers(messages, data):
        try:
            key, path = _trusted(each, trust)
            refuse_other_purposes(path, purposes)
            return key, path
        except X509Error as error:
            refused.append(str(error))
    raise StatusError(Status.VerifyFailed, refused[-1], "cms_verify")


def _inside(messages: list[SignedMessage]) -> list[bytes]:
    """The certificates that they have together, each once. Raises CmsError."""
    found = list(dict.fromkeys(each for message in messages for each in message.certificates))
    if len(found) > MOST_INSIDE:
        raise CmsError(f"its signers have more than {MOST_INSIDE} certificates together")
    return found


def tell(path: CertificationPath, options: argparse.Namespace) -> None:
    """Who signed, and who says so; nothing of a key that was named."""
    answer: Answer = options.answer
    subjects = [each.subject.rfc4514_string() for each in path]
    answer.give(path=subjects or None)
    if path:
        tell_of_mark([issuers.key_of(each).own for each in path], answer)
        above = [f"certified by {each}" for each in subjects[1:]] or ["which is a root itself"]
        answer.say(", ".join([f"signed by {subjects[0]}", *above]))
        if not options.crl:
            answer.say("whether a certificate is revoked was not looked at; name lists with --crl")


def _of_signers(messages: list[SignedMessage], data: list[bytes]) -> Iterator[Certificate]:
    """Read one by one: roots are last, may be many, and most signers are found before them."""
    signers = [each for message in messages for each in message.signers]
    for each in certificates.readable(dict.fromkeys(data)):
        if any(certificates.is_named(each, signer) for signer in signers):
            yield each


def _trusted(certificate: Certificate, trust: Trust) -> tuple[PublicValue, CertificationPath]:
    """Raises X509Error."""
    end = documents.only(certificate.data, x509.Certificate, "the certificate of its signer")
    key = issuers.key_of(end).own
    # The two readers of certificates must agree on it.
    if key is None or key != certificate.key:
        raise X509Error(f"{documents.titled(end)} has a key that is neither LMS nor ML-DSA")
    if certificate.for_messages is False:
        raise X509Error(f"{documents.titled(end)} is not for messages, by its key usage")
    return key, trust.path(end)


def _read(paths: Iterable[Path], kind: type[Any]) -> list[Any]:
    """All that these files have of a kind. Raises Refused for one that has none."""
    read: list[Any] = []
    for path in paths:
        found = documents.documents(read_file(path, documents.MOST), (kind,))
        if not found:
            what, _ = documents.LOADERS[kind]
            raise Refused(f"{title(path)} is not a {what}")
        read += found
    return read
