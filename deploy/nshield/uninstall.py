"""The way back (guide 2.8). Keys, cards, certificates, images and what is in NVRAM stay."""

from nshield import common
from nshield.settings import PUBLISHED
from nshield.site import Site
from nshield.step import Step, call

BEGUN = "uninstalling"


def steps(site: Site) -> list[Step]:
    """All, in the guide's order."""
    taken = _of_a_5c(site) if site.settings.model == "5c" else [_removed(site)]
    return [*common.before(site)[:3], common.release(site, "removepubobj.py"), *taken, _cleared(site), _unpublished(site), _gone(site)]


def _of_a_5c(site: Site) -> list[Step]:
    ours = "{uuid}"
    known = Step(
        "what is installed is ours",
        "2.8.1",
        lambda: bool(site.uuid()) or not site.installed(),
        "this work folder does not know the SEE machine that is installed; name it with --uuid. Look at: csadmin list",
    )
    stopped = Step(
        "the container is stopped",
        "2.8.1 step 2",
        lambda: not site.started(site.uuid()),
        "look at: csadmin list",
        (call("csadmin", "stop", "--esn", "{esn}", "--uuid", ours),),
        begun=lambda: site.journal.note(site.esn, **{BEGUN: True}),
    )
    destroyed = Step(
        "the container is destroyed",
        "2.8.1 steps 3, 4",
        lambda: not site.uuid(),
        "look at: csadmin list",
        (call("csadmin", "destroy", "--esn", "{esn}", "--uuid", ours),),
        begun=lambda: site.journal.note(site.esn, **{BEGUN: True}),
        ended=lambda: site.journal.note(site.esn, uuid=None, image=None, **{"load begun": None}),
    )
    return [known, stopped, destroyed]


def _removed(site: Site) -> Step:
    return Step(
        "the module loads no SEE machine any more",
        "2.8.2 step 2",
        lambda: not site.noted("configured") and not site.seen(),
        "when there is no configuration and it runs all the same, it was loaded by other means, and must be stopped by them",
        (call("loadsee-setup", "-r", "-m", site.number, typed="yes\nyes\nyes\n", fine_if="no SEE configuration"),),
        begun=lambda: site.journal.note(site.esn, **{BEGUN: True}),
        ended=lambda: site.journal.note(site.esn, configured=None),
        clears=True,
    )


def _cleared(site: Site) -> Step:
    guide = {"5c": "2.8.1 step 6", "xc": "2.8.2 step 3"}[site.settings.model]
    return Step(
        "the module is cleared",
        guide,
        lambda: not site.noted(BEGUN) and not _to_take(site),
        f"nopclearfail needs a privileged connection; look at: enquiry -m {site.number}",
        (call("nopclearfail", "-c", "-m", site.number),),
        ended=lambda: site.journal.note(site.esn, **{BEGUN: None}),
        clears=True,
    )


def _to_take(site: Site) -> bool:
    return site.seen() or (site.settings.model == "5c" and bool(site.uuid()))


def _unpublished(site: Site) -> Step:
    def gone() -> bool:
        stale = site.stale() and not site.noted("no object")
        return not site.noted("published") and not site.seen() and not stale

    guide = {"5c": "2.8.1 step 7", "xc": "2.8.2 step 4"}[site.settings.model]
    return Step(
        "the published object is removed",
        guide,
        gone,
        "removepubobj.py is not part of the release: Entrust Support gives it out. Put it beside bootstrap.py",
        (call(*site.script("removepubobj.py"), "-m", site.number, "-p", PUBLISHED, fine_if="no published object"),),
        # A published object of another module may lead nowhere, too; it is not ours to remove, nor to look for again.
        ended=lambda: site.journal.note(site.esn, published=None, **{"no object": True}),
    )


def _gone(site: Site) -> Step:
    advice = "run pipsqueak from the release, and see which address it prints"
    return Step("pipsqueak shows this HSM no more", "2.8", lambda: site.answered() and not site.seen(), advice)
