"""Steps that both HSMs share: what must be there before (guide 2.1 to 2.5), the licence, the last
look.
"""

import shlex
import shutil
from pathlib import Path

from nshield import journal
from nshield.settings import MODELS
from nshield.site import Site
from nshield.step import Act, Call, Place, Step, call

LICENCES = {
    "5c": ("SEE Activation, CodeSafe 5", "SEE Activation (CodeSafe 5)"),
    "xc": ("SEE Activation (EU+10)",),
}
NEEDED = {
    "5c": ("csadmin", "hsmadmin", "appliance-cli"),
    "xc": ("tct2", "loadsee-setup", "hsc_loadseemachine"),
}
ALWAYS = ("generatekey", "enquiry", "nfkminfo", "fet", "nopclearfail")
# What comes with it; the others come with Security World.
CODESAFE = NEEDED["5c"]
PIPSQUEAK = "./pipsqueak"
# What a note has whose deed may be done or not.
BEGUN = "begun"


def before(site: Site) -> list[Step]:
    """What must be so before anything is done."""
    return [*host(site), _world(site)]


def host(site: Site) -> list[Step]:
    """As far as an uninstall needs it."""
    return [_tools(site), _operational(site), *_meant(site), _model(site)]


def _tools(site: Site) -> Step:
    tools = (*ALWAYS, *NEEDED[site.settings.model])
    missing = [tool for tool in tools if not shutil.which(tool)]
    extra = [tool for tool in missing if tool in CODESAFE]
    lines = ["export PATH=/opt/nfast/bin:$PATH"] if missing != extra else []
    lines += ["install CodeSafe 5 (guide 2.5.2.1)"] if extra else []
    return Step(
        "the Security World tools are in PATH",
        "2.3",
        lambda: not missing,
        f"{'; '.join(lines)}. Not found: {', '.join(missing)}",
    )


def _operational(site: Site) -> Step:
    return Step(
        f"module {site.number} answers and is operational",
        "2.1",
        site.operational,
        "choose another with --module, see: enquiry; or make it operational: nopclearfail -O -m"
        f" {site.number}",
        looks=(f"enquiry -m {site.number}",),
    )


def _meant(site: Site) -> list[Step]:
    number, esn = site.number, site.settings.esn
    advice = (
        f"its own serial number is another, see: enquiry -m {number}. Choose another module with"
        " --module, or correct --esn"
    )
    return (
        [
            Step(
                f"module {number} is {esn}",
                "2.1",
                lambda: site.esn == esn,
                advice,
                looks=(f"enquiry -m {number}",),
            )
        ]
        if esn
        else []
    )


def _model(site: Site) -> Step:
    other = {"5c": "nshieldxc", "xc": "nshield5c"}[site.settings.model]
    advice = f"choose another module with --module; for the other model there is {other}"
    return Step(
        f"module {site.number} is an {MODELS[site.settings.model]}",
        "2.5",
        site.of_the_model,
        advice,
        looks=("enquiry",),
    )


def _world(site: Site) -> Step:
    advice = (
        "look at: nfkminfo. Create the Security World, its ACS and an OCS, or bring this module"
        " into it"
    )
    return Step(
        "the Security World is usable", "2.2", site.world_usable, advice, looks=("nfkminfo",)
    )


def licence(site: Site) -> Step:
    """Guide 2.5. A licence becomes effective with the next clear."""
    titles, given = LICENCES[site.settings.model], site.settings.licence
    return Step(
        f"the licence {titles[0]} is installed",
        "2.5 step 4",
        lambda: site.licensed(titles),
        (
            f"the licence did not make {titles[0]} effective; look at: fet -m {site.number}. Is it"
            " for this HSM, and for this feature?"
            if given
            else (
                f"request a licence for {titles[0]} from Entrust Support, and give its file with"
                " --licence and --rfs"
            )
        ),
        _fed(site, Path(given)) if given else (),
        looks=(f"fet -m {site.number}",),
        waits=not given,
        clears=bool(given),
    )


def _fed(site: Site, given: Path) -> tuple[Call | Act, ...]:
    file = site.tools.kmdata / f"hsm-{site.esn or '<esn>'}" / "features" / given.name
    return (
        Act(shlex.join(["cp", str(given), str(file)]), lambda: _copy(given, file)),
        call("nethsmadmin", "-m", site.number, "-s", Place("rfs"), "-a", file),
        call("nopclearfail", "-c", "-m", site.number),
    )


def visible(site: Site) -> Step:
    """The last look (guide 2.6)."""
    advice = (
        "run pipsqueak from the release: its first lines say what it can't reach. On Linux its user"
        " must be in the group nfast"
    )
    return Step("pipsqueak shows this HSM", "2.6 step 4", site.seen, advice, looks=(PIPSQUEAK,))


def state_of(*paths: Path) -> str:
    """A digest of what is there, empty while something is missing."""
    return journal.digest(*paths) if all(path.exists() for path in paths) else ""


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
