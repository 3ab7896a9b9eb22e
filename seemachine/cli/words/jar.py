"""The words of `seemachine jar`."""

from typing import Any

from seemachine.cli.words.options import Enter
from seemachine.cli.words.signed_files import add_certificates, add_no_time, add_signing


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser("jar", help="sign JAR files, as Java verifies them")
    verbs = parser.add_subparsers(metavar="sign", required=True)
    sign = verbs.add_parser(
        "sign",
        help="sign a JAR: one leaf, however many entries it has",
        description=(
            "Sign a JAR: one leaf, however many entries it has. Java 21 and later verify keys of"
            " SHA-256 with 32 bytes, Java 24 and later ML-DSA."
        ),
    )
    add_signing(sign, "a JAR that is not signed", "NAME-signed.jar")
    add_certificates(sign, required=True)
    sign.add_argument(
        "--name", metavar="NAME", help="name of the signer's files; default: made of ALIAS"
    )
    add_no_time(sign)
    sign.set_defaults(run=enter("jar", "sign"))
