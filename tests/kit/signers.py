"""Keys that sign in this process, each leaf once; and dates."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import mldsa

from seemachine.lms import engines
from seemachine.lms.hashing import finish_message, start_message
from seemachine.lms.lease import build_page
from seemachine.testing import make_key, repeatable
from seemachine.x509 import certificates
from seemachine.x509.issuers import Issuer
from seemachine.x509.names import subject
from seemachine.x509.profile import Profile, Validity
from seemachine.x509.signing import Signer

NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = Validity(NOW, NOW + timedelta(days=365))
TEN_YEARS = Validity(NOW, NOW + timedelta(days=3653))


def signer(tree: str = "sha256_m32_h5", ots: str = "sha256_n32_w4", label: str = "root") -> Signer:
    """A key whose leaves are taken one by one."""
    made = make_key(tree, ots, random=repeatable(label))
    return Signer(made.public_key.encode(), signing(made.lease(0)))


def signing(lease) -> Callable[[bytes], bytes]:
    """What signs with a lease, from a message to a plain signature."""
    engine, key = engines.select(), lease.key
    page = build_page(engine, lease, range(lease.first, lease.end), None)
    leaves = iter(range(lease.first, lease.end))

    def sign(message: bytes) -> bytes:
        leaf = next(leaves)
        running = start_message(key.ots, key.identifier, leaf, lease.randomizer(leaf))
        running.update(message)
        [chains] = engine.sign(key.ots, [lease.job(leaf, finish_message(key.ots, running))])
        return lease.assemble(page, leaf, chains)

    return sign


def root(by: Signer, name: str = "CN=Root,O=Example", **profile: object) -> bytes:
    """Its self-signed certificate, in DER."""
    wanted = Profile(**{"authority": True, **profile})
    return certificates.root(by.key, subject(name), TEN_YEARS, wanted).signed(by)


def issuer(by: Signer, **profile: object) -> Issuer:
    """A root that issues."""
    return Issuer.of(x509.load_der_x509_certificate(root(by, **profile)), by.key)


def mldsa_signer(number: int = 44, label: int = 0) -> Signer:
    """A key of ML-DSA-44, 65 or 87 of `cryptography`."""
    private = getattr(mldsa, f"MLDSA{number}PrivateKey").from_seed_bytes(bytes([label]) * 32)
    return Signer(private.public_key().public_bytes_raw(), private.sign)
