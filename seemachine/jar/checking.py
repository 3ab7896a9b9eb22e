"""Whether a JAR is what was signed: from its block file to each of its entries."""

import base64
import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from zipfile import ZipInfo

from seemachine.cms import reading, verifying
from seemachine.cms.algorithms import Key
from seemachine.cms.errors import CmsError
from seemachine.cms.reading import SignedMessage
from seemachine.jar import archive, manifest
from seemachine.jar.archive import BLOCK_ENDINGS, Archive
from seemachine.jar.errors import JarError
from seemachine.jar.manifest import Attributes
from seemachine.wire.status import Status, StatusError

DIGEST = "SHA-256-Digest"
# Each is read whole.
MOST_SIGNERS = 16
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
            if not agree(named, "", partial(found.pieces, entry)):
                raise _other(f"its entry {entry.filename}")
    return len(found.contents)


def blocks(jar: bytes) -> list[SignedMessage]:
    """The message of each signer that can be read. Raises JarError."""
    read = []
    with archive.read(jar) as found:
        for block, _ in _signers(found):
            with suppress(CmsError):
                read.append(reading.read(found.whole(block)))
    return read


def digest(content: Iterable[bytes], name: str = HASHES[DIGEST]) -> str:
    """A digest as manifests have it."""
    hashed = hashlib.new(name)
    for piece in content:
        hashed.update(piece)
    return base64.b64encode(hashed.digest()).decode()


def agree(named: Attributes, ending: str, content: Callable[[], Iterable[bytes]]) -> bool:
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
    """By any of its signers; if none is the one, the refusal is that of one that has such a key."""
    refused: list[ValueError | StatusError] = []
    for block, listed in _signers(found):
        try:
            return _check_by(key, found.whole(block), found.whole(listed), data)
        except (CmsError, JarError, StatusError) as error:
            refused.append(error)
    raise next((each for each in refused if isinstance(each, StatusError)), refused[0])


def _signers(found: Archive) -> list[tuple[ZipInfo, ZipInfo]]:
    """The block and the signature file of each; one at least."""
    files = {entry.filename: entry for entry in found.signatures}
    blocks = [name for name in files if name.upper().endswith(BLOCK_ENDINGS)]
    if not 0 < len(blocks) <= MOST_SIGNERS:
        raise JarError(f"it has {len(blocks)} signatures, where 1 to {MOST_SIGNERS} are expected")
    listed = {name: files.get(name.rpartition(".")[0] + ".SF") for name in blocks}
    if missing := [name for name in blocks if listed[name] is None]:
        raise JarError(f"{missing[0]} is there without its signature file")
    return [(files[name], entry) for name, entry in listed.items() if entry]


def _check_by(key: Key, block: bytes, listed: bytes, data: bytes) -> None:
    verifying.verify(reading.read(block), key, listed)
    if not agree(manifest.read(listed).main, "-Manifest", lambda: [data]):
        raise _other("its manifest")
