"""The words of `seemachine audit` and `ledger`."""

from pathlib import Path
from typing import Any

from seemachine.cli.argtypes import esn
from seemachine.cli.words.options import ESN_HELP, Enter, add_home


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    audit = words.add_parser(
        "audit",
        help="find leaves that were used twice, bad signatures and gaps, in any LMS and HSS files",
        description=(
            "Find leaves that signed two messages, bad signatures, and leaves passed over."
            " Reads LMS and HSS files of any maker, and tells from its bytes what a file is."
        ),
        epilog=(
            "exit code: 0 clean; 1 a leaf was used twice, or a signature is bad;"
            " 2 the command line is invalid, or something could not be read or verified"
        ),
    )
    _add_files(audit)
    _add_choices(audit)
    ledger = words.add_parser(
        "ledger", help="print which leaf each machine gave to whom, and for what"
    )
    ledger.add_argument("--esn", type=esn, help=ESN_HELP)
    ledger.add_argument(
        "--json-lines",
        action="store_true",
        help="print a line of JSON for each row at once, for long ledgers; audit reads both forms",
    )
    for name, word in (("audit", audit), ("ledger", ledger)):
        add_home(word)
        word.set_defaults(run=enter("audit", name))


def _add_files(audit: Any) -> None:
    audit.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="signatures, public keys, key files, ledgers, messages, folders",
    )
    audit.add_argument(
        "--message",
        action="append",
        default=[],
        metavar="SIG=FILE",
        help=(
            "the message of a signature, or two folders, where NAME.sig of the first is over NAME"
            " of the second; can be repeated; default NAME, NAME.bin, NAME.txt ... beside NAME.sig"
        ),
    )


def _add_choices(audit: Any) -> None:
    audit.add_argument(
        "--reuse-only",
        action="store_true",
        help="look only for reuse, which needs neither keys nor messages",
    )
    audit.add_argument(
        "--fleet",
        action="store_true",
        help="also read the ledgers of all machines that are up, and this host's keys",
    )
