"""hsmadmin cs5: this host as a client of a 5c's launcher (guide 2.5.2.3 steps 5, 9)."""

import argparse
import sys
from collections.abc import Sequence

from seemachine.cli.argtypes import esn
from seemachine.nfast import cs5_launcher, tool
from seemachine.nfast.output import say

NAME = "hsmadmin"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments)


def _clientinfo(_options: argparse.Namespace) -> None:
    say(f"{cs5_launcher.KEY_TYPE} {cs5_launcher.client_key(tool.world())}")


def _enroll(options: argparse.Namespace) -> None:
    cs5_launcher.refuse_bad_key(options.keytype, options.keybody)
    words = {
        "address": options.address,
        "port": options.port,
        "type": options.keytype,
        "key": options.keybody,
    }
    cs5_launcher.enroll(tool.world(), options.esn, words)


def _parser() -> tool.Parser:
    parser = tool.parser(
        NAME,
        "Clients of CodeSafe 5.",
        "that only cs5 clientinfo and cs5 enroll are served; the texts of refusals",
    )
    words = parser.add_subparsers(metavar="cs5", required=True)
    verbs = words.add_parser("cs5").add_subparsers(metavar="clientinfo|enroll", required=True)
    client = verbs.add_parser("clientinfo", help="this host's key")
    client.set_defaults(act=_clientinfo)
    enroll = verbs.add_parser("enroll", help="use the launcher of an HSM")
    enroll.add_argument("esn", type=esn)
    enroll.add_argument("address", metavar="IPv4")
    enroll.add_argument("port", type=int)
    enroll.add_argument("keytype")
    enroll.add_argument("keybody")
    enroll.set_defaults(act=_enroll)
    for verb in (client, enroll):
        _add_common(verb)
    return parser


def _add_common(verb: argparse.ArgumentParser) -> None:
    """What all verbs of the real one take.

    Here services answer at once, and there is no more to say.
    """
    verb.add_argument(
        "--timeout",
        type=int,
        choices=range(3, 121),
        default=30,
        metavar="SECONDS",
        help="3 to 120, default 30; taken as given",
    )
    verb.add_argument(
        "--esn",
        type=str.upper,
        action="append",
        dest="esns",
        metavar="ESN",
        help="taken as given, once or more often",
    )
    verb.add_argument("--verbose", action="store_true", help="taken as given")


if __name__ == "__main__":
    sys.exit(main())
