"""The NVRAM delegation certificate (userdata.raw): the ACS lets what a key signed allocate NVRAM
(guide 2.5.1 step 4).

The format is ours.
"""

import json

from seemachine.formats import Format
from seemachine.nfast import signing
from seemachine.nfast.files import check_format, parsed
from seemachine.nfast.refusals import Refusal

FORMAT = Format("seemachine nvram delegation")


def signed(key_hash: str, nso: signing.Private) -> bytes:
    """A certificate for the key of a hash."""
    return (
        json.dumps(
            {
                "format": str(FORMAT),
                "key": key_hash,
                "signature": signing.sign(nso, _signed_bytes(key_hash)).hex(),
            }
        ).encode()
        + b"\n"
    )


def key_of(data: bytes, nso: signing.Public) -> str | None:
    """The hash of the key that it is for; None when this is not a delegation of ours.

    Raises Refusal when it is, and another world's.
    """
    try:
        values = parsed(data)
        check_format(FORMAT, values["format"], "the NVRAM delegation certificate")
        key, signature = str(values["key"]), bytes.fromhex(values["signature"])
    except (ValueError, TypeError, KeyError):
        return None
    if not signing.good(nso, signature, _signed_bytes(key)):
        raise Refusal(
            "the NVRAM delegation certificate is not of this Security World; make it again with"
            " userdatatool.py"
        )
    return key


def refuse_other_key(data: bytes, nso: signing.Public, signer: str) -> bool:
    """Whether this is a delegation at all.

    Raises Refusal when it is one for another key than `signer`.
    """
    key = key_of(data, nso)
    if key not in (None, signer):
        raise Refusal(
            f"the NVRAM delegation certificate is for the key {key}, not for {signer}; make it"
            " again with userdatatool.py"
        )
    return key is not None


def _signed_bytes(key_hash: str) -> bytes:
    return f"NVRAM delegation to {key_hash}".encode()
