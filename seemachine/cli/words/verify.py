"""The words of `seemachine verify`."""

from pathlib import Path
from typing import Any

from seemachine.cli.words.options import DIGESTS, Enter


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "verify",
        help="verify signatures of any maker with a public key alone: no machine, no world",
        description=(
            "Verify LMS, HSS (1 to 8 levels) and ML-DSA signatures. The forms of key and"
            " signatures are recognized from their bytes. Exit code 0: all are verified; 1: at"
            " least one is not; 2: a file could not be read, a signature is missing, or the key"
            " is not a public key."
        ),
        epilog="More: docs/how-to/verify-without-an-hsm.md",
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="what was signed: a file, or a folder with all its files; -: standard input",
    )
    parser.add_argument(
        "--key",
        required=True,
        metavar="KEY",
        help="a file with the public key, or a certificate; -: standard input",
    )
    parser.add_argument(
        "--signature",
        metavar="SIG|FOLDER",
        help=(
            "the signature of a single FILE, or the folder of the signatures; -: standard input;"
            " default: beside each FILE, as FILE.sig, FILE.b64 or FILE.json"
        ),
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="LIST",
        help="verify the files in a list that sha256sum wrote, and their digests",
    )
    parser.add_argument(
        "--digest",
        choices=DIGESTS,
        metavar="NAME",
        help=f"the signature is over the digest of FILE, not its bytes: {', '.join(DIGESTS)}",
    )
    parser.add_argument(
        "--context", default="", metavar="TEXT", help="the context of an ML-DSA signature"
    )
    parser.set_defaults(run=enter("verify", ""))
