"""Whether a JAR is what was signed: from its block file to each of its entries."""

import base64
import hashlib
from collections.abc import Iterable

from seemachine.cms import reading, verifying
from seemachine.cms.algorithms import Key
from seemachine.jar import archive, manifest
from seemachine.jar.archive import BLOCK_ENDINGS, Archive
from seemachine.jar.errors import JarError

DIGEST = "SHA-256-Digest"


def check(key: Key, jar: bytes) -> int:
    """How many entries are signed: all that are not of a signature. Stricter than Java, which takes
    a JAR whose entries are signed in part.

    Raises JarError, CmsError; StatusError (VerifyFailed).
    """
    with archive.read(jar) as found:
        if found.manifest is None:
            raise JarError("it has no manifest, so it is not signed")
        data = found.whole(found.manifest)
        _check_manifest(key, found, data)
        sections = manifest.read(data).sections
        for entry in found.contents:
            if sections.get(entry.filename, {}).get(DIGEST) != digest(found.pieces(entry)):
                raise JarError(f"its entry {entry.filename} is not what was signed")
    return len(found.contents)


def digest(content: Iterable[bytes]) -> str:
    """The SHA-256, as manifests have it."""
    hashed = hashlib.sha256()
    for piece in content:
        hashed.update(piece)
    return base64.b64encode(hashed.digest()).decode()


def _check_manifest(key: Key, found: Archive, data: bytes) -> None:
    """By its one signer."""
    files = {entry.filename: entry for entry in found.signatures}
    blocks = [name for name in files if name.upper().endswith(BLOCK_ENDINGS)]
    if len(blocks) != 1:
        raise JarError(f"it has {len(blocks)} signatures, where one is expected")
    [block] = blocks
    listed = files.get(block.rpartition(".")[0] + ".SF")
    if listed is None:
        raise JarError(f"{block} is there without its signature file")
    signed = found.whole(listed)
    verifying.verify(reading.read(found.whole(files[block])), key, signed)
    if manifest.read(signed).main.get(f"{DIGEST}-Manifest") != digest([data]):
        raise JarError("its manifest is not what was signed")
