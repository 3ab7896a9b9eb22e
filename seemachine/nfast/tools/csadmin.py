"""csadmin: developer identities, container images and SEE machines of the 5c (guide 2.5.2.3 steps 2
to 20, 2.8.1).
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from seemachine.nfast import tool
from seemachine.nfast.output import say_json
from seemachine.nfast.refusals import Refusal, Silent
from seemachine.nfast.tools import csadmin_ids, csadmin_image, csadmin_machines, csadmin_sign
from seemachine.state.errors import StateError

NAME = "csadmin"
OURS = (
    "the texts of refusals; what list prints when SEE machines are installed, and its JSON; the"
    " JSON of refusals; the options of image signextra; that load refuses an entry point that is"
    " not a Python program"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> int:
    act: Callable[[argparse.Namespace], int | None] = options.act
    try:
        return act(options) or 0
    except (Refusal, StateError, OSError) as refused:
        if not getattr(options, "json", False):
            raise
        # Whoever asked for JSON reads nothing else, and knows the refusal from it.
        answer = {"succeeded": False, "error": tool.reason(refused)}
        say_json({options.esn: answer} if options.esn else answer)
        raise Silent from None


def _parser() -> tool.Parser:
    parser = tool.parser(NAME, "Identities, images and SEE machines of the nShield 5c.", OURS)
    verbs = parser.add_subparsers(metavar="ids|image|load|start|stop|destroy|list", required=True)
    csadmin_ids.add_ids(verbs)
    _add_image(verbs)
    csadmin_machines.add_machines(verbs)
    return parser


def _add_image(verbs: Any) -> None:
    words = verbs.add_parser("image", help="make and sign images").add_subparsers(
        metavar="generate|sign|signextra", required=True
    )
    csadmin_image.add_generate(words)
    csadmin_sign.add_sign(words)
    csadmin_sign.add_signextra(words)


if __name__ == "__main__":
    sys.exit(main())
