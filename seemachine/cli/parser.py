"""The words of the `seemachine` command.

What each of them does is in the file of that name.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import seemachine
from seemachine.cli.argtypes import Parser, esn, slot, whole
from seemachine.cli.nfast_parser import add as add_nfast

ESN_HELP = "electronic serial number, such as 7852-268D-3BF9"
SLOT_HELP = "card slot, 0 to 5"
# Room and verb: what runs.
Enter = Callable[[str, str], Callable[[argparse.Namespace], int]]


def build(enter: Enter) -> argparse.ArgumentParser:
    """Takes every command; `run` of what it gives back is what `enter` parser."""
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
    _add_fleet(words, enter)
    _add_card(words, enter)
    _add_quarantine(words, enter)
    _add_audit(words, enter)
    _add_backup(words, enter)
    _add_pki(words, enter)
    add_nfast(words, lambda verb: enter("nfast", verb))
    info = words.add_parser(
        "info", help="which engine runs here and why, versions, the world folder"
    )
    info.add_argument("--json", action="store_true", help="print one JSON document")
    info.add_argument(
        "--home", type=Path, metavar="DIR", help="world folder; default $SEEMACHINE_HOME"
    )
    info.set_defaults(run=enter("info", ""))
    helping = words.add_parser("help", help="the options of a command, as its --help")
    helping.add_argument(
        "words", nargs="*", metavar="COMMAND", help="such as: card insert; default: all commands"
    )
    helping.set_defaults(run=partial(_help, parser))
    return parser


def _help(parser: Parser, options: argparse.Namespace) -> int:
    parser.parse_args([*options.words, "--help"])
    return 0  # not reached: --help is where parsing ends


def _add_serve(words: Any, enter: Enter) -> None:
    parser = words.add_parser(
        "serve",
        help="run one machine in the foreground",
        description="Run one machine until SIGTERM or Ctrl-C.",
    )
    parser.add_argument("--esn", type=esn, help=ESN_HELP)
    parser.add_argument("--model", choices=("5c", "xc"), help="default 5c")
    parser.add_argument(
        "--module", type=int, help="module number on this host, which orders the banner; default 1"
    )
    parser.add_argument("--host", help="address to listen on; default 127.0.0.1")
    parser.add_argument("--port", type=int, help="default 8888; 0 takes any free port")
    parser.add_argument(
        "--search-port",
        action="store_true",
        default=None,
        help="take the next free port when this one is taken",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="TOML file with these settings and [limits]"
    )
    parser.add_argument(
        "--store", choices=("sqlite", "file", "memory"), help="where NVRAM is kept; default sqlite"
    )
    parser.add_argument(
        "--ephemeral",
        action="store_const",
        const="memory",
        dest="store",
        help="the same as --store memory",
    )
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        help="world folder; default $SEEMACHINE_HOME",
    )
    parser.add_argument(
        "--operator",
        choices=("manual", "auto"),
        help="whether blank cards are fed unasked (by a fleet); default manual",
    )
    parser.add_argument(
        "--witness",
        metavar="DIR|URL",
        help=(
            "what remembers this NVRAM: a folder, relative to the world folder, or"
            " postgresql://user@host:port/database without a password, which PGPASSWORD or a"
            " passfile has; default witness/ of the world"
        ),
    )
    parser.add_argument(
        "--runtime-witness",
        metavar="auto|off|DIR",
        help="a second witness, gone with a reboot; default auto: the user's runtime folder",
    )
    parser.add_argument(
        "--lock-memory",
        choices=("auto", "yes", "no"),
        help="keep memory out of swap; default auto, where that is allowed",
    )
    parser.add_argument(
        "--signer", metavar="HEX", help="hash of the key that signed the SEE machine; default none"
    )
    parser.add_argument(
        "--no-publish",
        action="store_false",
        default=None,
        dest="publish",
        help="write no published object",
    )
    parser.add_argument(
        "--insecure-bind",
        action="store_true",
        default=None,
        help="allow an address that is not loopback, without TLS",
    )
    for name, what in (
        ("cert", "the machine's certificate"),
        ("key", "its private key"),
        ("ca", "the CA whose clients are taken"),
    ):
        parser.add_argument(
            f"--tls-{name}",
            type=Path,
            metavar="FILE",
            help=f"{what}, PEM; with all three the port takes only TLS",
        )
    parser.set_defaults(run=enter("serve", ""))


def _add_fleet(words: Any, enter: Enter) -> None:
    parser = words.add_parser("fleet", help="start, stop and look at a fleet of machines")
    verbs = parser.add_subparsers(metavar="up|down|status|check", required=True)
    up = verbs.add_parser(
        "up",
        help="start the machines of a fleet file",
        description="Start the fleet; Ctrl-C stops it.",
    )
    up.add_argument(
        "file",
        type=Path,
        nargs="?",
        metavar="FLEET.toml",
        help="default fleet.toml of the world folder, made if missing",
    )
    up.add_argument(
        "--detach", action="store_true", help="go on in the background once all machines are ready"
    )
    up.set_defaults(run=enter("fleet", "up"))
    down = verbs.add_parser("down", help="stop the fleet and wait until it is gone")
    down.set_defaults(run=enter("fleet", "down"))
    status = verbs.add_parser("status", help="what runs where")
    status.add_argument("--json", action="store_true", help="print one JSON document")
    status.set_defaults(run=enter("fleet", "status"))
    check = verbs.add_parser(
        "check",
        help="find what would fail later: signers, licences, certificates, stale published objects",
    )
    check.add_argument("--json", action="store_true", help="print one JSON document")
    check.set_defaults(run=enter("fleet", "check"))
    for verb in (up, down, status, check):
        verb.add_argument(
            "--home", type=Path, metavar="DIR", help="world folder; default $SEEMACHINE_HOME"
        )


def _add_card(words: Any, enter: Enter) -> None:
    parser = words.add_parser("card", help="make, move, format and list smart cards")
    verbs = parser.add_subparsers(metavar="new|insert|remove|format|list", required=True)
    new = verbs.add_parser("new", help="put blank cards on the rack; prints a name a line")
    new.add_argument(
        "--count", type=whole(1, 10_000), default=1, metavar="N", help="how many; default 1"
    )
    insert = verbs.add_parser("insert", help="put a card from the rack into a slot")
    insert.add_argument("card", metavar="CARD", help="its name, as card new and card list print it")
    remove = verbs.add_parser("remove", help="take the card out of a slot, back to the rack")
    formatting = verbs.add_parser("format", help="make the card in a slot blank")
    formatting.add_argument("--force", action="store_true", help="even if it holds unused leases")
    listing = verbs.add_parser("list", help="every card and where it is")
    listing.add_argument("--json", action="store_true", help="print one JSON document")
    for verb in (insert, remove, formatting):
        verb.add_argument("--esn", type=esn, required=True, help=ESN_HELP)
        verb.add_argument("--slot", type=slot, required=True, metavar="N", help=SLOT_HELP)
    for name, verb in (
        ("new", new),
        ("insert", insert),
        ("remove", remove),
        ("format", formatting),
        ("list", listing),
    ):
        verb.add_argument(
            "--home", type=Path, metavar="DIR", help="world folder; default $SEEMACHINE_HOME"
        )
        verb.set_defaults(run=enter("card", name))


def _add_quarantine(words: Any, enter: Enter) -> None:
    parser = words.add_parser(
        "quarantine", help="leaves that may have been used elsewhere, and what to do about them"
    )
    verbs = parser.add_subparsers(metavar="list|explain|burn|skip|accept", required=True)
    listing = verbs.add_parser(
        "list", help="what is in quarantine, and why; exit code 0 only if it is nothing"
    )
    listing.add_argument("--json", action="store_true", help="print one JSON document")
    explain = verbs.add_parser("explain", help="the list, what can have happened, and the ways out")
    burn = verbs.add_parser("burn", help="destroy it: always safe")
    skip = verbs.add_parser(
        "skip", help="go on at a later leaf: if you are sure that nobody used it, or any behind it"
    )
    accept = verbs.add_parser(
        "accept",
        help="end this host's own refusal of a machine, once nothing of it is in quarantine",
    )
    for verb, more in ((burn, ", or a half-made key as listed"), (skip, "")):
        verb.add_argument(
            "name", metavar="NAME", help=f"NVRAM file as listed, or the alias of its key{more}"
        )
    for verb in (burn, skip, accept):
        verb.add_argument("--esn", type=esn, required=True, help=ESN_HELP)
    what = "where to go on, behind all leaves that may have been used"
    skip.add_argument("--to", type=whole(1, 2**32 - 1), required=True, metavar="LEAF", help=what)
    for name, verb in (
        ("list", listing),
        ("explain", explain),
        ("burn", burn),
        ("skip", skip),
        ("accept", accept),
    ):
        verb.add_argument(
            "--home", type=Path, metavar="DIR", help="world folder; default $SEEMACHINE_HOME"
        )
        verb.set_defaults(run=enter("quarantine", name))


def _add_audit(words: Any, enter: Enter) -> None:
    audit = words.add_parser(
        "audit",
        help="find leaves that were used twice, bad signatures and gaps, in any LMS and HSS files",
        description=(
            "Find leaves that signed two messages, signatures that are bad, and leaves that were"
            " passed over. Takes LMS and HSS files of any maker: what a file is shows in its bytes."
        ),
        epilog=(
            "exit code: 0 clean; 1 a leaf was used twice, or a signature is bad;"
            " 2 wrong usage, or something could not be read or verified"
        ),
    )
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
            "what a signature is over; can be repeated; default NAME, NAME.bin, NAME.txt ... for"
            " NAME.sig"
        ),
    )
    audit.add_argument(
        "--reuse-only",
        action="store_true",
        help="look for reuse alone: a signature needs neither its key nor its message",
    )
    audit.add_argument(
        "--fleet",
        action="store_true",
        help="and the ledgers of all machines that are up, with this host's keys",
    )
    audit.set_defaults(run=enter("audit", "audit"))
    ledger = words.add_parser(
        "ledger", help="print which leaf the machines handed out to whom, for what"
    )
    ledger.add_argument("--esn", type=esn, help=ESN_HELP)
    ledger.set_defaults(run=enter("audit", "ledger"))
    for word, what in (
        (audit, "print one JSON document"),
        (ledger, "print a JSON document a row, which audit reads"),
    ):
        word.add_argument("--json", action="store_true", help=what)
        word.add_argument(
            "--home", type=Path, metavar="DIR", help="world folder; default $SEEMACHINE_HOME"
        )


def _add_pki(words: Any, enter: Enter) -> None:
    parser = words.add_parser(
        "pki", help="make a small CA, and certificates for machines and clients"
    )
    verbs = parser.add_subparsers(metavar="init|issue", required=True)
    init = verbs.add_parser("init", help="make a CA; refuses to replace one")
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
            help=f"how long it is valid; default {days}",
        )
        verb.add_argument(
            "--folder",
            type=Path,
            metavar="DIR",
            help="where the files are; default: pki of the world folder",
        )
        verb.add_argument(
            "--home", type=Path, metavar="DIR", help="world folder; default $SEEMACHINE_HOME"
        )
        verb.set_defaults(run=enter("pki", name))
    for verb in (machine, client):
        verb.add_argument(
            "--renew", action="store_true", help="replace the certificate and key that are there"
        )


def _add_backup(words: Any, enter: Enter) -> None:
    backup = words.add_parser(
        "backup",
        help=(
            "public data and ledgers in one file, and on demand cards; no seeds but those of such"
            " cards"
        ),
    )
    backup.add_argument(
        "file", type=Path, metavar="FILE", help="tar file to make; it must not be there yet"
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
    restore = words.add_parser(
        "restore", help="bring a backup back; no leaf that was used comes back with it"
    )
    restore.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a backup, or a folder of cards/outgoing that an interrupted one left",
    )
    restore.add_argument(
        "--witness", help="witness of the machines, as for serve; default what fleet.toml says"
    )
    restore.add_argument(
        "--after-loss",
        action="store_true",
        help=(
            "bring back cards though this is not the world folder that made the backup: it is lost"
        ),
    )
    for name, word in (("backup", backup), ("restore", restore)):
        word.add_argument("--json", action="store_true", help="print one JSON document")
        word.add_argument(
            "--home", type=Path, metavar="DIR", help="world folder; default $SEEMACHINE_HOME"
        )
        word.set_defaults(run=enter("backup", name))
