"""The key that signs the SEE machine: one of its own, or the one of the XC (guide 2.9.2); and its
NVRAM delegation.
"""

from nshield.site import Site
from nshield.step import Call, Step, call

# Its application: 2.5.1 step 3, 2.5.2.3 step 14.
APPLICATION = {"5c": "simple", "xc": "seeinteg"}
CURVE = "nistp521"
USERDATA = "userdata.raw"


def steps(site: Site) -> list[Step]:
    """The key and what it must be."""
    return [_made(site), _on_the_curve(site), *_the_same(site)]


def look(site: Site) -> str:
    """How to look at the key."""
    return f"nfkminfo -k {APPLICATION[site.settings.model]} {site.settings.signer}"


def of_the_xc(site: Site) -> list[Step]:
    """That there is the key to retarget: wanted before anything is made for it."""
    source = site.settings.retarget
    advice = (
        "set up the XC first, with nshieldxc; its signing key is what both must have (guide 2.9.2"
        " step 1)"
    )
    return (
        [
            Step(
                f"the seeinteg key {source} of the XC",
                "2.9.2",
                site.key_path("seeinteg", source).exists,
                advice,
            )
        ]
        if source
        else []
    )


def _made(site: Site) -> Step:
    settings, application = site.settings, APPLICATION[site.settings.model]
    return Step(
        f"the signing key {settings.signer} of application {application}",
        (
            "2.9.2 step 2"
            if settings.retarget
            else {"5c": "2.5.2.3 step 14", "xc": "2.5.1 step 3"}[settings.model]
        ),
        site.key_path(application, settings.signer).exists,
        f"present a card of {settings.cardset} in slot {settings.slot} of module {site.number}",
        (_retarget(site) if settings.retarget else _generate(site),),
    )


def _on_the_curve(site: Site) -> Step:
    application, signer = APPLICATION[site.settings.model], site.settings.signer
    path = site.key_path(application, signer)
    return Step(
        f"the signing key is on {CURVE}",
        "2.5.1 step 3",
        lambda: path.exists() and site.on_p521(application, signer),
        "a key on another curve can't sign for a 5c, nor share LMS keys with one. Choose another"
        f" name with --signer; {path} is wrong",
        looks=(look(site),),
    )


def _the_same(site: Site) -> list[Step]:
    source, signer = site.settings.retarget, site.settings.signer
    if not source:
        return []
    advice = (
        f"{site.key_path('simple', signer)} was generated, not retargeted: LMS keys could not be"
        " shared. Uninstall what it signed, move the file away or choose another name with"
        " --signer, and run this again (guide 2.9.2 step 2)"
    )
    return [
        Step(
            "the signing key is the one of the XC",
            "2.9.2 step 2",
            lambda: site.key_hash("simple", signer) == site.key_hash("seeinteg", source),
            advice,
            looks=(look(site), f"nfkminfo -k seeinteg {source}"),
        )
    ]


def _which(site: Site) -> tuple[str, ...]:
    return (f"module={site.number}",) if site.several() else ()


def _generate(site: Site) -> Call:
    settings = site.settings
    own = ("ident=" + settings.signer,) if settings.model == "5c" else ()
    last = ("trusted-certifier=", "seeintegname=") if settings.model == "5c" else ()
    return call(
        *(
            "generatekey",
            APPLICATION[settings.model],
            "type=ecdsa",
            f"curve={CURVE}",
            *own,
            f"plainname={settings.signer}",
        ),
        *(
            "nvram=no",
            "recovery=yes",
            "protect=token",
            f"cardset={settings.cardset}",
            f"slot={settings.slot}",
            *_which(site),
            *last,
        ),
        reads_cards=True,
    )


def _retarget(site: Site) -> Call:
    settings = site.settings
    return call(
        *(
            "generatekey",
            "-r",
            "simple",
            *_which(site),
            f"slot={settings.slot}",
            "from-application=seeinteg",
        ),
        *(f"from-ident={settings.retarget}", f"ident={settings.signer}", "plainname=simple"),
        reads_cards=True,
    )


def delegation(site: Site) -> Step:
    """The ACS lets what the key signed allocate NVRAM."""
    application, signer, output = (
        APPLICATION[site.settings.model],
        site.settings.signer,
        site.work / USERDATA,
    )
    return Step(
        "the NVRAM delegation certificate",
        {"5c": "2.5.2.3 step 15", "xc": "2.5.1 step 4"}[site.settings.model],
        lambda: site.journal.made(output, site.key_hash(application, signer)),
        "present a card of the Administrator Card Set in slot 0 of module 1: userdatatool.py takes"
        " no module, and reads it there"
        + ("" if site.number == "1" else f", not in module {site.number}"),
        (
            call(
                *site.script("userdatatool.py"),
                "-A",
                application,
                "-I",
                signer,
                "-f",
                USERDATA,
                reads_cards=True,
            ),
        ),
        looks=(look(site),),
        begun=lambda: output.unlink(missing_ok=True),
        ended=lambda: site.journal.note_made(output, site.key_hash(application, signer)),
    )
