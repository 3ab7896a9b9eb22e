"""The words of `seemachine pki`."""

from pathlib import Path
from typing import Any

from seemachine.cli.argtypes import esn, whole
from seemachine.cli.words.options import ESN_HELP, Enter, add_home, makes_files

CA_DAYS, DAYS = 3650, 365


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "pki", help="make a small CA, and certificates for machines and clients"
    )
    verbs = parser.add_subparsers(metavar="init|issue", required=True)
    init = _add_init(verbs)
    kinds = verbs.add_parser("issue", help="make a key and its certificate").add_subparsers(
        metavar="machine|client", required=True
    )
    machine, client = _add_machine(kinds), _add_client(kinds)
    for name, verb, days in (
        ("init", init, CA_DAYS),
        ("machine", machine, DAYS),
        ("client", client, DAYS),
    ):
        _add_days(verb, days)
        _add_folder(verb)
        add_home(verb)
        makes_files(verb)
        verb.set_defaults(run=enter("pki", name))
    for verb in (machine, client):
        verb.add_argument(
            "--renew", action="store_true", help="replace an existing certificate and its key"
        )


def _add_init(verbs: Any) -> Any:
    init = verbs.add_parser("init", help="make a CA; never replace one")
    init.add_argument(
        "--name", default="seemachine CA", help="its common name; default: seemachine CA"
    )
    return init


def _add_machine(kinds: Any) -> Any:
    machine = kinds.add_parser("machine", help="for a machine, by its ESN")
    machine.add_argument("esn", type=esn, metavar="ESN", help=ESN_HELP)
    machine.add_argument(
        "--host",
        nargs="+",
        default=[],
        metavar="NAME|ADDR",
        help="what clients connect to, besides localhost",
    )
    return machine


def _add_client(kinds: Any) -> Any:
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
    return client


def _add_days(verb: Any, days: int) -> None:
    verb.add_argument(
        "--days",
        type=whole(1, 10_000),
        default=days,
        metavar="N",
        help=f"for how many days it is valid; default {days}",
    )


def _add_folder(verb: Any) -> None:
    verb.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="where the files are; default: pki/ of the world folder",
    )
