"""The words of `seemachine cms`."""

import argparse
import re
from typing import Any

from seemachine.cli.words.options import Enter
from seemachine.cli.words.signed_files import (
    add_certificates,
    add_no_time,
    add_signing,
    add_trust,
    add_verifying,
)

# Below 0 and 1 there are forty each (X.660 6.2).
_IDENTIFIER = re.compile(
    r"([01]\.(\d|[1-3]\d)|2\.(0|[1-9]\d{0,17}))(\.(0|[1-9]\d{0,17})){0,30}", re.ASCII
)


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "cms", help="sign and verify messages of the Cryptographic Message Syntax"
    )
    verbs = parser.add_subparsers(metavar="sign|verify", required=True)
    _add_sign(verbs)
    _add_verify(verbs)
    for name, verb in verbs.choices.items():
        verb.set_defaults(run=enter("cms", name))


def _add_sign(verbs: Any) -> None:
    sign = verbs.add_parser(
        "sign",
        help="sign a file: one leaf",
        description=(
            "Sign a file: one leaf. The message is detached: a file of its own, without the"
            " content. The signature is over signed attributes, among them the digest of the"
            " content. LMS keys sign as RFC 9708 says, ML-DSA keys as RFC 9882 says."
        ),
    )
    add_signing(sign, "the content", "FILE.p7s, with --attached FILE.p7m")
    add_certificates(sign, required=False)
    sign.add_argument("--attached", action="store_true", help="put the content into the message")
    sign.add_argument(
        "--bare", action="store_true", help="sign the content itself, without attributes"
    )
    sign.add_argument(
        "--by-key",
        action="store_true",
        help="name the signer by the identifier of the key, as without a certificate",
    )
    sign.add_argument(
        "--no-certificates", action="store_true", help="put no certificate into the message"
    )
    sign.add_argument(
        "--content-type",
        type=_identifier,
        metavar="OID",
        help="type of the content, such as 1.2.840.113549.1.9.16.1.16 for a firmware package;"
        " default: data",
    )
    sign.add_argument("--format", choices=("der", "pem"), default="der", help="default: der")
    add_no_time(sign)


def _add_verify(verbs: Any) -> None:
    verify = verbs.add_parser(
        "verify",
        help="verify a message with a public key",
        description=(
            "Verify a message with a public key that you trust, or by the certificates in it, which"
            " must lead to a root that you trust. Exit code 1: not verified; 2: it could not"
            " be judged, as where a file can't be read."
        ),
    )
    add_verifying(verify, "a message, DER, BER or PEM", "content")
    add_trust(verify)


def _identifier(text: str) -> str:
    if _IDENTIFIER.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(
            f"takes an object identifier such as 1.2.840, not {text!r}"
        )
    return text
