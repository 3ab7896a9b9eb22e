"""appliance-cli cs5: the launcher of a 5c, seen from its console (guide 2.5.2.3 steps 6 to 8)."""

import argparse
import sys
from collections.abc import Sequence

from seemachine.hsms import records
from seemachine.hsms.records import Module
from seemachine.nfast import cs5_launcher, select, tool
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.world import World

NAME = "appliance-cli"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments)


def _setclientinfo(options: argparse.Namespace) -> None:
    cs5_launcher.refuse_bad_key(options.keytype, options.publickey)
    world, module = _target(options)
    with records.changing(world, module.esn) as changed:
        changed.launcher["client"] = options.publickey
    say("Client info set")


def _enable(options: argparse.Namespace) -> None:
    world, module = _target(options)
    if options.address != module.address:
        raise Refusal(
            f"{options.address} is not an address of this HSM, which has {module.address}"
        )
    with records.changing(world, module.esn) as changed:
        changed.launcher["address"] = options.address
        changed.launcher.setdefault("key", cs5_launcher.new_key())
    say("Enabled ports for CodeSafe 5")
    say()
    say("Current ports settings:")
    say("enable_ports: yes")
    say(f"address: {options.address}")


def _getserverinfo(options: argparse.Namespace) -> None:
    _, module = _target(options)
    server = cs5_launcher.server_info(module)
    say("CodeSafe 5 server info in format <ESN> <IP Address> <Port> <Key Type> <Public Key>")
    address = f"{server['address']} {cs5_launcher.PORT}"
    say(f"{module.esn} {address} {cs5_launcher.KEY_TYPE} {server['key']}")


def _target(options: argparse.Namespace) -> tuple[World, Module]:
    world = tool.world()
    module = select.of_model(world, options.module, "5c", "appliance-cli cs5")
    return world, module


def _parser() -> tool.Parser:
    parser = tool.parser(
        NAME,
        "The console of an nShield 5c.",
        "that only cs5 is served; the texts of refusals",
    )
    parser.add_argument("-m", "--module", type=int, metavar="MODULE")
    words = parser.add_subparsers(metavar="cs5", required=True)
    verbs = words.add_parser("cs5").add_subparsers(
        metavar="setclientinfo|ports|getserverinfo", required=True
    )
    client = verbs.add_parser("setclientinfo", help="who may use the launcher")
    client.add_argument("keytype")
    client.add_argument("publickey")
    client.set_defaults(act=_setclientinfo)
    enable = (
        verbs.add_parser("ports")
        .add_subparsers(metavar="enable", required=True)
        .add_parser("enable", help="open the ports")
    )
    enable.add_argument("address", metavar="IPv4")
    enable.set_defaults(act=_enable)
    verbs.add_parser("getserverinfo", help="where the launcher is").set_defaults(act=_getserverinfo)
    return parser


if __name__ == "__main__":
    sys.exit(main())
