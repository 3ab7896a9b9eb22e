"""The words of `seemachine backup` and `restore`."""

from pathlib import Path
from typing import Any

from seemachine.cli.argtypes import esn
from seemachine.cli.words.options import Enter, add_home, makes_files


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    for name, word in (("backup", _add_backup(words)), ("restore", _add_restore(words))):
        add_home(word)
        word.set_defaults(run=enter("backup", name))


def _add_backup(words: Any) -> Any:
    backup = words.add_parser(
        "backup",
        help=(
            "put public data and ledgers into one file, and the cards that you name; it holds no"
            " other seeds"
        ),
    )
    backup.add_argument(
        "file", type=Path, metavar="FILE", help="the tar file to make; it must not exist"
    )
    backup.add_argument(
        "--take-card",
        action="append",
        default=[],
        metavar="CARD",
        help="move this card from the rack into the backup; can be repeated",
    )
    backup.add_argument(
        "--without",
        action="append",
        default=[],
        type=esn,
        metavar="ESN",
        help="leave out a machine that is not up; can be repeated",
    )
    return backup


def _add_restore(words: Any) -> Any:
    restore = words.add_parser("restore", help="restore a backup; no used leaf comes back with it")
    makes_files(restore)
    restore.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a backup, or the folder below cards/outgoing that an interrupted one left",
    )
    restore.add_argument(
        "--witness",
        help="the witness of the machines, as for serve; default: the one in fleet.toml",
    )
    restore.add_argument(
        "--after-loss",
        action="store_true",
        help=(
            "bring back cards although another world folder made the backup; only if that one is"
            " lost for good"
        ),
    )
    return restore
