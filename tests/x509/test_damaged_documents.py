"""Files of others may be anything: each is read, refused, or shown as wrong; nothing else."""

import random
import re
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from kit.signers import NOW, YEAR, issuer, root, signer

from seemachine.x509 import certificates, documents, requests, revocation, telling
from seemachine.x509.errors import X509Error
from seemachine.x509.issuers import Issuer
from seemachine.x509.names import alternative, alternatives, distribution_point, subject
from seemachine.x509.profile import Profile, purpose
from seemachine.x509.revocation import NOTHING, Revoked

BY = signer()
HEAD = 420
TIMES = 120


def certificate() -> bytes:
    """With extensions of all kinds."""
    names = tuple(map(alternative, ("a.example", "127.0.0.1", "https://a/b", "a@b.example")))
    return root(
        BY,
        names=names,
        purposes=(purpose("codeSigning"),),
        lists=(distribution_point("http://a/b"),),
    )


def request() -> bytes:
    """Of a key of an HSM."""
    asked = [alternatives([alternative("a.example")])]
    return requests.draft(BY.key, subject("CN=Sub"), asked).signed(BY)


def theirs() -> bytes:
    """Of a key of others."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject("CN=a"))
    asking = builder.add_extension(x509.KeyUsage(*[True] * 9), critical=False)
    made = asking.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return made.public_bytes(Encoding.DER)


def listed() -> bytes:
    """With a reason."""
    revoked = [Revoked(5, NOW, x509.ReasonFlags.key_compromise)]
    return revocation.draft(issuer(BY), NOTHING, revoked, YEAR, NOW).signed(BY)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """One to four bytes of the beginning are others, gone, or new."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        place = chance.randrange(min(len(made), HEAD))
        with_what = chance.choice(("bit", "byte", "less", "more"))
        if with_what == "bit":
            made[place] ^= 1 << chance.randrange(8)
        elif with_what == "byte":
            made[place] = chance.randrange(256)
        elif with_what == "less":
            del made[place]
        else:
            made.insert(place, chance.randrange(256))
    return bytes(made)


def used(document: documents.Document, known: Issuer) -> None:
    """As the commands use it. Raises X509Error."""
    if isinstance(document, x509.CertificateSigningRequest):
        asked = requests.read(document)
        certificates.issued(known, asked, YEAR, asked.taken_over(Profile()), NOW)
    elif isinstance(document, x509.Certificate):
        Issuer.of(document, BY.key).refuse_unless("keyCertSign", NOW)
    else:
        revocation.earlier(document, known)


@pytest.mark.parametrize("make", [certificate, listed])
def test_a_time_that_is_none_is_damage(make: Callable[[], bytes]) -> None:
    """Each of those in a document; of a list also when a certificate was revoked."""
    data = make()
    times = [found.start() for found in re.finditer(rb"\x17\x0d\d{12}Z", data)]
    assert len(times) == (3 if make is listed else 2)
    for place in times:
        assert documents.documents(data[: place + 2] + b"x" + data[place + 3 :]) == []


def test_a_reason_that_is_none_is_damage() -> None:
    """Extensions of entries are read last."""
    data = listed()
    assert data.count(b"\4\3\x0a\1\1") == 1
    assert documents.documents(data.replace(b"\4\3\x0a\1\1", b"\4\3\4\1\1")) == []


@pytest.mark.parametrize("make", [certificate, request, listed])
def test_signatures_are_whole_bytes(make: Callable[[], bytes]) -> None:
    """A bit string that says that its last bit is unused is another document."""
    data = make()
    [good] = documents.documents(data)
    place = len(data) - len(documents.signature_of(good)) - 1
    last = data[-1] & 0xFE
    changed = data[:place] + b"\1" + data[place + 1 : -1] + bytes([last])
    for document in documents.documents(changed):
        assert documents.signature_of(document) == b""
        assert telling.signature(document, issuer(BY).certificate) == telling.WRONG


@pytest.mark.parametrize("make", [certificate, request, theirs, listed])
def test_damage_is_refused_or_shown(make: Callable[[], bytes]) -> None:
    """What is still read after that is never taken for signed."""
    data, chance, known = make(), random.Random(1), issuer(BY)
    shown = 0
    for _ in range(TIMES):
        changed = damaged(data, chance)
        for document in documents.documents(changed):
            shown += 1
            try:
                assert telling.lines(telling.fields(document))
                verdict = telling.signature(document, known.certificate)
                assert (verdict == telling.GOOD) == (changed == data)
                used(document, known)
            except X509Error:
                continue
    assert shown
