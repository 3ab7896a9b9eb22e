"""The way back (guide 2.8). Keys, cards, certificates, images and what is in NVRAM stay."""

from nshield import common, release
from nshield.identities import CSADMIN_LIST
from nshield.settings import PUBLISHED
from nshield.site import OTHERS, Site
from nshield.step import Place, Step, call

# So the mock refuses to stop one that does not run.
NOT_STARTED = "is not started"


def steps(site: Site) -> list[Step]:
    """All, in the guide's order.

    What is being taken down is noted, so that the module is cleared in the end, whatever comes in
    between.
    """
    taken = (
        [_reached(site), _known(site), _stopped(site), _destroyed(site)]
        if site.settings.model == "5c"
        else [_removed(site)]
    )
    return [
        *common.host(site),
        release.step(site, "removepubobj.py"),
        *taken,
        _cleared(site),
        _unpublished(site),
        _gone(site),
    ]


def _reached(site: Site) -> Step:
    advice = (
        "what is installed can't be seen, nor stopped. Look at: csadmin list; to enroll again: the"
        " command without --uninstall"
    )
    return Step(
        "csadmin reaches the HSM's launcher",
        "2.5.2.3 step 10",
        site.enrolled,
        advice,
        looks=(CSADMIN_LIST,),
    )


def _known(site: Site) -> Step:
    def ours() -> bool:
        installed = site.installed()
        return OTHERS not in installed and (bool(site.uuid()) or not installed)

    return Step(
        "what is installed is ours",
        "2.8.1",
        ours,
        "this work folder does not know the SEE machine that is installed; name it with --uuid. One"
        " without a UUID was not loaded: stop what runs it (seemachine fleet down). Look at:"
        " csadmin list",
        looks=(CSADMIN_LIST,),
    )


def _stopped(site: Site) -> Step:
    return Step(
        "the container is stopped",
        "2.8.1 step 2",
        lambda: site.stopped(site.uuid()),
        "look at: csadmin list",
        # One that does not run can't be stopped; whether it does, csadmin may not say.
        (
            call(
                *("csadmin", "stop", "--esn", Place("esn"), "--uuid", Place("uuid")),
                fine=lambda said: NOT_STARTED in said or not site.started(site.uuid()),
            ),
        ),
        looks=(CSADMIN_LIST, common.PIPSQUEAK),
        begun=lambda: site.journal.note(site.esn, started=None),
        ended=lambda: site.journal.note(site.esn, stopped=site.uuid()),
    )


def _destroyed(site: Site) -> Step:
    return Step(
        "the container is destroyed",
        "2.8.1 steps 3, 4",
        lambda: site.enrolled() and not site.uuid(),
        "look at: csadmin list",
        (call("csadmin", "destroy", "--esn", Place("esn"), "--uuid", Place("uuid")),),
        looks=(CSADMIN_LIST,),
        begun=lambda: site.journal.note(site.esn, uninstalling=True),
        ended=lambda: site.journal.note(
            site.esn, uuid=None, image=None, source=None, loading=None, stopped=None
        ),
        destroys=True,
    )


def _begin_removing(site: Site) -> None:
    """A run that was killed may have removed it, or not made it yet: to remove it is refused."""
    unsure = "no" if site.noted("configured") == common.BEGUN else ""
    site.answers["removing"] = site.noted("removing") or unsure
    site.journal.note(site.esn, uninstalling=True, removing=True)


def _removed(site: Site) -> Step:
    """Once the configuration is gone, the clear that follows takes the SEE machine with it."""

    def may_be_gone(_said: str) -> bool:
        return bool(site.answers["removing"])

    return Step(
        "the module loads no SEE machine any more",
        "2.8.2 step 2",
        lambda: not site.noted("configured") and (bool(site.noted("removed")) or not site.seen()),
        "when there is no configuration and it runs all the same, it was loaded by other means, and"
        " must be stopped by them",
        (
            call(
                "loadsee-setup", "-r", "-m", site.number, typed="yes\nyes\nyes\n", fine=may_be_gone
            ),
        ),
        looks=(common.PIPSQUEAK,),
        begun=lambda: _begin_removing(site),
        ended=lambda: site.journal.note(
            site.esn, configured=None, source=None, removing=None, removed=True
        ),
        failed=lambda: site.journal.note(site.esn, removing=None),
        clears=True,
    )


def _cleared(site: Site) -> Step:
    return Step(
        "the module is cleared",
        {"5c": "2.8.1 step 6", "xc": "2.8.2 step 3"}[site.settings.model],
        lambda: not site.noted("uninstalling") and not _to_take(site) and site.operational(),
        f"nopclearfail needs a privileged connection; look at: enquiry -m {site.number}",
        (call("nopclearfail", "-c", "-m", site.number),),
        looks=(f"enquiry -m {site.number}", common.PIPSQUEAK),
        ended=lambda: site.journal.note(site.esn, uninstalling=None, removed=None),
        clears=True,
    )


def _to_take(site: Site) -> bool:
    return site.seen() or (site.settings.model == "5c" and bool(site.uuid()))


def _unpublished(site: Site) -> Step:
    def gone() -> bool:
        stale = site.stale() and not site.noted("no_object")
        return not site.noted("published") and not site.seen() and not stale

    def none_there(said: str) -> bool:
        """The text is the mock's. Without it: nothing that leads nowhere is left."""
        return "no published object" in said or (
            site.answered() and not site.stale() and not site.seen()
        )

    return Step(
        "the published object is removed",
        {"5c": "2.8.1 step 7", "xc": "2.8.2 step 4"}[site.settings.model],
        gone,
        "removepubobj.py is not part of the release: Entrust Support gives it out. Put it beside"
        " bootstrap.py",
        (
            call(
                *site.script("removepubobj.py"), "-m", site.number, "-p", PUBLISHED, fine=none_there
            ),
        ),
        looks=(common.PIPSQUEAK,),
        # A published object of another module may lead nowhere, too; it is not ours to remove, nor
        # to look for again.
        ended=lambda: site.journal.note(site.esn, published=None, no_object=True),
    )


def _gone(site: Site) -> Step:
    advice = "run pipsqueak from the release, and see which address it prints"
    looks = (common.PIPSQUEAK,)
    return Step(
        "pipsqueak shows this HSM no more",
        "2.8",
        lambda: site.answered() and not site.seen(),
        advice,
        looks=looks,
    )
