"""The nShield 5c: a CodeSafe 5 container (guide 2.5.2, and 2.9.2 with a retargeted key)."""

import datetime as dt
import shutil
from pathlib import Path

from nshield import certificate, common
from nshield.site import UUID, Site
from nshield.step import Act, Step, call

UNSIGNED, SIGNED = "pqsdk.cs5", "pqsdk-signed.cs5"
ENTRY = "usr/bin/entrypoint"
DELEGATION = "etc/userdata.codesafe"


def steps(site: Site) -> list[Step]:
    """All, in the guide's order."""
    program = () if site.settings.rootdir else (f"pqsdk-{site.settings.version}.bin",)
    return [
        *common.before(site),
        common.licence(site),
        common.release(site, *program, "userdatatool.py", "bootstrap.py"),
        _developer_key(site),
        _developer_certificate(site),
        _enrolled(site),
        _registered(site),
        *_shared_key(site),
        *common.signing_key(site),
        *_same_key(site),
        common.delegation(site),
        _tree(site),
        _generated(site),
        _signed(site),
        _nothing_else(site),
        _loaded(site),
        _started(site),
        _published(site),
        common.visible(site),
    ]


# ---- identities (steps 2 to 13) -------------------------------------------------------------------------------------------------


def certificate_path(site: Site) -> Path:
    """Where the developer certificate is, or is waited for."""
    return Path(site.settings.devcert) if site.settings.devcert else site.work / f"{site.settings.devkey}.pem"


def _developer_key(site: Site) -> Step:
    settings = site.settings
    key, csr = site.key_path("simple", settings.devkey), site.work / f"{settings.devkey}.csr"

    def set_aside() -> None:
        """A key that was interrupted before its CSR was written is good for nothing: no tool makes a CSR of it later."""
        if key.exists() and not csr.exists() and site.journal.get("", "csr begun") == settings.devkey:
            aside = site.work / f"{key.name}.interrupted"
            shutil.move(key, aside)
            print(f"  a developer key without a CSR was left by an interrupted run; it is set aside as {aside}")
        site.journal.note("", **{"csr begun": settings.devkey})

    return Step(
        f"the developer key {settings.devkey} and its CSR",
        "2.5.2.3 step 2",
        lambda: key.exists() and (csr.exists() or certificate_path(site).exists()),
        f"present a card of {settings.cardset} in module {site.number}, and give --cname and --org. If there is a key {key} of which this "
        "work folder has neither CSR nor certificate, put one of them there, or choose another name with --devkey",
        (
            call(
                *("csadmin", "ids", "create", "--keyname", settings.devkey, "-m", site.number),
                *("--x509cname", "{cname}", "--x509org", "{org}"),
                reads_cards=True,
            ),
        ),
        begun=set_aside,
        ended=lambda: site.journal.note("", **{"csr begun": None}),
    )


def _developer_certificate(site: Site) -> Step:
    path, csr = certificate_path(site), site.work / f"{site.settings.devkey}.csr"

    def valid() -> bool:
        found = _read(path)
        return found is not None and found.begins <= dt.datetime.now(dt.UTC) < found.ends

    return Step(
        "a valid developer certificate",
        "2.5.2.3 steps 3, 4",
        valid,
        _what_of(path) or f"send {csr} to Entrust Support, and save the certificate that they send as {path}",
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
    again = "have Entrust Support issue another for the same CSR, and save it there. What runs goes on; it can't be started again before"
    return f"{path} is valid from {found.begins} to {found.ends}; {again}"


def _enrolled(site: Site) -> Step:
    return Step(
        "csadmin reaches the HSM's launcher",
        "2.5.2.3 steps 5 to 10",
        site.enrolled,
        "give the HSM's IPv4 address with --address. Look at: csadmin list",
        (
            call("hsmadmin", "cs5", "clientinfo", keep=("client", r"(ecdsa-sha2-nistp256\s+\S+)")),
            call("appliance-cli", "-m", site.number, "cs5", "setclientinfo", "{client}"),
            call("appliance-cli", "-m", site.number, "cs5", "ports", "enable", "{address}"),
            call("appliance-cli", "-m", site.number, "cs5", "getserverinfo", keep=("server", r"^\s*(([0-9A-F]{4}-){2}[0-9A-F]{4} .*\S)")),
            call("hsmadmin", "cs5", "enroll", "{server}"),
        ),
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
        f"the certificate must be issued by Entrust for this CSR, and valid: {path}. Look at: csadmin ids list --json",
        (call("csadmin", "ids", "--esn", "{esn}", "add", site.here(path)),),
    )


# ---- the key that the XC has (guide 2.9.2) --------------------------------------------------------------------------------------


def _shared_key(site: Site) -> list[Step]:
    source = site.settings.retarget
    advice = "set up the XC first, with nshieldxc; its signing key is what both must have (guide 2.9.2 step 1)"
    return [Step(f"the seeinteg key {source} of the XC", "2.9.2", site.key_path("seeinteg", source).exists, advice)] if source else []


def _same_key(site: Site) -> list[Step]:
    source, signer = site.settings.retarget, site.settings.signer
    if not source:
        return []
    path = site.key_path("simple", signer)
    advice = (
        f"{path} was generated, not retargeted: LMS keys could not be shared. Uninstall what it signed, move the file away "
        "or choose another name with --signer, and run this again (guide 2.9.2 step 2)"
    )
    same = lambda: site.key_hash("simple", signer) == site.key_hash("seeinteg", source)  # noqa: E731
    return [Step("the signing key is the one of the XC", "2.9.2 step 2", same, advice)]


# ---- the image (steps 16 to 18) -------------------------------------------------------------------------------------------------


def _tree(site: Site) -> Step:
    root, userdata = site.work / "container", site.work / common.USERDATA
    given = Path(site.settings.rootdir) if site.settings.rootdir else None
    program = given or site.release / f"pqsdk-{site.settings.version}.bin"

    def wanted() -> str:
        return common.state_of(program, userdata)

    def lay_out() -> None:
        shutil.rmtree(root, ignore_errors=True)
        if given:
            shutil.copytree(given, root, symlinks=True)
        for source, name in ((None if given else program, ENTRY), (userdata, DELEGATION)):
            if source:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, root / name)

    copied = f"cp -a {given} container" if given else f"mkdir -p container/usr/bin container/etc; cp {site.here(program)} container/{ENTRY}"
    return Step(
        "the container's root tree",
        "2.5.2.3 step 16",
        lambda: bool(wanted()) and site.journal.get("", "tree") == [wanted(), common.state_of(root)],
        f"there must be {program} and {userdata}, and room in {site.work}",
        (Act(f"rm -rf container; {copied}; cp {common.USERDATA} container/{DELEGATION}", lay_out),),
        ended=lambda: site.journal.note("", tree=[wanted(), common.state_of(root)]),
    )


