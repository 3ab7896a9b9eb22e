"""Steps that both HSMs share: what must be there before (guide 2.1 to 2.5), the signing key, its NVRAM delegation, the last look."""

import shutil
import zipfile
from pathlib import Path

from nshield import journal
from nshield.settings import MODELS
from nshield.site import Site
from nshield.step import Act, Call, Step, call

LICENCES = {
    "5c": ("SEE Activation, CodeSafe 5", "SEE Activation (CodeSafe 5)"),
    "xc": ("SEE Activation (EU+10)",),
}
# The signing key's application: 2.5.1 step 3, 2.5.2.3 step 14.
APPLICATION = {"5c": "simple", "xc": "seeinteg"}
CURVE = "nistp521"
USERDATA = "userdata.raw"
NEEDED = {
    "5c": ("csadmin", "hsmadmin", "appliance-cli"),
    "xc": ("tct2", "loadsee-setup", "hsc_loadseemachine"),
}
ALWAYS = ("generatekey", "enquiry", "nfkminfo", "fet", "nopclearfail")


def before(site: Site) -> list[Step]:
    """What must be so before anything is done."""
    settings = site.settings
    tools = (*ALWAYS, *NEEDED[settings.model])
    wanted = f"an {MODELS[settings.model]}" + (f" {settings.esn}" if settings.esn else "")
    other = {"5c": "nshieldxc", "xc": "nshield5c"}[settings.model]
    return [
        Step(
            "the Security World tools are in PATH",
            "2.3",
            lambda: all(shutil.which(tool) for tool in tools),
            f"export PATH=/opt/nfast/bin:$PATH; needed are {', '.join(tools)}",
        ),
        Step(
            f"module {site.number} answers and is operational",
            "2.1",
            site.operational,
            f"look at: enquiry -m {site.number}. It must be operational (nopclearfail -O -m {site.number}) and {wanted}",
        ),
        Step(
            f"module {site.number} is {wanted}",
            "2.5",
            site.of_the_model,
            f"choose another module with --module; for the other model there is {other}",
        ),
        Step(
            "the Security World is usable",
            "2.2",
            site.world_usable,
            "look at: nfkminfo. Create the Security World, its ACS and an OCS, or bring this module into it",
        ),
    ]


def licence(site: Site) -> Step:
    """Guide 2.5. A licence becomes effective with the next clear."""
    titles, given = LICENCES[site.settings.model], site.settings.licence
    features = site.tools.kmdata / f"hsm-{site.esn or '<esn>'}" / "features"
    advice = f"request a licence for {titles[0]} from Entrust Support, and give its file with --licence and --rfs"
    calls: tuple[Call | Act, ...] = ()
    if given:
        file = features / Path(given).name
        calls = (
            Act(f"cp {given} {file}", lambda: _copy(Path(given), file)),
            call("nethsmadmin", "-m", site.number, "-s", "{rfs}", "-a", file),
            call("nopclearfail", "-c", "-m", site.number),
        )
        advice = f"the licence did not make {titles[0]} effective; look at: fet -m {site.number}. Is it for this HSM, and for this feature?"
    name = f"the licence {titles[0]} is installed"
    return Step(name, "2.5 step 4", lambda: site.licensed(titles), advice, calls, waits=not given, clears=bool(given))


def release(site: Site, *files: str) -> Step:
    """Guide 2.4. `files` are what is needed of it."""
    given, target = Path(site.settings.release), site.release
    advice = f"give the unzipped release, or its zip file, with --release; in {target} must be {', '.join(files)}"
    calls = (Act(f"unzip -o {given} -d {site.work}", lambda: _unzip(given, site.work)),) if given.suffix == ".zip" else ()
    return Step("the release is unpacked", "2.4", lambda: all((target / name).exists() for name in files), advice, calls)


def signing_key(site: Site) -> list[Step]:
    """The key that signs the SEE machine, and what it must be."""
    settings, application = site.settings, APPLICATION[site.settings.model]
    path = site.key_path(application, settings.signer)
    advice = f"present a card of {settings.cardset} in slot {settings.slot} of module {site.number}"
    calls = _retarget(site) if settings.retarget else _generate(site)
    made = Step(
        f"the signing key {settings.signer} of application {application}",
        "2.9.2 step 2" if settings.retarget else {"5c": "2.5.2.3 step 14", "xc": "2.5.1 step 3"}[settings.model],
        path.exists,
        advice,
        (calls,),
    )
    fits = Step(
        f"the signing key is on {CURVE}",
        "2.5.1 step 3",
        lambda: path.exists() and site.on_p521(application, settings.signer),
        f"a key on another curve can't sign for a 5c, nor share LMS keys with one. Choose another name with --signer; {path} is wrong",
    )
    return [made, fits]


def _generate(site: Site) -> Call:
    settings = site.settings
    own = ("ident=" + settings.signer,) if settings.model == "5c" else ()
    last = ("trusted-certifier=", "seeintegname=") if settings.model == "5c" else ()
    which = (f"module={site.number}",) if site.several() else ()
    return call(
        *("generatekey", APPLICATION[settings.model], "type=ecdsa", f"curve={CURVE}", *own, f"plainname={settings.signer}"),
        *("nvram=no", "recovery=yes", "protect=token", f"cardset={settings.cardset}", f"slot={settings.slot}", *which, *last),
        reads_cards=True,
    )


def _retarget(site: Site) -> Call:
    settings = site.settings
    which = (f"module={site.number}",) if site.several() else ()
    return call(
        *("generatekey", "-r", "simple", *which, f"slot={settings.slot}", "from-application=seeinteg"),
        *(f"from-ident={settings.retarget}", f"ident={settings.signer}", "plainname=simple"),
        reads_cards=True,
    )


def delegation(site: Site) -> Step:
    """The ACS lets what the key signed allocate NVRAM."""
    application, signer, output = APPLICATION[site.settings.model], site.settings.signer, site.work / USERDATA
    return Step(
        "the NVRAM delegation certificate",
        {"5c": "2.5.2.3 step 15", "xc": "2.5.1 step 4"}[site.settings.model],
        lambda: site.journal.made(output, site.key_hash(application, signer)),
        "present a card of the Administrator Card Set in the front slot (slot 0)",
        (call(*site.script("userdatatool.py"), "-A", application, "-I", signer, "-f", USERDATA, reads_cards=True),),
        ended=lambda: site.journal.note_made(output, site.key_hash(application, signer)),
    )


def visible(site: Site) -> Step:
    """The last look (guide 2.6)."""
    advice = "run pipsqueak from the release: its first lines say what it can't reach. On Linux its user must be in the group nfast"
    return Step("pipsqueak shows this HSM", "2.6 step 4", site.seen, advice)


def state_of(*paths: Path) -> str:
    """A digest of what is there, empty while something is missing."""
    return journal.digest(*paths) if all(path.exists() for path in paths) else ""


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _unzip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            # Zip files keep what may be executed, and Python's module forgets it.
            Path(archive.extract(entry, folder)).chmod(entry.external_attr >> 16 & 0o777 or (0o755 if entry.is_dir() else 0o644))
