"""The words of `seemachine caliptra`."""

from pathlib import Path
from typing import Any

from seemachine.cli.words.options import Enter, add_asking, add_home

KEY_HELP = "an alias of this host, or a file with the public key, such as ./vendor.pem"


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "caliptra", help="sign Caliptra's signing_request.json, and verify what signed it"
    )
    verbs = parser.add_subparsers(metavar="sign|verify|key", required=True)
    _add_sign(verbs)
    _add_verify(verbs)
    _add_key(verbs)
    for name, verb in verbs.choices.items():
        add_home(verb)
        verb.set_defaults(run=enter("caliptra", name))


def _add_sign(verbs: Any) -> None:
    sign = verbs.add_parser(
        "sign",
        help="put a pqc_sig into signatures.json for each target that has none yet",
        epilog=(
            "LMS signs the 48 bytes of digest_sha384, and takes a leaf for each target; ML-DSA-87"
            " signs the payload. Done again, or after an interruption, it takes no second leaf for"
            " a target."
        ),
    )
    _add_files(sign, "an alias of this host")
    sign.add_argument(
        "--force",
        action="store_true",
        help="replace a pqc_sig that is there and is another; default: refuse",
    )
    add_asking(sign)


def _add_verify(verbs: Any) -> None:
    verify = verbs.add_parser(
        "verify",
        help="verify each pqc_sig in signatures.json; takes no leaf and needs no machine",
        epilog="exit code: 0 each target has a good pqc_sig; 1 one has not; 2 it was refused",
    )
    _add_files(verify, KEY_HELP)


def _add_files(verb: Any, what: str) -> None:
    verb.add_argument("request", type=Path, metavar="REQUEST", help="signing_request.json")
    verb.add_argument(
        "--signatures",
        type=Path,
        metavar="FILE",
        help="default: signatures.json in the folder of the request",
    )
    verb.add_argument(
        "--key",
        action="append",
        default=[],
        dest="keys",
        metavar="LABEL=KEY",
        help=f"which key a pqc_key of the request is: {what}; can be repeated",
    )
    verb.add_argument(
        "--keys",
        type=Path,
        dest="table",
        metavar="FILE",
        help='the same from a TOML file, with lines such as vendor_fw_pqc_key = "ALIAS"',
    )
    verb.add_argument(
        "--target",
        action="append",
        default=[],
        dest="targets",
        metavar="NAME",
        help="this target alone, such as vendor_imc_signatures; can be repeated; default: all",
    )


def _add_key(verbs: Any) -> None:
    key = verbs.add_parser(
        "key",
        help="show a public key as Caliptra takes it, and its hash as descriptors have it",
    )
    key.add_argument("name", metavar="KEY", help=KEY_HELP)
    key.add_argument(
        "--out",
        metavar="FILE",
        help="also write the key there; - is standard output, which then has it alone",
    )
    key.add_argument("--force", action="store_true", help="also where FILE is there already")
    key.add_argument(
        "--format",
        choices=("pem", "raw"),
        default="pem",
        help="form of that file: Caliptra's own PEM, or the bytes; default pem",
    )
