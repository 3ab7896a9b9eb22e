"""The words of `seemachine cose`."""

import argparse
import os
import re
from pathlib import Path
from typing import Any

from seemachine.cli.words.options import Enter
from seemachine.cli.words.signed_files import add_key, add_signing, add_verifying

# Content formats of CoAP (RFC 7252 12.3).
MOST_FORMAT = 0xFFFF
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
# RFC 6838 4.2, and parameters.
_MEDIA_TYPE = re.compile(rf"{_NAME}/{_NAME}( *; *{_NAME}=[ -~]+)?", re.ASCII)


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "cose", help="sign and verify COSE_Sign1 messages (CBOR Object Signing and Encryption)"
    )
    verbs = parser.add_subparsers(metavar="sign|verify", required=True)
    sign = verbs.add_parser(
        "sign",
        help="sign a file: one leaf",
        description=(
            "Sign a file: one leaf. LMS keys sign as RFC 8778 says, ML-DSA keys as RFC 9964 says."
        ),
    )
    add_signing(sign, "the payload", "FILE.cose")
    sign.add_argument(
        "--detached", action="store_true", help="leave the payload out of the message"
    )
    sign.add_argument(
        "--key-id",
        type=_key_id,
        metavar="TEXT",
        help="identifier of the key, for an unsigned header",
    )
    sign.add_argument(
        "--content-type",
        type=_content_type,
        metavar="TYPE",
        help="media type of the payload, such as text/plain, or its CoAP number",
    )
    sign.add_argument(
        "--untagged",
        action="store_true",
        help="leave out the tag 18",
    )
    verify = verbs.add_parser(
        "verify",
        help="verify a message with a public key",
        description=(
            "Verify a message with a public key that you trust. Exit code 1: not verified; 2: it"
            " could not be judged, as where a file can't be read."
        ),
    )
    add_verifying(verify, "a message", "payload")
    add_key(verify)
    for name, verb in verbs.choices.items():
        verb.add_argument(
            "--external",
            type=Path,
            metavar="FILE",
            help="data outside the message that is signed too, such as the name of a device",
        )
        verb.set_defaults(run=enter("cose", name))


def _key_id(text: str) -> bytes:
    if not text:
        raise argparse.ArgumentTypeError("takes a text, not nothing")
    return os.fsencode(text)


def _content_type(text: str) -> int | str:
    if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= MOST_FORMAT:
        return int(text)
    if _MEDIA_TYPE.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(
            f"takes a media type such as text/plain, or a number from 0 to {MOST_FORMAT},"
            f" not {text!r}"
        )
    return text
