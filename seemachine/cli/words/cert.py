"""The words of `seemachine cert`."""

from pathlib import Path
from typing import Any

from seemachine.cli.argtypes import whole
from seemachine.cli.words.options import Enter, add_alias, add_asking, add_home, add_several

ROOT_DAYS, DAYS, LIST_DAYS, MOST_DAYS = 7300, 365, 30, 36_525
USAGES = (
    *("digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment"),
    *("keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"),
)
OF_KINDS = "keyCertSign and cRLSign for a CA, otherwise digitalSignature"
SUBJECT_HELP = "such as CN=Root,O=Example (RFC 4514)"


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "cert", help="make X.509 certificates, requests and revocation lists with a key of an HSM"
    )
    verbs = parser.add_subparsers(metavar="root|request|issue|crl|show", required=True)
    made = (_add_root(verbs), _add_request(verbs), _add_issue(verbs), _add_crl(verbs))
    _add_show(verbs)
    for verb in made:
        _add_output(verb)
        add_home(verb)
    for name, verb in verbs.choices.items():
        verb.set_defaults(run=enter("cert", name))


def _add_root(verbs: Any) -> Any:
    root = verbs.add_parser("root", help="make the self-signed certificate of a CA: one leaf")
    add_alias(root)
    root.add_argument("--subject", required=True, metavar="NAME", help=SUBJECT_HELP)
    _add_days(root, ROOT_DAYS)
    _add_length(root)
    _add_usages(root)
    _add_names(root)
    return root


def _add_request(verbs: Any) -> Any:
    request = verbs.add_parser(
        "request", help="make a certificate signing request for a key: one leaf"
    )
    add_alias(request)
    request.add_argument("--subject", required=True, metavar="NAME", help=SUBJECT_HELP)
    _add_usages(request, "none")
    _add_purposes(request)
    _add_names(request)
    return request


def _add_issue(verbs: Any) -> Any:
    issue = verbs.add_parser(
        "issue",
        help="issue a certificate for a request, whose key may be of any algorithm: one leaf",
        description=(
            "Check the signature of a request, and issue a certificate for it: one leaf. Subject"
            " and key come from the request. What else it asks for is left out unless --as-asked"
            " is given. Whether the certificate is for a CA is never taken from the request."
        ),
    )
    add_alias(issue)
    issue.add_argument(
        "request", type=Path, metavar="REQUEST", help="a file, PEM or DER; - is standard input"
    )
    _add_issuer(issue, required=True)
    issue.add_argument(
        "--subject", metavar="NAME", help="a subject in place of that of the request"
    )
    _add_days(issue, DAYS)
    issue.add_argument("--ca", action="store_true", help="make it a certificate of a CA")
    _add_length(issue)
    _add_usages(issue)
    _add_purposes(issue)
    _add_names(issue)
    issue.add_argument(
        "--as-asked",
        action="store_true",
        help="take names, usages and purposes from the request where none are given here",
    )
    place = "where the issuer publishes its revocation list"
    add_several(issue, "--crl-url", "URL", place)
    return issue


def _add_crl(verbs: Any) -> Any:
    crl = verbs.add_parser("crl", help="make the next list of revoked certificates: one leaf")
    add_alias(crl)
    _add_issuer(crl, required=True)
    crl.add_argument(
        "--after", type=Path, metavar="FILE", help="the list before; its entries are kept"
    )
    whose = "a serial number in hexadecimal, or a certificate"
    add_several(crl, "--revoke", "SERIAL|FILE[=REASON]", whose)
    _add_days(crl, LIST_DAYS)
    return crl


def _add_show(verbs: Any) -> None:
    show = verbs.add_parser(
        "show", help="show certificates, requests and lists, and check their signatures"
    )
    show.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="PEM or DER; - is standard input"
    )
    _add_issuer(show, required=False)


def _add_issuer(verb: Any, *, required: bool) -> None:
    verb.add_argument(
        "--issuer", type=Path, required=required, metavar="FILE", help="the issuer's certificate"
    )


def _add_days(verb: Any, days: int) -> None:
    verb.add_argument(
        "--days",
        type=whole(1, MOST_DAYS),
        default=days,
        metavar="N",
        help=f"valid until N days from now; default {days}; it begins five minutes before now",
    )


def _add_length(verb: Any) -> None:
    verb.add_argument(
        "--path-length",
        type=whole(0, 255),
        metavar="N",
        help="how many CAs may follow below this one; default: any number",
    )


def _add_purposes(verb: Any) -> None:
    add_several(verb, "--purpose", "NAME|OID", "an extended key usage, such as codeSigning")


def _add_usages(verb: Any, default: str = OF_KINDS) -> None:
    verb.add_argument(
        "--usage",
        action="append",
        default=[],
        choices=USAGES,
        metavar="NAME",
        help=f"a key usage; may be repeated; default: {default}",
    )


def _add_names(verb: Any) -> None:
    names = "an alternative name: host, IP address, URI or mail address"
    add_several(verb, "--name", "NAME", names)


def _add_output(verb: Any) -> None:
    verb.add_argument(
        "--out", required=True, metavar="FILE", help="where it goes; - is standard output"
    )
    verb.add_argument(
        "--format",
        "--form",
        choices=("pem", "der"),
        default="pem",
        dest="form",
        help="default: pem",
    )
    verb.add_argument("--force", action="store_true", help="overwrite FILE if it exists")
    add_asking(verb)
