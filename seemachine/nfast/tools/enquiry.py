"""enquiry: the hardserver and the modules it knows."""

import argparse
import sys
from collections.abc import Sequence

import seemachine
from seemachine.hsms import published, records
from seemachine.hsms.records import Module
from seemachine.nfast import select, tool
from seemachine.nfast.output import say
from seemachine.world import World

NAME = "enquiry"
COLUMN = 21
# The number of what is no module.
SERVER = 0
OURS = "that it prints few of the real lines; `SEE machine` and `SEE machine address`"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    if not options.module:
        _server(select.enrolled(world))
    if options.module != SERVER:
        for module in select.chosen(world, options.module):
            _block(f"Module #{module.number}:", _lines(world, module))


def _server(modules: list[Module]) -> None:
    lines = {
        "serial number": " ".join(module.esn for module in modules),
        "mode": records.OPERATIONAL,
        "version": seemachine.__version__,
        "module type code": "0",
    }
    _block("Server:", lines)


def _lines(world: World, module: Module) -> dict[str, str]:
    lines = {
        "serial number": module.esn,
        "mode": module.mode,
        "version": seemachine.__version__,
        "product name": f"{select.MODELS[module.model]} (seemachine)",
    }
    if module.model == "xc":
        lines["SEE machine type"] = "PowerPCELF"
    entry = published.listening(world, module.esn)
    if records.running(world, module.esn) and entry is not None:
        lines |= {
            "SEE machine": "started",
            "SEE machine address": entry.place,
        }
    else:
        lines["SEE machine"] = "loaded" if module.loaded else "none"
    return {**lines, "hardware status": "OK"}


def _block(title: str, lines: dict[str, str]) -> None:
    say(title)
    say(f" {'enquiry reply flags':<{COLUMN - 1}} none")
    say(f" {'enquiry reply level':<{COLUMN - 1}} Six")
    for name, value in lines.items():
        say(f" {name:<{COLUMN - 1}} {value}")
    say()


def _parser() -> tool.Parser:
    parser = tool.parser(NAME, "What the hardserver and the modules say of themselves.", OURS)
    parser.add_argument(
        "-m", "--module", type=int, metavar="MODULE", help="0 is the hardserver; default it and all"
    )
    tool.add_help_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
