"""Whether a JAR is what was signed: from its block file to each of its entries."""

import base64
import hashlib
from collections.abc import Callable, Iterable
from functools import partial

from seemachine.cms import reading, verifying
from seemachine.cms.algorithms import Key
from seemachine.jar import archive, manifest
from seemachine.jar.archive import BLOCK_ENDINGS, Archive
from seemachine.jar.errors import JarError
from seemachine.jar.manifest import Attributes
from seemachine.wire.status import Status, StatusError

DIGEST = "SHA-256-Digest"
# Others take longer hashes too, such as jarsigner.
HASHES = {DIGEST: "sha256", "SHA-384-Digest": "sha384", "SHA-512-Digest": "sha512"}


def check(key: Key, jar: bytes) -> int:
    """How many entries are signed: all that are not of a signature. Stricter than Java, which takes
    a JAR whose entries are signed in part, or whose manifest has entries of later signers.

    Raises JarError, CmsError; StatusError (VerifyFailed) for what is not what was signed.
    """
    with archive.read(jar) as found:
        if found.manifest is None:
            raise JarError("it has no manifest, so it is not signed")
        data = found.whole(found.manifest)
        _check_manifest(key, found, data)
        sections = manifest.read(data).sections
        for entry in found.contents:
            named = sections.get(entry.filename, {})
            if not _agree(named, "", partial(found.pieces, entry)):
                raise _other(f"its entry {entry.filename}")
    return len(found.contents)


def digest(content: Iterable[bytes], name: str = HASHES[DIGEST]) -> str:
    """A digest as manifests have it."""
    hashed = hashlib.new(name)
    for piece in content:
        hashed.update(piece)
    return base64.b64encode(hashed.digest()).decode()


def _agree(named: Attributes, ending: str, content: Callable[[], Iterable[bytes]]) -> bool:
    """Whether there is a digest of a content, and all that are there are right."""
    wanted = [
        (name, named[attribute + ending])
        for attribute, name in HASHES.items()
        if attribute + ending in named
    ]
    return bool(wanted) and all(digest(content(), name) == value for name, value in wanted)


def _other(what: str) -> StatusError:
    return StatusError(Status.VerifyFailed, f"{what} is not what was signed", "jar_verify")


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
    if not _agree(manifest.read(signed).main, "-Manifest", lambda: [data]):
        raise _other("its manifest")
