"""A JAR before it is signed, and after.

All that can be refused is refused by `prepare`; then whoever has the key signs `to_sign`, and
`finished` puts the signature in.
"""

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

from seemachine.cms import signing as cms
from seemachine.cms.algorithms import Key
from seemachine.cms.certificates import Certificate
from seemachine.jar import archive, manifest
from seemachine.jar.archive import FOLDER, MANIFEST, rewritten
from seemachine.jar.checking import DIGEST, digest
from seemachine.jar.errors import JarError
from seemachine.jar.manifest import Attributes, Manifest, section

MOST_BYTES = 512 << 20
CREATOR = "seemachine"
# What JarFile looks for; it reads the algorithm from the block.
BLOCK_ENDING = ".DSA"
_NAME = re.compile(r"[A-Z0-9_-]{1,8}")
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9_-]")
_OLD_DIGEST = re.compile(r"-digest(-[a-z]+)?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prepared:
    """`to_sign` is what the signature must be over; `signed_entries` is how many are covered."""

    key: Key
    to_sign: bytes | Path
    signed_entries: int
    _jar: bytes
    _first: dict[str, bytes]
    _block: cms.Prepared
    _block_name: str

    def finished(self, signature: bytes) -> bytes:
        """The signed JAR, with a signature that is plain LMS, or ML-DSA."""
        block = self._block.finished(signature)
        return rewritten(self._jar, {**self._first, self._block_name: block})


def prepare(
    jar: bytes,
    key: Key,
    certificate: Certificate,
    name: str,
    *,
    moment: dt.datetime | None = None,
    others: tuple[bytes, ...] = (),
) -> Prepared:
    """`name` is that of the signer's files, `moment` the signing time, `others` are certificates
    of issuers. Raises JarError, CmsError.
    """
    if _NAME.fullmatch(name) is None:
        raise JarError(f"{name!r} is not the name of a signer: 1 to 8 of A to Z, 0 to 9, _ and -")
    _refuse_unknown_to_java(key)
    old, digests = _read(jar)
    main, sections = _written(old, digests)
    whole = main + b"".join(sections.values())
    signature_file = _signature_file(main, sections, whole)
    terms = cms.Terms(moment=moment, others=others)
    block = cms.prepare(key, signature_file, terms, certificate)
    first = {MANIFEST: whole, f"{FOLDER}{name}.SF": signature_file}
    block_name = f"{FOLDER}{name}{BLOCK_ENDING}"
    return Prepared(key, block.to_sign, len(digests), jar, first, block, block_name)


def signer_name(alias: str) -> str:
    """What a signer's files are called who gives no name, as jarsigner makes it of an alias."""
    return _NOT_IN_NAMES.sub("_", alias.upper())[:8] or "SIGNER"


def _refuse_unknown_to_java(key: Key) -> None:
    if isinstance(key, bytes):
        return
    tree = key.key.tree
    if (tree.hash, tree.m) != ("sha256", 32):
        raise JarError(
            f"Java verifies no signatures of {tree.name}: of HSS/LMS it knows SHA-256 with 32 bytes"
            " alone; make such a key with: pipsqueak generate alias=NAME algorithm=lms"
            " lmscode=sha256_m32_h10 lmotscode=sha256_n32_w8"
        )


def _read(jar: bytes) -> tuple[Manifest, dict[str, str]]:
    """Its manifest, and the digests of the entries that are to be signed."""
    if len(jar) > MOST_BYTES:
        raise JarError(f"it has more than {MOST_BYTES >> 20} MiB")
    with archive.read(jar) as found:
        if found.signatures:
            name = found.signatures[0].filename
            raise JarError(f"it is signed already ({name}); sign the JAR as it was before that")
        if not found.contents:
            raise JarError("it has no entry that could be signed")
        data = found.whole(found.manifest) if found.manifest else b""
        digests = {each.filename: digest(found.pieces(each)) for each in found.contents}
        return manifest.read(data), digests


def _written(old: Manifest, digests: dict[str, str]) -> tuple[bytes, dict[str, bytes]]:
    """The main section, and that of each name, with what they had, but other digests."""
    version = {"Manifest-Version": "1.0"} if "manifest-version" not in _lower(old.main) else {}
    main = section({**version, **old.main}.items())
    sections = {}
    for name in (*old.sections, *(each for each in digests if each not in old.sections)):
        kept = [pair for pair in old.sections.get(name, {}).items() if not _is_digest(pair[0])]
        made = [(DIGEST, digests[name])] if name in digests else []
        sections[name] = section([("Name", name), *kept, *made])
    return main, sections


def _lower(attributes: Attributes) -> set[str]:
    return {name.lower() for name in attributes}


def _is_digest(attribute: str) -> bool:
    return _OLD_DIGEST.search(attribute) is not None


def _signature_file(main: bytes, sections: dict[str, bytes], whole: bytes) -> bytes:
    head = [
        ("Signature-Version", "1.0"),
        (f"{DIGEST}-Manifest-Main-Attributes", digest([main])),
        (f"{DIGEST}-Manifest", digest([whole])),
        ("Created-By", CREATOR),
    ]
    named = (section([("Name", name), (DIGEST, digest([each]))]) for name, each in sections.items())
    return section(head) + b"".join(named)
