"""A JAR before it is signed, and after.

All that can be refused is refused by `prepare`; then whoever has the key signs `to_sign`, and
`finished` puts the signature in.
"""

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from seemachine.cms import signing as cms
from seemachine.cms.algorithms import Key
from seemachine.cms.certificates import Certificate
from seemachine.jar import archive, manifest
from seemachine.jar.archive import FOLDER, MANIFEST, Archive, rewritten
from seemachine.jar.checking import DIGEST, agree, digest
from seemachine.jar.errors import JarError
from seemachine.jar.manifest import Attributes, section

MOST_BYTES = 512 << 20
CREATOR = "seemachine"
# The bytes of the main section of a manifest, and of that of each name.
Sections = tuple[bytes, dict[str, bytes]]
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
    with _read(jar) as found:
        digests = {each.filename: digest(found.pieces(each)) for each in found.contents}
        main, sections = _kept(found, name) if found.signatures else _new(found, digests)
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


@contextmanager
def _read(jar: bytes) -> Iterator[Archive]:
    if len(jar) > MOST_BYTES:
        raise JarError(f"it has more than {MOST_BYTES >> 20} MiB")
    with archive.read(jar) as found:
        if not found.contents:
            raise JarError("it has no entry that could be signed")
        yield found


def _kept(found: Archive, name: str) -> Sections:
    """Those of a JAR that others have signed: one byte of them less, and their signatures are none.
    Raises JarError where they do not have all entries, and for the name of a signer that is there.
    """
    names = {each.filename.upper().rpartition(".")[0] for each in found.signatures}
    if f"{FOLDER}{name}" in names:
        raise JarError(f"it has a signer {name} already; name another with --name")
    data = found.whole(found.manifest) if found.manifest else b""
    named = manifest.read(data).sections
    for each in found.contents:
        if not agree(named.get(each.filename, {}), "", partial(found.pieces, each)):
            raise JarError(
                f"it is signed already ({found.signatures[0].filename}), but without its entry"
                f" {each.filename}; sign the JAR as it was before that"
            )
    return manifest.pieces(data)


def _new(found: Archive, digests: dict[str, str]) -> Sections:
    """The main section, and that of each name, with what they had, but other digests."""
    old = manifest.read(found.whole(found.manifest) if found.manifest else b"")
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
