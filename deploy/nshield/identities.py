"""Who may bring code into a 5c: the developer's key and certificate, and csadmin's way to the HSM
(guide 2.5.2.3 steps 2 to 13).
"""

import datetime as dt
import shutil
from pathlib import Path

from nshield import certificate
from nshield.settings import ESN
from nshield.site import Site
from nshield.step import Place, Step, call

CSADMIN_LIST = "csadmin list"
CLIENT = r"(ecdsa-sha2-nistp256\s+\S+)"
# In the guide's print the key has a line of its own.
SERVER = rf"^\s*({ESN}\s+\S+\s+\d+\s+\S+\s+\S+)"


def steps(site: Site) -> list[Step]:
    """All, in the guide's order."""
    return [_developer_key(site), _developer_certificate(site), _enrolled(site), _registered(site)]


def certificate_path(site: Site) -> Path:
    """Where the developer certificate is, or is waited for."""
    return (
        Path(site.settings.devcert)
        if site.settings.devcert
        else site.work / f"{site.settings.devkey}.pem"
    )


def _csr(site: Site) -> Path:
    return site.work / f"{site.settings.devkey}.csr"


def _developer_key(site: Site) -> Step:
    settings = site.settings
    key, csr = site.key_path("simple", settings.devkey), _csr(site)
    of_others = key.exists() and site.journal.get("", "csr_begun") != settings.devkey
    return Step(
        f"the developer key {settings.devkey} and its CSR",
        "2.5.2.3 step 2",
        lambda: key.exists() and (csr.exists() or certificate_path(site).exists()),
        (
            f"there is a key {key}, and its CSR or certificate is not in this work folder: put it"
            " there, or choose another name with --devkey"
            if of_others
            else f"present a card of {settings.cardset} in module {site.number}"
        ),
        (
            call(
                *("csadmin", "ids", "create", "--keyname", settings.devkey, "-m", site.number),
                *("--x509cname", Place("cname"), "--x509org", Place("org")),
                reads_cards=True,
            ),
        ),
        begun=lambda: _set_aside(site, key),
        ended=lambda: site.journal.note("", csr_begun=None),
    )


def _set_aside(site: Site, key: Path) -> None:
    """A key that was interrupted before its CSR was written is good for nothing: no tool makes a
    CSR of it later.
    """
    if (
        key.exists()
        and site.journal.get("", "csr_begun") == site.settings.devkey
        and not _csr(site).exists()
    ):
        aside = site.work / f"{key.name}.interrupted"
        shutil.move(key, aside)
        print(
            "  a developer key without a CSR was left by an interrupted run; it is set aside as"
            f" {aside}"
        )
    # A key that is there when a run begins is not the run's, whatever becomes of the call.
    site.journal.note("", csr_begun=None if key.exists() else site.settings.devkey)


def _developer_certificate(site: Site) -> Step:
    path = certificate_path(site)

    def valid() -> bool:
        found = _read(path)
        return found is not None and found.begins <= dt.datetime.now(dt.UTC) < found.ends

    return Step(
        "a valid developer certificate",
        "2.5.2.3 steps 3, 4",
        valid,
        _what_of(path)
        or f"send {_csr(site)} to Entrust Support, and save the certificate that they send"
        f" as {path}",
        waits=True,
    )


def _read(path: Path) -> certificate.Certificate | None:
    try:
        return certificate.read(path)
    except (OSError, certificate.NotACertificate):
        return None


def _what_of(path: Path) -> str:
    """What is wrong with a certificate that is there."""
    if not path.exists():
        return ""
    try:
        found = certificate.read(path)
    except certificate.NotACertificate as error:
        return f"{error}; save what Entrust Support sent as it is"
    if found.begins > dt.datetime.now(dt.UTC):
        return (
            f"{path} is valid from {found.begins} on: wait until then, or look at this host's clock"
        )
    again = (
        "have Entrust Support issue another for the same CSR, and save it there. What runs goes on;"
        " it can't be started again before"
    )
    return f"{path} is valid from {found.begins} to {found.ends}; {again}"


def _enrolled(site: Site) -> Step:
    return Step(
        "csadmin reaches the HSM's launcher",
        "2.5.2.3 steps 5 to 10",
        site.enrolled,
        "give the HSM's IPv4 address with --address. Look at: csadmin list",
        (
            call("hsmadmin", "cs5", "clientinfo", keep=("client", CLIENT)),
            call("appliance-cli", "-m", site.number, "cs5", "setclientinfo", Place("client")),
            call("appliance-cli", "-m", site.number, "cs5", "ports", "enable", Place("address")),
            call(
                "appliance-cli", "-m", site.number, "cs5", "getserverinfo", keep=("server", SERVER)
            ),
            call("hsmadmin", "cs5", "enroll", Place("server")),
        ),
        looks=(CSADMIN_LIST,),
    )


def _registered(site: Site) -> Step:
    path = certificate_path(site)

    def trusted() -> bool:
        found = _read(path)
        return found is not None and str(found.serial) in site.certificates()

    return Step(
        "the HSM trusts the developer certificate",
        "2.5.2.3 steps 12, 13",
        trusted,
        f"the certificate must be issued by Entrust for this CSR, and valid: {path}. Look at:"
        " csadmin ids list --json",
        (call("csadmin", "ids", "--esn", Place("esn"), "add", site.here(path)),),
        looks=("csadmin ids list --json",),
    )