def _generated(site: Site) -> Step:
    settings, output = site.settings, site.work / UNSIGNED
    network = Path(settings.network_conf or site.release / "network.json")
    packages = Path(settings.packages_conf or site.release / "packages.json")

    def inputs() -> str:
        return f"{settings.version} {common.state_of(site.work / 'container', network, packages)}"

    return Step(
        "the unsigned image",
        "2.5.2.3 step 17",
        lambda: site.journal.made(output, inputs()),
        "CodeSafe 5 must be installed (guide 2.5.2.1); network.json and packages.json come with the release",
        (
            call(
                *("csadmin", "image", "generate", "--package-name", f"pqcop-{settings.version}", "--version-str", settings.version),
                *(
                    "--entry-point",
                    f"/{ENTRY}",
                    "--network-conf",
                    site.here(network),
                    "--packages-conf",
                    site.here(packages),
                    "--rootdir",
                    "container",
                    UNSIGNED,
                ),
            ),
        ),
        ended=lambda: site.journal.note_made(output, inputs()),
    )


def _signed(site: Site) -> Step:
    settings, output = site.settings, site.work / SIGNED

    def inputs() -> str:
        # Not the developer certificate: another one for the same key needs no other image.
        return f"{common.state_of(site.work / UNSIGNED)} {settings.devkey} {site.key_hash('simple', settings.signer)}"

    return Step(
        "the signed image",
        "2.5.2.3 step 18",
        lambda: site.journal.made(output, inputs()),
        f"present a card of {settings.cardset}; it is read twice, for the developer key and for the signing key",
        (
            call(
                *("csadmin", "image", "sign", "--devkeyname", settings.devkey, "--devcert", site.here(certificate_path(site))),
                *("--askeyname", settings.signer, "--out", SIGNED, UNSIGNED),
                reads_cards=True,
            ),
        ),
        ended=lambda: site.journal.note_made(output, inputs()),
    )


# ---- the SEE machine (steps 19 to 21) -------------------------------------------------------------------------------------------


def _nothing_else(site: Site) -> Step:
    def alone() -> bool:
        others = set(site.installed()) - {site.uuid()}
        current = site.settings.uuid or site.noted("image") in ("", common.state_of(site.work / SIGNED))
        return not others and (not site.uuid() or bool(current))

    return Step(
        "no other SEE machine is installed",
        "2.8.1",
        alone,
        "uninstall it first, with --uninstall; one that this work folder does not know needs --uuid. Look at: csadmin list. Uninstalling "
        "keeps keys and NVRAM. To take over a SEE machine that is this image, give its --uuid",
    )


def _loaded(site: Site) -> Step:
    def begun() -> None:
        site.journal.note(site.esn, **{"load begun": sorted(site.installed())})

    def ended() -> None:
        found = site.answers.get("uuid", "")
        site.journal.note(site.esn, uuid=found, image=common.state_of(site.work / SIGNED), **{"load begun": None})

    return Step(
        "the image is loaded",
        "2.5.2.3 step 19",
        lambda: bool(site.uuid()),
        "the HSM takes an image that is signed by a developer whom it trusts and by a key on nistp521 (guide 2.5.2.3 steps 12, 14)",
        (call("csadmin", "load", "--esn", "{esn}", SIGNED, keep=("uuid", f"UUID: ({UUID})")),),
        begun=begun,
        ended=ended,
    )


def _started(site: Site) -> Step:
    return Step(
        "the container is started",
        "2.5.2.3 step 20",
        lambda: site.started(site.uuid()),
        "a start needs the licence, operational mode and a developer certificate that has not expired. Look at: csadmin list",
        (call("csadmin", "start", "--esn", "{esn}", "--uuid", "{uuid}"),),
    )


def _published(site: Site) -> Step:
    return Step(
        "it is published",
        "2.5.2.3 step 21",
        site.seen,
        "the SEE machine must be started; a published object that leads nowhere is replaced by this step",
        (call(*site.script("bootstrap.py"), "-m", site.number, "--uuid", "{uuid}", "--cs5file", SIGNED),),
        begun=lambda: site.journal.note(site.esn, published=True, **{"no object": None}),
    )
