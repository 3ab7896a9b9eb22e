"""The words of `seemachine sign`."""

from functools import partial
from pathlib import Path
from typing import Any

from seemachine.cli.argtypes import Parser
from seemachine.cli.words.options import DIGESTS, Enter, add_alias, add_asking, add_home


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "sign",
        help="sign files, folders, lists of files or standard input, in the form that tools take",
        description=(
            "Sign files, each with one leaf of an LMS key, or with an ML-DSA key. Signatures that"
            " are there and are good are kept. The same command goes on after an interruption, and"
            " takes no second leaf for what was asked."
        ),
        epilog="Each consumer's tools, keys and forms: docs/how-to/presets.md",
    )
    parser.later(partial(_add_options, parser))
    parser.set_defaults(run=enter("sign", ""))


def _add_options(parser: Parser) -> None:
    from seemachine.encodings.forms import SIGNATURE_FORMS
    from seemachine.presets.table import PRESETS

    add_alias(parser)
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="a file or a folder; - is standard input"
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="sign the files that are listed, as by sha256sum, after a check of their digests",
    )
    parser.add_argument(
        "--preset", choices=tuple(PRESETS), metavar="NAME", help=f"for {', '.join(PRESETS)}"
    )
    parser.add_argument(
        "--format",
        choices=tuple(SIGNATURE_FORMS),
        metavar="FORM",
        help=f"{', '.join(SIGNATURE_FORMS)}; default: lms, of ML-DSA raw",
    )
    parser.add_argument(
        "--digest",
        choices=DIGESTS,
        metavar="NAME",
        help=f"sign the digest of each file, not the file: {', '.join(DIGESTS)}",
    )
    parser.add_argument(
        "--out",
        metavar="FILE|FOLDER",
        help=(
            "where signatures go: a file for that of one file, else a folder; - is standard output;"
            " default: beside each file"
        ),
    )
    parser.add_argument(
        "--force", action="store_true", help="replace signatures that are there and are others"
    )
    parser.add_argument(
        "--allow-empty", action="store_true", help="sign files that have no bytes, too"
    )
    add_asking(parser)
    add_home(parser)
