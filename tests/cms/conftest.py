"""One key a parameter set for all tests of messages: each has 32 leaves."""

import pytest
from kit.message_keys import LmsSigner, MldsaSigner, certificate

from seemachine.cms import certificates
from seemachine.cms.certificates import Certificate

FAMILIES = ("sha256_m32", "sha256_m24", "shake_m32", "shake_m24")


@pytest.fixture(scope="session")
def lms() -> LmsSigner:
    """SHA-256 with 32 bytes."""
    return LmsSigner.made()


@pytest.fixture(scope="session")
def mldsa() -> MldsaSigner:
    """ML-DSA-65."""
    return MldsaSigner.made()


@pytest.fixture(scope="session")
def issued(lms: LmsSigner) -> Certificate:
    """A certificate of the LMS key."""
    return certificates.read(certificate(lms))
