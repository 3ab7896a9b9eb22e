"""cfg-mkdefault: an example configuration file, with the sections that concern SEE machines."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seemachine.nfast import autoload, tool
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.state.disk.durable import replace_file
from seemachine.wire.names import SEE_PORT

NAME = "cfg-mkdefault"
CODESAFE = f"""\
[codesafe]
# SEE machines of an nShield 5, loaded without csadmin. The stand-in prints this section and does
# not act on it.
# esn=ESN
# enabled=yes
# image_file=FILE.cs5
# seejobs_port={SEE_PORT}
# enable_ncoreapi=yes
# worldid_pubname=NAME
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def text() -> str:
    """An example configuration; pushed as it is, it loads nothing."""
    lines = "".join(f"# {setting}=\n" for setting in autoload.SETTINGS)
    return f"syntax-version=1\n\n{CODESAFE}\n[load_seemachine]\n# module=1\n{lines}# pull_rfs=yes\n"


def _act(options: argparse.Namespace) -> None:
    if options.file is None:
        for line in text().splitlines():
            say(line)
    elif options.file.exists():
        raise Refusal(f"{options.file} exists")
    else:
        replace_file(options.file, text().encode())


def _parser() -> tool.Parser:
    parser = tool.parser(
        NAME,
        "Write an example configuration.",
        "that only the sections on SEE machines are in it",
    )
    parser.add_argument("-f", "--file", type=Path, help="default standard output")
    tool.add_help_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
