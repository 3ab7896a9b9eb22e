"""`seemachine pki ...`: files in, files out, and what to do with them."""

import argparse
import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from seemachine.printing import say
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.errors import reason
from seemachine.wire.certificates import MAX_CLIENT_NAME, is_name
from seemachine.world import CA_FILE, CLIENT_PREFIX

if TYPE_CHECKING:
    from seemachine.pki.authority import Issued

CA_KEY_FILE = "ca.key"
# A file name and a common name at once.
CLIENT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}", re.ASCII)


class PkiRefused(Exception):
    """It can't be done. The text says what to do."""


class PkiMisused(PkiRefused):
    """It can't be done whatever there is: wrong usage."""


def run(verb: str, options: argparse.Namespace) -> int:
    """Run one verb. Returns the exit code."""
    folder = (options.folder or options.world.pki).absolute()
    try:
        VERBS[verb](folder, options)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "cryptography":
            raise
        return _complain(
            "the package cryptography is missing; install it, in the source folder, with: pip"
            " install '.[pki]'"
        )
    except (PkiRefused, ValueError, OSError) as error:
        return _complain(reason(error), 2 if isinstance(error, PkiMisused) else 1)
    return 0


def _init(folder: Path, options: argparse.Namespace) -> None:
    from seemachine.pki.authority import Validity, make_ca

    for name in (CA_FILE, CA_KEY_FILE):
        if (folder / name).exists():
            raise PkiRefused(
                f"{folder / name} is there already; a new CA would make every certificate of the"
                " old one worthless"
            )
    if not is_name(options.name):
        what = (
            f"it takes 1 to {MAX_CLIENT_NAME} characters that can be printed, among them a letter"
            " or digit"
        )
        raise PkiMisused(f"{options.name!r} is no name for a CA; {what}")
    with _misused():
        made = make_ca(options.name, Validity.days(options.days))
    _write(folder, "ca", made)
    say(
        f"Keep {folder / CA_KEY_FILE} to yourself: whoever has it makes machines and clients."
        f" Machines and clients need {CA_FILE} only."
    )


def _machine(folder: Path, options: argparse.Namespace) -> None:
    from seemachine.pki.authority import Validity, host_name, issue_machine

    with _misused():
        for host in options.host:
            host_name(host)
    _free(folder, options.esn, options)
    _write(
        folder,
        options.esn,
        issue_machine(_ca(folder), options.esn, options.host, Validity.days(options.days)),
    )
    say(
        "In fleet.toml:",
        ('[tls] pki = "auto"' if folder == options.world.pki else f'[tls] pki = "{folder}"'),
    )
    say(
        f"On another host: copy these two and {CA_FILE} there; give them to seemachine serve as"
        " --tls-cert, --tls-key and --tls-ca."
    )


def _client(folder: Path, options: argparse.Namespace) -> None:
    from seemachine.pki.authority import Validity, issue_client

    if CLIENT_NAME.fullmatch(options.name) is None:
        raise PkiMisused(
            f"{options.name!r} is no client name; it takes 1 to 64 letters, digits and . _ @ -"
        )
    name = CLIENT_PREFIX + options.name
    _free(folder, name, options)
    _write(
        folder,
        name,
        issue_client(_ca(folder), options.name, options.role, Validity.days(options.days)),
    )
    say(
        f"Copy these two and {CA_FILE} into one folder of the client, and set SEEMACHINE_TLS_CERT"
        f" there to the path of {name}.crt."
    )
    if folder == options.world.pki and len(list(folder.glob(f"{CLIENT_PREFIX}*.crt"))) > 1:
        say(
            "There are several now, so clients of this world choose none by themselves: export"
            f" SEEMACHINE_TLS_CERT={folder / name}.crt"
        )


VERBS: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "init": _init,
    "machine": _machine,
    "client": _client,
}


def _ca(folder: Path) -> "Issued":
    from seemachine.pki.authority import load_ca

    try:
        certificate, key = (folder / CA_FILE).read_bytes(), (folder / CA_KEY_FILE).read_bytes()
    except FileNotFoundError as error:
        raise PkiRefused(
            f"there is no {error.filename}; make a CA with: seemachine pki init"
        ) from None
    try:
        return load_ca(certificate, key)
    except (ValueError, TypeError) as error:
        raise PkiRefused(f"{folder / CA_FILE} and {CA_KEY_FILE} can't be used: {error}") from None


@contextlib.contextmanager
def _misused() -> Iterator[None]:
    """A name that can't be in a certificate."""
    try:
        yield
    except ValueError as error:
        raise PkiMisused(str(error)) from None


def _free(folder: Path, name: str, options: argparse.Namespace) -> None:
    for path in (folder / f"{name}.crt", folder / f"{name}.key"):
        if path.exists() and not options.renew:
            raise PkiRefused(f"{path} is there already; replace it with --renew")


def _write(folder: Path, name: str, issued: "Issued") -> None:
    private_folder(folder)
    for path, data in (
        (folder / f"{name}.key", issued.key_pem),
        (folder / f"{name}.crt", issued.certificate_pem),
    ):
        replace_file(path, data)
        say(path)
    say(f"valid until {issued.certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")


def _complain(reason: object, code: int = 1) -> int:
    say(f"seemachine pki: {reason}", file=sys.stderr)
    return code
