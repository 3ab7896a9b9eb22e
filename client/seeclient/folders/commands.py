"""`pipsqueak alias=... msgdir=... sigdir=...`, which the guide does not have."""

from collections.abc import Sequence
from pathlib import Path

from seeclient.algorithms import registry
from seeclient.arguments import Arguments
from seeclient.blocking import Fleet
from seeclient.folders.asking import sign_asking
from seeclient.folders.checks import before_leaves
from seeclient.folders.names import WHERE
from seeclient.folders.places import Places
from seeclient.folders.signing import FolderSigning
from seeclient.folders.telling import SUMMARY, Told
from seeclient.keyfile import KeyFile
from seeclient.output import Output
from seeclient.signing_commands import COMPAT_VARIABLE, VENDOR, options_of
from seeclient.wanted import Wanted, Watch
from seemachine.frozen import replace
from seemachine.wire.status import Status, StatusError


def sign_folder(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    """Sign each file of a folder. Returns the exit code."""
    told = Told(output)
    try:
        key = fleet.roster.load(arguments.texts["alias"])
        signing = _signing(fleet, key, arguments, told)
        output.key(key)
        output.folder(key, arguments.texts["msgdir"], arguments.texts["sigdir"], len(signing.names))
        told.begin(signing)
        signing.run()
    except StatusError as error:
        output.refused(error, SUMMARY)
        return 1
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(told.so_far())
        raise
    except OSError:
        output.outcome = told.so_far()
        raise
    output.outcome = told.so_far()
    return told.end(key, document=arguments.json)


def _signing(fleet: Fleet, key: KeyFile, arguments: Arguments, told: Told) -> FolderSigning:
    """Raises StatusError where there is nothing to sign."""
    options = options_of(arguments)
    # Before there is a folder.
    registry.of(key).check_options(options)
    if arguments.quirks and key.name and options.acknowledge is None:
        # 1.4.1 knows no thresholds: nobody is asked, which the ledger keeps.
        options = replace(options, acknowledge=f"{COMPAT_VARIABLE}={VENDOR}")

    def sign(wanted: Sequence[Wanted], watch: Watch) -> None:
        sign_asking(fleet, key, wanted, options, watch)

    messages = Path(arguments.texts["msgdir"])
    places = Places(messages, Path(arguments.texts["sigdir"]))
    partial = arguments.texts.get("partial") == "yes"
    acknowledged = options.acknowledge is not None
    checks = before_leaves(fleet, key, places, partial=partial, acknowledged=acknowledged)
    signing = FolderSigning(key, places, options.context, sign, told.take, checks)
    if not signing.names and not signing.unreadable:
        detail = f"{messages} has no files; no signature was made"
        raise StatusError(Status.InvalidParameter, detail, WHERE)
    return signing
