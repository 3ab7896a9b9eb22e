"""TLS on the client's side: which certificate, whether a machine is the one that is meant, and what
to do when it fails.

`ssl` is imported when the first machine that needs it is connected to. Files are taken in this
order:

1. the `tls` argument of open_fleet,
2. SEEMACHINE_TLS_CERT, with SEEMACHINE_TLS_KEY and SEEMACHINE_TLS_CA; unset, these two are beside
   it: the same name with .key, and ca.crt,
3. the only client-*.crt of the world's pki folder, for machines whose published object or fleet
   file asks for TLS.

With 1 or 2 every machine is spoken to over TLS: nobody who names a certificate wants to be talked
out of it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeclient.effects import Address
from seemachine.frozen import frozen
from seemachine.wire import certificates
from seemachine.wire.status import Status, StatusError
from seemachine.world import CA_FILE, CLIENT_PREFIX

if TYPE_CHECKING:
    import ssl

CERTIFICATE_VARIABLE = "SEEMACHINE_TLS_CERT"
KEY_VARIABLE = "SEEMACHINE_TLS_KEY"
CA_VARIABLE = "SEEMACHINE_TLS_CA"
CONNECT = "dispatch_socket_connect"
# A machine that listens on all addresses is reached through this host's own.
ANY = {"": "localhost", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104

# What OpenSSL reports, and what a person can do about it. The first that is contained counts;
# {certificate} and {ca} are our files.
ADVICE = {
    "UNEXPECTED_EOF": "it hung up; its log may say why",
    "WRONG_VERSION_NUMBER": (
        "it does not speak TLS; unset SEEMACHINE_TLS_CERT, or start the machine with --tls-cert"
    ),
    "RECORD_LAYER_FAILURE": (
        "it does not speak TLS; unset SEEMACHINE_TLS_CERT, or start the machine with --tls-cert"
    ),
    "PROTOCOL_VERSION": "it does not speak TLS 1.3; update it",
    "UNSUPPORTED_PROTOCOL": "it does not speak TLS 1.3; update it",
    "ALERT_CERTIFICATE_EXPIRED": (
        "it says that {certificate} has expired; issue it again with: seemachine pki issue client"
        " --renew"
    ),
    "ALERT_UNKNOWN_CA": (
        "it does not know the CA of {certificate}; use a certificate from the machine's own CA"
    ),
    "ALERT_CERTIFICATE_REQUIRED": (
        "it wants a client certificate; name one with SEEMACHINE_TLS_CERT"
    ),
    "ALERT_BAD_CERTIFICATE": (
        "it refuses {certificate}, perhaps because it is not valid yet; look at its dates, and at"
        " the machine's clock"
    ),
    "ALERT_UNSUPPORTED_CERTIFICATE": (
        "it refuses {certificate}, which is not a client's; issue one with: seemachine pki issue"
        " client"
    ),
    "ALERT": "it refuses the connection ({reason}); the machine's log says why",
}
# The same for what is wrong with the machine's certificate.
ADVICE_MACHINE = {
    "expired": (
        "issue it again on the machine's side with: seemachine pki issue machine --renew, and"
        " restart the machine"
    ),
    "not yet valid": "look at its dates, and at this host's clock",
    "issuer": "it is not from the CA in {ca}; name the machine's CA with SEEMACHINE_TLS_CA",
    "self-signed": "it is not from the CA in {ca}; name the machine's CA with SEEMACHINE_TLS_CA",
    "signature failure": (
        "it is not from the CA in {ca}; name the machine's CA with SEEMACHINE_TLS_CA"
    ),
    "mismatch": "issue it again with this name: seemachine pki issue machine --renew --host",
    "purpose": "it is not a machine's certificate; issue one with: seemachine pki issue machine",
}


@frozen
class Tls:
    """PEM files: this client's certificate (with its chain) and key, and the CA whose machines it
    trusts.
    """

    certificate: Path
    key: Path
    ca: Path


class Credentials:
    """What one fleet identifies itself with; files are read when a machine first needs them."""

    def __init__(self, given: Tls | None, pki: Path) -> None:
        """`given` are the files to take, if any; `pki` is the folder of those of the world."""
        self._chosen = given
        self._pki = pki
        self._context: ssl.SSLContext | None = None
        self._files: Tls | None = None

    def context(self, address: Address) -> "ssl.SSLContext | None":
        """What to connect to a machine with; None: without TLS. Raises StatusError."""
        if self._chosen is None and not address.tls:
            return None
        if address.socket:
            raise _failed(
                address,
                f"a Unix socket takes no TLS; unset {CERTIFICATE_VARIABLE}, or name the port",
            )
        if self._context is None:
            self._files = self._chosen or _from_folder(address, self._pki)
            self._context = _context(address, self._files)
        return self._context

    def failure(self, address: Address, error: BaseException | None) -> StatusError | None:
        """What to say of an error of ssl; None for any other error."""
        reason: str = getattr(error, "reason", None) or ""
        if self._files is None or not reason or not hasattr(error, "library"):
            return None
        names = {
            "certificate": str(self._files.certificate),
            "ca": str(self._files.ca),
            "reason": reason.lower().replace("_", " "),
        }
        verdict: str | None = getattr(error, "verify_message", None)
        if verdict is not None:
            advice = next(
                (advice for part, advice in ADVICE_MACHINE.items() if part in verdict),
                "look at it with openssl x509 -text",
            )
            return _failed(
                address,
                f"the machine's certificate: {verdict.rstrip('.')}; {advice.format(**names)}",
            )
        advice = next(
            (advice for part, advice in ADVICE.items() if part in reason),
            "TLS failed ({reason}); the machine's log may say why",
        )
        return _failed(address, advice.format(**names))


# No files, and no folder that has some.
NONE = Credentials(None, Path())


def host_name(address: Address) -> str:
    """The name or address that the machine's certificate must have."""
    return ANY.get(address.host, address.host)


