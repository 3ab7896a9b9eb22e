"""`seemachine pki ...`: files in, files out, and what to do with them."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from seemachine.cli.answer import Answer, Misused, Refused, misused
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.wire.certificates import MAX_CLIENT_NAME, is_name
from seemachine.world import CA_FILE, CLIENT_PREFIX

if TYPE_CHECKING:
    from seemachine.pki.authority import Issued

CA_KEY_FILE = "ca.key"
# A file name and a common name at once.
CLIENT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}", re.ASCII)


def run(verb: str, options: argparse.Namespace) -> int:
    """Run one verb. Returns the exit code."""
    folder = (options.folder or options.world.pki).absolute()
    try:
        VERBS[verb](folder, options)
    except ValueError as error:
        raise Refused(str(error)) from None
    return 0


def _init(folder: Path, options: argparse.Namespace) -> None:
    from seemachine.pki.authority import Validity, make_ca

    for name in (CA_FILE, CA_KEY_FILE):
        if (folder / name).exists():
            raise Refused(
                f"{folder / name} is there already; a new CA would make every certificate of the"
                " old one worthless"
            )
    if not is_name(options.name):
        what = (
            f"it takes 1 to {MAX_CLIENT_NAME} characters that can be printed, among them a letter"
            " or digit"
        )
        raise Misused(f"{options.name!r} is not a name for a CA; {what}")
    with misused(ValueError):
        made = make_ca(options.name, Validity.days(options.days))
    _write(folder, "ca", made, options.answer)
    options.answer.say(
        f"Keep {folder / CA_KEY_FILE} to yourself: whoever has it makes machines and clients."
        f" Machines and clients need {CA_FILE} only."
    )


def _machine(folder: Path, options: argparse.Namespace) -> None:
    from seemachine.pki.authority import Validity, host_name, issue_machine

    with misused(ValueError):
        for host in options.host:
            host_name(host)
    _free(folder, options.esn, options)
    _write(
        folder,
        options.esn,
        issue_machine(_ca(folder), options.esn, options.host, Validity.days(options.days)),
        options.answer,
    )
    options.answer.say(
        "In fleet.toml:",
        ('[tls] pki = "auto"' if folder == options.world.pki else f'[tls] pki = "{folder}"'),
    )
    options.answer.say(
        f"On another host: copy these two and {CA_FILE} there; give them to seemachine serve as"
        " --tls-cert, --tls-key and --tls-ca."
    )


def _client(folder: Path, options: argparse.Namespace) -> None:
    from seemachine.pki.authority import Validity, issue_client

    if CLIENT_NAME.fullmatch(options.name) is None:
        raise Misused(
            f"{options.name!r} is not a client name; it takes 1 to 64 letters, digits and . _ @ -"
        )
    name = CLIENT_PREFIX + options.name
    _free(folder, name, options)
    _write(
        folder,
        name,
        issue_client(_ca(folder), options.name, options.role, Validity.days(options.days)),
        options.answer,
    )
    options.answer.say(
        f"Copy these two and {CA_FILE} into one folder of the client, and set SEEMACHINE_TLS_CERT"
        f" there to the path of {name}.crt."
    )
    if folder == options.world.pki and len(list(folder.glob(f"{CLIENT_PREFIX}*.crt"))) > 1:
        options.answer.remark(
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
        raise Refused(
            f"there is no {error.filename}; make a CA with: seemachine pki init"
        ) from None
    try:
        return load_ca(certificate, key)
    except (ValueError, TypeError) as error:
        raise Refused(f"{folder / CA_FILE} and {CA_KEY_FILE} can't be used: {error}") from None


def _free(folder: Path, name: str, options: argparse.Namespace) -> None:
    for path in (folder / f"{name}.crt", folder / f"{name}.key"):
        if path.exists() and not options.renew:
            raise Refused(f"{path} is there already; replace it with --renew")


def _write(folder: Path, name: str, issued: "Issued", answer: Answer) -> None:
    private_folder(folder)
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    for path, data in ((key, issued.key_pem), (certificate, issued.certificate_pem)):
        replace_file(path, data)
        answer.say(path)
    until = issued.certificate.not_valid_after_utc
    answer.give(key=str(key), certificate=str(certificate), ca=str(folder / CA_FILE))
    answer.give(valid_until=until.isoformat(timespec="seconds"))
    answer.say(f"valid until {until:%Y-%m-%d %H:%M} UTC")
