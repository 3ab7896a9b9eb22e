"""Whether a JAR is what was signed: from its block file to each of its entries."""

import base64
import hashlib
from collections.abc import Iterable

from seemachine.cms import reading, verifying
from seemachine.cms.algorithms import Key
from seemachine.jar.archive import (
    BLOCK_ENDINGS,
    entries_of,
    is_of_signatures,
    manifest_of,
    pieces,
)
from seemachine.jar.errors import JarError
from seemachine.jar.manifest import read

DIGEST = "SHA-256-Digest"


def check(key: Key, jar: bytes) -> int:
    """How many entries are signed: all that are not of a signature. Stricter than Java, which takes
    a JAR whose entries are signed in part.

    Raises JarError, CmsError; StatusError (VerifyFailed).
    """
    with entries_of(jar) as (archive, entries):
        small = {
            each.filename: b"".join(pieces(archive, each))
            for each in entries
            if is_of_signatures(each.filename) or each is manifest_of(entries)
        }
        manifest = small.pop(_named(manifest_of(entries)))
        _check_manifest(key, small, manifest)
        sections = read(manifest).sections
        covered = [
            each
            for each in entries
            if not (is_of_signatures(each.filename) or each.is_dir())
            and each is not manifest_of(entries)
        ]
        for entry in covered:
            if sections.get(entry.filename, {}).get(DIGEST) != digest(pieces(archive, entry)):
                raise JarError(
                    f"its entry {entry.filename} is another than the one that was signed"
                )
    return len(covered)


def digest(content: Iterable[bytes]) -> str:
    """The SHA-256, as manifests have it."""
    hashed = hashlib.sha256()
    for piece in content:
        hashed.update(piece)
    return base64.b64encode(hashed.digest()).decode()


def _named(entry: object) -> str:
    if entry is None:
        raise JarError("it has no manifest, so it is not signed")
    return str(getattr(entry, "filename", ""))


def _check_manifest(key: Key, files: dict[str, bytes], manifest: bytes) -> None:
    """By its one signer."""
    blocks = [name for name in files if name.upper().endswith(BLOCK_ENDINGS)]
    if len(blocks) != 1:
        raise JarError(f"it has {len(blocks)} signatures, where one is expected")
    [block] = blocks
    signature_file = files.get(block.rpartition(".")[0] + ".SF")
    if signature_file is None:
        raise JarError(f"{block} is there without its signature file")
    verifying.verify(reading.read(files[block]), key, signature_file)
    if read(signature_file).main.get(f"{DIGEST}-Manifest") != digest([manifest]):
        raise JarError("its manifest is another than the one that was signed")
