"""The words of `seemachine verify`."""

from pathlib import Path
from typing import Any

from seemachine.cli.words.options import DIGESTS, Enter, add_home


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "verify",
        help="verify signatures of any maker with a public key alone: no machine, no world",
        description=(
            "Verify signatures of LMS, of HSS with 1 to 8 levels, or of ML-DSA. Key and signatures"
            " are in any form, which their bytes tell. Exit code 0: all are verified; 1: one is"
            " not; 2: something could not be read, or is not a public key."
        ),
        epilog="More: docs/how-to/verify-without-an-hsm.md",
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="what was signed: a file, or a folder with all that is in it; -: standard input",
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
            "the signature of the one FILE, or the folder with those of all; -: standard input;"
            " default: beside each FILE, as FILE.sig"
        ),
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="LIST",
        help="verify the files that are listed, as by sha256sum, and their digests",
    )
    parser.add_argument(
        "--digest",
        choices=DIGESTS,
        metavar="NAME",
        help=f"what was signed is the digest of each FILE: {', '.join(DIGESTS)}",
    )
    parser.add_argument(
        "--context", default="", metavar="TEXT", help="the context of an ML-DSA signature"
    )
    add_home(parser)
    parser.set_defaults(run=enter("verify", ""))
