"""Licence files: an ESN and features in clear, signed by the issuer of this world.

Real ones come from Entrust Support.
"""

import json

from seemachine.formats import Format
from seemachine.hsms.features import FEATURES
from seemachine.nfast import entrust, signing
from seemachine.nfast.files import check_format, parsed
from seemachine.nfast.refusals import Misuse, Refusal
from seemachine.world import World

FORMAT = Format("seemachine licence")


def issue(world: World, esn: str, features: list[str]) -> str:
    """The text of a licence. Raises Misuse for a feature that no HSM knows."""
    unknown = [feature for feature in features if feature not in FEATURES]
    if unknown:
        raise Misuse(f"there is no feature {unknown[0]}; features are {', '.join(FEATURES)}")
    signature = signing.sign(entrust.issuer(world).key, _signed_bytes(esn, features))
    return (
        json.dumps(
            {"format": str(FORMAT), "esn": esn, "features": features, "signature": signature.hex()},
            indent=1,
        )
        + "\n"
    )


def read(world: World, text: str) -> tuple[str, list[str]]:
    """ESN and features of a licence. Raises Refusal: not a licence, not the issuer's."""
    try:
        values = parsed(text)
        check_format(FORMAT, values["format"], "the licence")
        esn, features, signature = (
            str(values["esn"]),
            [str(each) for each in values["features"]],
            bytes.fromhex(values["signature"]),
        )
    except (ValueError, TypeError, KeyError):
        raise Refusal(
            "this is not a licence file; get one with: seemachine nfast licence"
        ) from None
    if not signing.good(
        entrust.issuer(world).key.public_key(), signature, _signed_bytes(esn, features)
    ):
        raise Refusal("the licence is not signed by its issuer, or was changed")
    return esn, features


def _signed_bytes(esn: str, features: list[str]) -> bytes:
    return json.dumps([str(FORMAT), esn, features]).encode()
