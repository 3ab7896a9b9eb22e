"""The words of `seemachine jar`."""

from pathlib import Path
from typing import Any

from seemachine.cli.words.options import Enter
from seemachine.cli.words.signed_files import add_certificates, add_no_time, add_signing, add_trust


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser("jar", help="sign and verify JAR files, as Java does")
    verbs = parser.add_subparsers(metavar="sign|verify", required=True)
    sign = verbs.add_parser(
        "sign",
        help="sign a JAR: one leaf, however many entries it has",
        description=(
            "Sign a JAR: one leaf, however many entries it has. Java 21 and later verify keys of"
            " SHA-256 with 32 bytes, Java 24 and later ML-DSA."
        ),
    )
    add_signing(sign, "a JAR, signed by others or not", "NAME-signed.jar")
    add_certificates(sign, required=True)
    sign.add_argument(
        "--name",
        metavar="NAME",
        help="base name of the signer's files in META-INF; default: made of ALIAS",
    )
    add_no_time(sign)
    _add_verify(verbs)
    for name, verb in verbs.choices.items():
        verb.set_defaults(run=enter("jar", name))


def _add_verify(verbs: Any) -> None:
    verify = verbs.add_parser(
        "verify",
        help="verify a JAR with a public key",
        description=(
            "Verify a JAR with a public key that you trust, that of any of its signers, or by the"
            " certificates in it, which must lead to a root that you trust. Exit code 1: not"
            " verified, also where some entries are not signed, which Java accepts; 2: it could not"
            " be judged, as where a file can't be read."
        ),
    )
    verify.add_argument("file", type=Path, metavar="FILE", help="a signed JAR; - is standard input")
    add_trust(verify)
