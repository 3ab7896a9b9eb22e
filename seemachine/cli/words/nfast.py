"""The words of `seemachine nfast`."""

from pathlib import Path
from typing import Any

from seemachine.cli.argtypes import esn
from seemachine.cli.words.options import Enter, add_home, makes_files
from seemachine.hsms.features import FEATURES

TYPED_HELP = "default: ask; without a terminal, read a line of standard input; '' for none"


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "nfast",
        help="the Security World tools of the guide: launchers, HSMs, cards, what the vendor sends",
    )
    verbs = parser.add_subparsers(
        metavar="path|release|support|setup|enroll|cards|certify|licence", required=True
    )
    _add_installing(verbs)
    _add_setup(verbs)
    enroll = verbs.add_parser(
        "enroll",
        help="number modules in this order; HSMs left out are no longer enrolled (guide 2.9.1)",
    )
    enroll.add_argument("esn", type=esn, nargs="+", metavar="ESN", help="HSMs, module 1 first")
    _add_cards(verbs)
    _add_certify(verbs)
    _add_licence(verbs)
    for name, verb in verbs.choices.items():
        add_home(verb)
        makes_files(verb)
        verb.set_defaults(run=enter("nfast", name))


def _add_installing(verbs: Any) -> None:
    verbs.add_parser(
        "path",
        help=(
            "make the launchers and print their folder: export PATH=$(seemachine nfast path):$PATH"
        ),
    )
    release = verbs.add_parser("release", help="write the stand-in of the release file (guide 2.4)")
    release.add_argument("output", type=Path, metavar="pqsdk-1.4.1-win64.zip", help="where it goes")
    support = verbs.add_parser(
        "support",
        help="write the stand-in of a script that Entrust Support gives out (guide 2.8.1 step 7)",
    )
    support.add_argument("output", type=Path, metavar="removepubobj.py", help="where it goes")


def _add_setup(verbs: Any) -> None:
    setup = verbs.add_parser(
        "setup", help="power HSMs on, make the Security World, its ACS and an OCS (guide 2.1, 2.2)"
    )
    setup.add_argument(
        "--fleet",
        type=Path,
        metavar="FLEET.toml",
        help="which HSMs; default: fleet.toml of the world folder, written if missing",
    )
    setup.add_argument("--passphrase", help=TYPED_HELP)
    setup.add_argument(
        "--ocs",
        default="testOCS",
        metavar="NAME",
        help="name of the Operator Card Set; default testOCS",
    )
    _add_set_sizes(setup)
    setup.add_argument(
        "--unlicensed", action="store_true", help="leave out the licence for SEE machines"
    )


def _add_set_sizes(setup: Any) -> None:
    for kind in ("acs", "ocs"):
        setup.add_argument(
            f"--{kind}-quorum",
            type=int,
            default=1,
            metavar="K",
            help="how many cards must be read; default 1",
        )
        setup.add_argument(
            f"--{kind}-cards",
            type=int,
            default=1,
            metavar="N",
            help="cards in all; default 1",
        )


def _add_cards(verbs: Any) -> None:
    cards = verbs.add_parser("cards", help="make another Operator Card Set")
    cards.add_argument("name", metavar="NAME", help="name of the card set")
    cards.add_argument(
        "--quorum", type=int, default=1, metavar="K", help="how many cards must be read; default 1"
    )
    cards.add_argument("--cards", type=int, default=1, metavar="N", help="cards in all; default 1")
    cards.add_argument("--passphrase", help=TYPED_HELP)


def _add_certify(verbs: Any) -> None:
    certify = verbs.add_parser(
        "certify", help="make a developer certificate from a CSR, as Entrust Support does"
    )
    certify.add_argument(
        "csr", type=Path, metavar="CSR", help="the request that csadmin ids create wrote"
    )
    certify.add_argument("output", type=Path, metavar="CERT.pem", help="where the certificate goes")
    certify.add_argument(
        "--unit", default="", metavar="UNIT", help="organizational unit to add to the subject"
    )
    certify.add_argument(
        "--days", type=int, default=1096, help="for how many days it is valid; default 1096"
    )
    certify.add_argument(
        "--begun",
        type=int,
        default=0,
        metavar="DAYS",
        help="how many days ago it became valid; default 0",
    )


def _add_licence(verbs: Any) -> None:
    licence = verbs.add_parser("licence", help="make a licence file, as Entrust Support does")
    licence.add_argument("output", type=Path, metavar="LICENSE_FILE.txt", help="where it goes")
    licence.add_argument("--esn", type=esn, required=True, help="the HSM that it is for")
    licence.add_argument(
        "--feature",
        action="append",
        metavar="FEATURE",
        help=f"can be repeated; default the SEE licence of the model; {', '.join(FEATURES)}",
    )
