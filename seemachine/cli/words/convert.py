"""The words of `seemachine convert`."""

from functools import partial
from typing import Any

from seemachine.cli.words.options import Enter, add_out


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "convert",
        help="write a public key or a signature in the form that another tool takes",
        description=(
            "Write an LMS, HSS or ML-DSA public key or signature in another form. The form of FILE"
            " is recognized from its bytes; without --to, print what it is. Private keys are"
            " refused."
        ),
    )
    parser.add_argument(
        "file", metavar="FILE", help="a public key or a signature; -: standard input"
    )
    parser.later(partial(_add_forms, parser))
    add_out(parser, "the result")
    parser.set_defaults(run=enter("convert", ""))


def _add_forms(parser: Any) -> None:
    from seemachine.encodings.forms import KEY_FORMS, SIGNATURE_FORMS

    names = list(dict.fromkeys([*KEY_FORMS, *SIGNATURE_FORMS]))
    parser.add_argument("--to", choices=names, metavar="FORM", help=f"one of {', '.join(names)}")
    parser.add_argument(
        "--from",
        dest="given_as",
        choices=names,
        metavar="FORM",
        help="the form of FILE; needed only when its bytes fit more than one",
    )