def check_esn(address: Address, certificate: Mapping[str, Any] | None, esn: str) -> None:
    """Whether a verified certificate is for this machine, whatever its host is called.

    Raises StatusError; an empty `esn` is anybody's.
    """
    found = certificates.esns(certificate or {})
    if esn and esn not in found:
        whose = f"for {', '.join(found)}" if found else "for no ESN"
        advice = f"issue one with: seemachine pki issue machine {esn}"
        raise _failed(address, f"the machine's certificate is {whose}, not for {esn}; {advice}")


def from_environment(environ: Mapping[str, str]) -> Tls | None:
    """The files that an environment names, if it names any.

    Raises StatusError (InvalidParameter) for a key or a CA without a certificate.
    """
    named = {
        name: environ.get(name, "") for name in (CERTIFICATE_VARIABLE, KEY_VARIABLE, CA_VARIABLE)
    }
    certificate, key, ca = named.values()
    if not certificate:
        alone = next((name for name, value in named.items() if value), None)
        if alone is not None:
            raise StatusError(
                Status.InvalidParameter,
                f"{alone} is set, and {CERTIFICATE_VARIABLE} is not; set it, too",
                CONNECT,
            )
        return None
    path = Path(certificate)
    return Tls(
        path,
        Path(key) if key else path.with_suffix(".key"),
        Path(ca) if ca else path.with_name(CA_FILE),
    )


def _from_folder(address: Address, folder: Path) -> Tls:
    found = sorted(folder.glob(f"{CLIENT_PREFIX}*.crt"))
    if len(found) != 1:
        how = f"{folder} has several" if found else "make one with seemachine pki issue client"
        raise _failed(
            address,
            f"it takes TLS only, with a client certificate; {how}: name one with"
            f" {CERTIFICATE_VARIABLE}",
        )
    return Tls(found[0], found[0].with_suffix(".key"), folder / CA_FILE)


def _context(address: Address, files: Tls) -> "ssl.SSLContext":
    import ssl

    # Checks the chain, the dates, the purpose and the host's name; whose machine it is, `check_esn`
    # does.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    for path in (files.certificate, files.key, files.ca):
        try:
            path.read_bytes()
        except OSError as error:
            raise _failed(
                address, f"TLS needs {path}: {error.strerror}; see docs/how-to/tls.md"
            ) from None
    try:
        # A password would be asked for at the terminal.
        context.load_cert_chain(files.certificate, files.key, password="")
    except ssl.SSLError:
        what = f"{files.certificate} and {files.key} are not a certificate and its key"
        raise _failed(address, f"{what}; they must be in PEM form, without a password") from None
    try:
        context.load_verify_locations(files.ca)
    except ssl.SSLError:
        raise _failed(
            address,
            f"{files.ca} holds no CA certificate in PEM form; name the machine's CA with"
            f" {CA_VARIABLE}",
        ) from None
    return context


def _failed(address: Address, what: str) -> StatusError:
    return StatusError(Status.OSErrorErrno, f"connecting to {address.place}: {what}", CONNECT)
