"""The words of `seemachine pki`."""

from pathlib import Path
from typing import Any

from seemachine.cli.argtypes import esn, whole
from seemachine.cli.words.options import ESN_HELP, Enter, add_home


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "pki", help="make a small CA, and certificates for machines and clients"
    )
    verbs = parser.add_subparsers(metavar="init|issue", required=True)
    init = verbs.add_parser("init", help="make a CA; never replace one")
    init.add_argument(
        "--name", default="seemachine CA", help="its common name; default: seemachine CA"
    )
    kinds = verbs.add_parser("issue", help="make a key and its certificate").add_subparsers(
        metavar="machine|client", required=True
    )
    machine = kinds.add_parser("machine", help="for a machine, by its ESN")
    machine.add_argument("esn", type=esn, metavar="ESN", help=ESN_HELP)
    machine.add_argument(
        "--host",
        nargs="+",
        default=[],
        metavar="NAME|ADDR",
        help="what clients connect to, besides localhost",
    )
    client = kinds.add_parser("client", help="for a client, with a role")
    client.add_argument(
        "name", metavar="NAME", help="1 to 64 letters, digits and . _ @ -; machines log it"
    )
    client.add_argument(
        "--role",
        choices=("use", "provision", "admin"),
        required=True,
        help="use: sign; provision: also keys and cards",
    )
    for name, verb, days in (
        ("init", init, 3650),
        ("machine", machine, 365),
        ("client", client, 365),
    ):
        verb.add_argument(
            "--days",
            type=whole(1, 10_000),
            default=days,
            metavar="N",
            help=f"for how many days it is valid; default {days}",
        )
        verb.add_argument(
            "--folder",
            type=Path,
            metavar="DIR",
            help="where the files are; default: pki/ of the world folder",
        )
        add_home(verb)
        verb.set_defaults(run=enter("pki", name))
    for verb in (machine, client):
        verb.add_argument(
            "--renew", action="store_true", help="replace an existing certificate and its key"
        )
