"""The nShield 5c: a CodeSafe 5 container (guide 2.5.2, and 2.9.2 with a retargeted key)."""

from nshield import common, identities, image, keys, release
from nshield.identities import CSADMIN_LIST
from nshield.settings import UUID
from nshield.site import Site
from nshield.step import Place, Step, call, unless


def steps(site: Site) -> list[Step]:
    """All, in the guide's order."""
    program = () if site.settings.rootdir else (image.program(site).name,)
    configurations = (
        path.name for path in image.configurations(site) if path.parent == site.release
    )
    return [
        *common.before(site),
        *_named(site, first=True),
        *keys.of_the_xc(site),
        common.licence(site),
        release.step(site, *program, *configurations, "userdatatool.py", "bootstrap.py"),
        *identities.steps(site),
        *_named(site, first=False),
        _alone(site, "no other SEE machine is installed"),
        _the_same(site),
        *keys.steps(site),
        *(
            unless(lambda: _is_loaded(site), step, CSADMIN_LIST, common.PIPSQUEAK)
            for step in (keys.delegation(site), *image.steps(site))
        ),
        # Again, since cards take their time.
        _alone(site, "there is still no other"),
        _loaded(site),
        _started(site),
        _published(site),
        common.visible(site),
    ]


def adopt(site: Site) -> None:
    """Remember the SEE machine of an interrupted load, or the one that --uuid names."""
    found = site.uuid() if site.enrolled() else ""
    if found and found != site.noted("uuid"):
        print(
            f"SEE machine {found} is taken as ours: "
            + ("--uuid names it" if site.settings.uuid else "a run that loaded it was interrupted")
        )
        site.begin()
        _note_loaded(site, found)


def _named(site: Site, *, first: bool) -> list[Step]:
    """Seen before anything is done, where csadmin can be asked by then."""
    uuid = site.settings.uuid
    if not uuid:
        return []

    def there() -> bool:
        return (first and not site.enrolled()) or uuid in site.installed()

    advice = "give the --uuid of one that is installed, or leave it out. Look at: csadmin list"
    name = f"the SEE machine {uuid} is installed" + (", if csadmin answers by now" if first else "")
    return [Step(name, "2.8.1", there, advice, looks=(CSADMIN_LIST,))]


def _note_loaded(site: Site, uuid: str) -> None:
    source = site.journal.get("", "source")
    # Without a journal of what it was made of, an image that lies there need not be the one that is
    # loaded.
    signed = common.state_of(site.work / image.SIGNED) if source else ""
    site.journal.note(site.esn, uuid=uuid, image=signed, source=source, loading=None)


def _is_current(site: Site) -> bool:
    """Whether our SEE machine is of the program, configuration and key that an image would be made
    of now.

    To start it and to publish it takes the very image that was loaded, which no later one is. Of
    one that --uuid names nothing is known.
    """
    same = site.noted("source") == image.source(site)
    return not site.noted("image") or (
        same and (site.noted("image") == common.state_of(site.work / image.SIGNED) or site.seen())
    )


def _is_loaded(site: Site) -> bool:
    """What an image is made of is of no more use then."""
    return bool(site.uuid() and site.noted("image")) and _is_current(site)


def _alone(site: Site, name: str) -> Step:
    return Step(
        name,
        "2.8.1",
        lambda: not set(site.installed()) - {site.uuid()},
        "uninstall it first, with --uninstall, and --uuid where this work folder does not know it;"
        " or take it over with --uuid, if it is of this image. One without a UUID was not loaded:"
        " stop what runs it (seemachine fleet down). Look at: csadmin list",
        looks=(CSADMIN_LIST,),
    )


def _the_same(site: Site) -> Step:
    """Known before any card is read for an image that could not be loaded."""
    return Step(
        "ours, if it is installed, is of this program, configuration and key, and of this image",
        "2.8.1",
        lambda: not site.uuid() or bool(site.settings.uuid) or _is_current(site),
        f"what is installed was made of something else, or is to be started and {image.SIGNED} is"
        " not its image any more. Uninstall it first, with --uninstall: keys stay; what is in"
        " NVRAM may be lost with the container on a real HSM",
        looks=(CSADMIN_LIST, keys.look(site), common.PIPSQUEAK),
    )


def _loaded(site: Site) -> Step:
    return Step(
        "the image is loaded",
        "2.5.2.3 step 19",
        lambda: bool(site.uuid()),
        "the HSM takes an image that is signed by a developer whom it trusts and by a key on"
        " nistp521 (guide 2.5.2.3 steps 12, 14)",
        (
            call(
                "csadmin",
                "load",
                "--esn",
                Place("esn"),
                image.SIGNED,
                keep=("uuid", f"UUID: ({UUID})"),
            ),
        ),
        looks=(CSADMIN_LIST,),
        begun=lambda: site.journal.note(
            site.esn, uninstalling=None, loading=sorted(site.installed())
        ),
        ended=lambda: _note_loaded(site, site.answers["uuid"]),
        failed=lambda: _load_failed(site),
    )


def _load_failed(site: Site) -> None:
    """What turns up later was loaded by others. While the HSM does not answer, it may still be
    ours.
    """
    before = set(site.journal.get(site.esn, "loading") or ())
    if site.enrolled() and set(site.installed()) <= before:
        site.journal.note(site.esn, loading=None)


def _started(site: Site) -> Step:
    def begun() -> None:
        # A run that was killed may have started it; to start it again is refused then.
        site.answers["starting"] = site.noted("starting")
        site.journal.note(site.esn, starting=site.uuid())

    return Step(
        "the container is started",
        "2.5.2.3 step 20",
        lambda: site.started(site.uuid()),
        "a start needs the licence, operational mode and a developer certificate that has not"
        " expired. Look at: csadmin list",
        (
            call(
                "csadmin",
                "start",
                "--esn",
                Place("esn"),
                "--uuid",
                Place("uuid"),
                fine=lambda _: site.answers["starting"] == site.uuid(),
            ),
        ),
        looks=(CSADMIN_LIST, common.PIPSQUEAK),
        begun=begun,
        ended=lambda: site.journal.note(site.esn, starting=None, started=site.uuid(), stopped=None),
        failed=lambda: site.journal.note(site.esn, starting=None),
    )


def _published(site: Site) -> Step:
    return Step(
        "it is published",
        "2.5.2.3 step 21",
        site.seen,
        "the SEE machine must be started; a published object that leads nowhere is replaced by this"
        " step",
        (
            call(
                *site.script("bootstrap.py"),
                "-m",
                site.number,
                "--uuid",
                Place("uuid"),
                "--cs5file",
                image.SIGNED,
            ),
        ),
        looks=(common.PIPSQUEAK,),
        begun=lambda: site.journal.note(site.esn, published=True, no_object=None),
        # It may have been stopped by others: the next run starts it.
        failed=lambda: site.journal.note(site.esn, started=None),
    )
