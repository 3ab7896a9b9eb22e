"""Signing requests to try things with."""

import hashlib
import json
from pathlib import Path
from typing import Any

Document = dict[str, Any]
# By target: the labels that caliptra-mcu-sw writes, and the payload. Vendor and owner sign the same
# image metadata.
WANTED = {
    "vendor_pub_keys_signatures": ("vendor_fw", b"keys of the vendor"),
    "owner_pub_keys_signatures": ("owner_fw", b"keys of the owner"),
    "vendor_imc_signatures": ("vendor_man", b"image metadata"),
    "owner_imc_signatures": ("owner_man", b"image metadata"),
}
VENDOR = ("vendor_pub_keys_signatures", "vendor_imc_signatures")
OWNER = ("owner_pub_keys_signatures", "owner_imc_signatures")


def request(*targets: str) -> Document:
    """A request for these targets, or for all."""
    names = targets or tuple(WANTED)
    return {"version": 1, "requests": {name: _entry(*WANTED[name]) for name in names}}


def encoded(document: object) -> bytes:
    """A file."""
    return json.dumps(document).encode()


def put(path: Path, document: object) -> Path:
    """The same, written."""
    path.write_bytes(encoded(document))
    return path


def _entry(who: str, payload: bytes) -> Document:
    return {
        "ecc_key": f"{who}_ecc_key",
        "pqc_key": f"{who}_pqc_key",
        "digest_sha384": hashlib.sha384(payload).hexdigest(),
        "payload_hex": payload.hex(),
    }
