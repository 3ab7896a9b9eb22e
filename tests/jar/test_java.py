"""What JDK 25 says of our JARs and messages, good and with a bit flipped."""

import datetime as dt
from collections.abc import Callable

from kit.flips import flipped_at
from kit.jars import ENTRIES, NAMED, contents, exchanged, jar, signed
from kit.message_keys import LmsSigner, MldsaSigner, certificate

from seemachine.cms import certificates
from seemachine.cms.signing import Terms, prepare

CONTENT, OTHER = b"firmware 1.0", b"firmware 1.1"
MOMENT = dt.datetime(2026, 11, 29, 20, 30, tzinfo=dt.UTC)


def test_jars_and_messages(lms: LmsSigner, java: Callable[..., list[str]]) -> None:
    """Of LMS and each set of ML-DSA. JARs: each entry is signed; another bit in the signature or in
    an entry is found, and so is a manifest that was cut. Messages, detached and attached, with
    signed attributes and without: a flipped bit and another content are found. In a JAR of two
    signers each entry has both.
    """
    signers = [lms, *map(MldsaSigner.made, (44, 65, 87))]
    jars = [each for signer in signers for each in some_jars(signer)]
    messages = [each for signer in signers for each in some_messages(signer)]
    told = java([*jars, *messages, *of_two_signers(lms)])
    for first in range(0, len(jars), 4):
        # The manifest counts as an entry.
        assert told[first] == "5 signed, 2 not, by 1"
        assert all("SecurityException" in each for each in told[first + 1 : first + 3]), told
        assert told[first + 3] != told[first]
    judged = told[len(jars) : -3]
    assert judged == (["verified"] * 4 + ["not verified"] * 3) * len(signers)
    assert told[-3] == "5 signed, 4 not, by 2"
    assert all("SecurityException" in each for each in told[-2:])


def of_two_signers(lms: LmsSigner) -> list[bytes]:
    """A good one, and with a bit flipped in the block of either."""
    good = signed(MldsaSigner.made(44), signed(lms, jar(ENTRIES)), "SECOND")
    found = contents(good)
    blocks = ("META-INF/CODE.DSA", "META-INF/SECOND.DSA")
    return [good, *(exchanged(good, name, flipped_at(found[name], -1500)) for name in blocks)]


def some_messages(signer: LmsSigner | MldsaSigner) -> list[tuple[bytes, bytes]]:
    """Four good ones with their content, and three with another or a flipped bit."""
    good = message(signer, Terms(moment=MOMENT))
    without = message(signer, Terms(signed_attributes=False))
    return [
        (good, CONTENT),
        (message(signer, Terms(attached=True)), CONTENT),
        (without, CONTENT),
        (message(signer, Terms(attached=True, signed_attributes=False)), CONTENT),
        (good, OTHER),
        (without, OTHER),
        (flipped_at(good, -1500), CONTENT),
    ]


def some_jars(signer: LmsSigner | MldsaSigner) -> list[bytes]:
    """A good one and three that were changed."""
    good = signed(signer, jar(ENTRIES))
    found = contents(good)
    return [
        good,
        # At its end an ML-DSA signature has a hint, whose zeros have a form of their own.
        exchanged(good, "META-INF/CODE.DSA", flipped_at(found["META-INF/CODE.DSA"], -1500)),
        exchanged(good, "a/B.class", flipped_at(found["a/B.class"], 7)),
        exchanged(good, NAMED, found[NAMED][:-2]),
    ]


def message(signer: LmsSigner, terms: Terms) -> bytes:
    """A CMS message."""
    prepared = prepare(signer.key, CONTENT, terms, certificates.read(certificate(signer)))
    return prepared.finished(signer.sign(prepared.to_sign))
