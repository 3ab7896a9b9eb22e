"""Files in a folder that is audited: signatures, keys, certificates and ledgers of anybody."""

import base64
import functools
import gzip
import json
from pathlib import Path

from fuzz.lms_targets import signed, signed_hss
from fuzz.source import Source
from fuzz.target import scratch, target

from seemachine.audit.evidence import Evidence
from seemachine.audit.judge import judge
from seemachine.audit.origins import Origin
from seemachine.audit.reading import read
from seemachine.encodings.keyforms import HSS_LMS
from seemachine.wire.names import is_esn

ROW = {"esn": "0000-0000-0001", "nvram": "aa" * 16, "row": 1, "file": "6c6d73" + "00" * 8}
ROW |= {"leaf": 3, "digest": "71", "token": "00" * 16, "client": "", "time": 1}


@functools.cache
def files() -> tuple[bytes, ...]:
    """One of each kind."""
    public_key, signature = signed(0)
    hss_key, hss_signature = signed_hss()
    algorithm = b"\x30\x0d\x06\x0b" + HSS_LMS
    info = algorithm + b"\x03" + bytes([len(hss_key) + 1]) + b"\0" + hss_key
    lines = (json.dumps(ROW | {"digest": digest}) for digest in ("71", "71" + "00" * 24))
    key_file = {"format": "seemachine key file 1", "public_key": public_key.hex()}
    key_file |= {"expcards": 1, "explease": 1}
    spki = b"\x30" + bytes([len(info)]) + info
    texts = ("\n".join(lines).encode(), json.dumps(key_file).encode() + b"\n")
    return (public_key, signature, hss_key, hss_signature, spki, *texts)


def wrapped(data: bytes, source: Source) -> bytes:
    """As it is, as text or packed."""
    ways = (bytes, bytes.hex, base64.encodebytes, gzip.compress)
    made = source.pick(ways)(data)
    return made.encode() if isinstance(made, str) else made


@target(*(bytes([kind, way]) for kind in range(7) for way in range(4)), b"\0\0\1\x09", longest=512)
def audited_files(data: bytes) -> None:
    """Any file is evidence, unread or another one; none verifies over an empty message."""
    source, found = Source(data), Evidence()
    named = source.number(2) == 1
    for _ in range(1 + source.number(3)):
        whole = source.pick(files())
        content = source.cut(wrapped(source.cut(whole), source))
        read(found, Origin("m.sig" if named else "m", (str(nothing()),), named), content)
    assert not named or found.signatures or found.unread
    verdict = judge(found)
    assert verdict.clean == (not verdict.wrong and verdict.complete)
    assert not verdict.verified
    assert all(is_esn(row.esn) and row.leaf >= 0 for row in found.handed)


@functools.cache
def nothing() -> Path:
    """An empty message."""
    path = scratch("audited_files") / "nothing"
    path.write_bytes(b"")
    return path
