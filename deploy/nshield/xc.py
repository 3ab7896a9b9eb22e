"""The nShield Connect XC: a SEE machine in signed archives, loaded at each clear (guide 2.5.1)."""

from pathlib import Path

from nshield import common, keys, release
from nshield.settings import PUBLISHED
from nshield.site import Site
from nshield.step import Step, call, unless

USERDATA = "userdata.sar"


def steps(site: Site) -> list[Step]:
    """All, in the guide's order."""
    return [
        *common.before(site),
        common.licence(site),
        release.step(site, f"pqsdk-{site.settings.version}.elf", "userdatatool.py"),
        *keys.steps(site),
        *(
            unless(lambda: _is_configured(site), step)
            for step in (keys.delegation(site), _machine(site), _userdata(site), _copied(site))
        ),
        _configured(site),
        _loaded(site),
        common.visible(site),
    ]


def archive(site: Site) -> str:
    """Name of the signed SEE machine."""
    return f"pqsdk-{site.settings.version}.sar"


def _source(site: Site) -> str:
    """What of the archives is not made by a run."""
    version, signer = site.settings.version, site.settings.signer
    return (
        f"{version} {site.key_hash('seeinteg', signer)} {signer}"
        f" {common.state_of(site.release / f'pqsdk-{version}.elf')}"
    )


def _copies(site: Site) -> str:
    """The archives that the module loads, empty while one is missing."""
    return common.state_of(_folder(site) / archive(site), _folder(site) / USERDATA)


def _is_configured(site: Site) -> bool:
    """What the archives were made of is of no more use once the module loads them."""
    return (
        bool(_copies(site))
        and site.noted("configured") == _copies(site)
        and site.noted("source") == _source(site)
    )


def _folder(site: Site) -> Path:
    return site.tools.kmdata / "custom-seemachines"


def _sign(site: Site) -> tuple[str, ...]:
    return ("tct2", "--sign-and-pack", "-m", site.number, "-k", site.settings.signer)


def _packed(site: Site, name: str, guide: str, source: Path, words: tuple[str, ...]) -> Step:
    output = site.work / name

    def inputs() -> str:
        return f"{common.state_of(source)} {site.key_hash('seeinteg', site.settings.signer)}"

    return Step(
        f"{name} is signed",
        guide,
        lambda: site.journal.made(output, inputs()),
        f"present a card of {site.settings.cardset} in module {site.number}",
        (call(*_sign(site), *words, "-o", name, site.here(source), reads_cards=True),),
        looks=(keys.look(site),),
        begun=lambda: output.unlink(missing_ok=True),
        ended=lambda: site.journal.note_made(output, inputs()),
    )


def _machine(site: Site) -> Step:
    source = site.release / f"pqsdk-{site.settings.version}.elf"
    return _packed(
        site,
        archive(site),
        "2.5.1 step 5",
        source,
        ("--is-machine", "--machine-type", "PowerPCELF"),
    )


def _userdata(site: Site) -> Step:
    words = ("--machine-key-ident", site.settings.signer)
    return _packed(site, USERDATA, "2.5.1 step 6", site.work / keys.USERDATA, words)


def _copied(site: Site) -> Step:
    folder, names = _folder(site), (archive(site), USERDATA)
    sudo = ("sudo",) if site.settings.sudo else ()

    def same() -> bool:
        made = [common.state_of(site.work / name) for name in names]
        return all(made) and made == [common.state_of(folder / name) for name in names]

    return Step(
        "the archives are in custom-seemachines",
        "2.5.1 step 7",
        same,
        f"{folder} must be writable: be of the group nfast, or give --sudo",
        (
            call(*sudo, "mkdir", "-p", folder),
            *(call(*sudo, "cp", name, f"{folder}/.") for name in names),
        ),
    )


def _configured(site: Site) -> Step:
    folder = _folder(site)

    return Step(
        "the module loads the SEE machine by itself",
        "2.5.1 step 8",
        lambda: _is_configured(site) and site.operational(),
        f"look at {site.tools.nfast / 'log' / 'hardserver.log'}",
        (
            call(
                *("loadsee-setup", "--setup", "-m", site.number, "-M", folder / archive(site)),
                *("-U", folder / USERDATA, "-p", PUBLISHED),
                typed="yes\nyes\n",
            ),
        ),
        looks=(f"enquiry -m {site.number}", keys.look(site)),
        begun=lambda: site.journal.note(
            site.esn,
            configured=common.BEGUN,
            published=True,
            uninstalling=None,
            removing=None,
            removed=None,
            no_object=None,
        ),
        ended=lambda: site.journal.note(site.esn, configured=_copies(site), source=_source(site)),
        clears=True,
    )


def _loaded(site: Site) -> Step:
    def begun() -> None:
        # If the configuration was removed by other hands, the next run makes it again.
        site.answers["configured"] = site.noted("configured")
        site.journal.note(site.esn, configured=None)

    return Step(
        "the SEE machine is loaded",
        "2.5.1 step 9",
        site.seen,
        "the module must be operational and licensed; look at"
        f" {site.tools.nfast / 'log' / 'hardserver.log'}. If the configuration was removed"
        " meanwhile, the next run makes it again",
        (call("hsc_loadseemachine", f"-m{site.number}"),),
        looks=(common.PIPSQUEAK,),
        begun=begun,
        ended=lambda: site.journal.note(site.esn, configured=site.answers["configured"]),
    )
