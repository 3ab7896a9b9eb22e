"""The words of the `seemachine` command.

Those of each room are in `words/`; what they do is in the file of that name beside this one.
"""

import argparse
from functools import partial
from typing import Any

import seemachine
from seemachine.cli.argtypes import Parser
from seemachine.cli.words import (
    audit,
    backup,
    caliptra,
    card,
    cert,
    cms,
    convert,
    cose,
    fault,
    fleet,
    jar,
    key,
    library,
    nfast,
    pki,
    quarantine,
    run,
    sign,
    verify,
    wait,
    watch,
)
from seemachine.cli.words.options import Enter, add_examples, add_home, add_json, makes_files


def build(enter: Enter) -> Parser:
    """Reads every command. `run` of the options that it returns is what `enter` made for it."""
    parser = Parser(
        prog="seemachine",
        description=(
            "A mock nShield HSM running the Post-Quantum Option Pack SEE machine. Keys are in"
            " software: for test only."
        ),
        epilog="First steps: seemachine fleet up --detach; pipsqueak; seemachine fleet down",
    )
    parser.add_argument(
        "--version", action="version", version=f"seemachine {seemachine.__version__}"
    )
    words = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_serve(words, enter)
    before = (run, wait, fleet, watch, card, key, sign, verify, convert, quarantine, fault)
    formats = (caliptra, cert, cms, jar, cose)
    for room in (*before, audit, backup, pki, *formats, nfast, library):
        room.add(words, enter)
    _add_info(words, enter)
    _add_doctor(words, enter)
    _add_env(words, enter)
    _add_completion(words, enter)
    for each in parser.endings():
        add_json(each)
    _add_help(words, parser)
    return parser


def whole() -> Parser:
    """With every option of every command, for what describes them; it runs nothing."""
    return build(lambda _room, _verb: lambda _options: 0).complete_all()


def _add_serve(words: Any, enter: Enter) -> None:
    parser = words.add_parser(
        "serve",
        help="run one machine, or several, in the foreground",
        description="Run machines until SIGTERM or Ctrl-C.",
    )
    parser.later(partial(_add_settings, parser))
    makes_files(parser)
    parser.set_defaults(run=enter("serve", ""))


def _add_settings(parser: Parser) -> None:
    from seemachine.cli.serve import add_options

    add_options(parser)


def _add_info(words: Any, enter: Enter) -> None:
    parser = words.add_parser(
        "info", help="show which engine runs here and why, versions, and the world folder"
    )
    add_home(parser)
    parser.set_defaults(run=enter("info", ""))


def _add_doctor(words: Any, enter: Enter) -> None:
    parser = words.add_parser(
        "doctor", help="find what would fail on this host and in this world, and what mends it"
    )
    add_home(parser)
    parser.set_defaults(run=enter("doctor", ""))


def _add_env(words: Any, enter: Enter) -> None:
    parser = words.add_parser(
        "env",
        help="print what a shell needs to use one world, and nothing of another",
    )
    add_examples(
        parser,
        "sh, bash, zsh:",
        'eval "$(seemachine env --home DIR)"',
        "fish:",
        "seemachine env --home DIR | source",
    )
    parser.add_argument(
        "--shell", choices=("sh", "fish"), help="for which shell; default: the one of $SHELL"
    )
    add_home(parser)
    parser.set_defaults(run=enter("env", ""))


def _add_completion(words: Any, enter: Enter) -> None:
    parser = words.add_parser(
        "completion",
        help="print what a shell reads to complete seemachine and pipsqueak",
    )
    add_examples(
        parser,
        "bash, in ~/.bashrc:",
        'eval "$(seemachine completion bash)"',
        "zsh, in ~/.zshrc, after compinit:",
        'eval "$(seemachine completion zsh)"',
        "fish, in ~/.config/fish/config.fish:",
        "seemachine completion fish | source",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="which shell")
    parser.set_defaults(run=enter("completion", ""))


def _add_help(words: Any, top: Parser) -> None:
    parser = words.add_parser("help", help="show the options of a command, like its --help")
    parser.add_argument(
        "words", nargs="*", metavar="COMMAND", help="such as: card insert; default: all commands"
    )
    parser.set_defaults(run=partial(_help, top))


def _help(parser: Parser, options: argparse.Namespace) -> int:
    parser.parse_args([*options.words, "--help"])
    return 0  # not reached: --help is where parsing ends
