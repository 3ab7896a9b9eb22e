"""Words that `seemachine cms`, `jar` and `cose` have in common."""

from pathlib import Path
from typing import Any

from seemachine.cli.words.options import add_alias, add_asking, add_home, add_several


def add_signing(verb: Any, content: str, out: str) -> None:
    """What each takes that signs; `out` is the name that it gives by itself."""
    add_alias(verb)
    verb.add_argument("file", type=Path, metavar="FILE", help=f"{content}; - is standard input")
    verb.add_argument(
        "--out", metavar="FILE", help=f"where the result goes; - is standard output; default: {out}"
    )
    verb.add_argument("--force", action="store_true", help="overwrite a file that exists")
    add_asking(verb)
    add_home(verb)


def add_verifying(verb: Any, message: str, content: str) -> None:
    """What each takes that verifies; `content` is what a message is of."""
    verb.add_argument(
        "message", type=Path, metavar="MESSAGE", help=f"{message}; - is standard input"
    )
    verb.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        nargs="?",
        help=f"the {content} of a detached message; - is standard input",
    )
    verb.add_argument(
        "--out",
        metavar="OUT",
        help=f"where to write the {content} in the message once it is verified; - is standard"
        " output",
    )
    verb.add_argument("--force", action="store_true", help="overwrite a file that exists")


def add_key(verb: Any, *, required: bool = True) -> None:
    """`--key FILE`, required but in a group of several."""
    verb.add_argument(
        "--key",
        type=Path,
        required=required,
        metavar="FILE",
        help="the public key that you trust, in any form, or its certificate; - is standard input",
    )


def add_trust(verify: Any) -> None:
    """`--key FILE`, or `--root FILE` with what belongs to it."""
    trusted = verify.add_mutually_exclusive_group(required=True)
    add_key(trusted, required=False)
    roots = "certificates of roots that you trust, PEM or DER"
    add_several(trusted, "--root", "FILE", roots, type=Path)
    others = "with --root: further certificates that may lead to it"
    add_several(verify, "--certificate", "FILE", others, type=Path)
    lists = "with --root: revocation lists; with any, each issuer must have one"
    add_several(verify, "--crl", "FILE", lists, type=Path)
    purpose = (
        "with --root: an extended key usage that the signer's certificate must have, such as"
        " codeSigning"
    )
    add_several(verify, "--purpose", "NAME|OID", purpose)


def add_certificates(verb: Any, *, required: bool) -> None:
    """`--certificate FILE`."""
    own = "certificate of the key, PEM or DER; those after it are added"
    add_several(verb, "--certificate", "FILE", own, type=Path, required=required)


def add_no_time(verb: Any) -> None:
    """`--no-time`."""
    verb.add_argument(
        "--no-time",
        action="store_true",
        help="leave out the signing time, which is that of this host",
    )
