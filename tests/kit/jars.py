"""JAR files in memory: made, signed, changed, and taken apart."""

import io
import zipfile

from kit.message_keys import LmsSigner, MldsaSigner, certificate

from seemachine.cms import certificates
from seemachine.jar import signing

Entries = list[tuple[str, bytes]]
MANIFEST = (
    b"Manifest-Version: 1.0\r\nMain-Class: a.B\r\n\r\n"
    b"Name: a/\r\nSealed: true\r\n\r\nName: a/B.class\r\nSHA1-Digest: b2xk\r\nKept: yes\r\n\r\n"
)
NAMED = "META-INF/MANIFEST.MF"
LONG = "ü/" + "long" * 40 + ".txt"
ENTRIES = [
    ("META-INF/", b""),
    ("META-INF/MANIFEST.MF", MANIFEST),
    ("a/", b""),
    ("a/B.class", bytes(5000)),
    (LONG, b"text"),
    ("META-INF/services/x", b"a.B"),
    ("empty", b""),
]


def jar(entries: Entries, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A JAR of these entries."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return made.getvalue()


def contents(data: bytes) -> dict[str, bytes]:
    """The entries of a JAR, in their order."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {each.filename: archive.read(each) for each in archive.infolist()}


def signed(signer: LmsSigner | MldsaSigner, data: bytes, name: str = "CODE") -> bytes:
    """A signed JAR."""
    own = certificates.read(certificate(signer))
    prepared = signing.prepare(data, signer.key, own, name)
    return prepared.finished(signer.sign(prepared.to_sign))


def exchanged(data: bytes, name: str, content: bytes) -> bytes:
    """A JAR with another content of an entry."""
    return jar(list({**contents(data), name: content}.items()))
