"""The image of a CodeSafe 5 container: its root tree, unsigned, signed (guide 2.5.2.3 steps 16 to
18).
"""

import shlex
import shutil
from pathlib import Path

from nshield import common, keys
from nshield.identities import certificate_path
from nshield.site import Site
from nshield.step import Act, Call, Step, call

UNSIGNED, SIGNED = "pqsdk.cs5", "pqsdk-signed.cs5"
TREE = "container"
ENTRY = "usr/bin/entrypoint"
DELEGATION = "etc/userdata.codesafe"


def steps(site: Site) -> list[Step]:
    """All, in the guide's order."""
    return [_tree(site), _generated(site), _signed(site)]


def configurations(site: Site) -> tuple[Path, Path]:
    """network.json and packages.json."""
    settings = site.settings
    return Path(settings.network_conf or site.release / "network.json"), Path(
        settings.packages_conf or site.release / "packages.json"
    )


def program(site: Site) -> Path:
    """What the tree is made of: the release's program, or a tree of others."""
    return (
        Path(site.settings.rootdir)
        if site.settings.rootdir
        else site.release / f"pqsdk-{site.settings.version}.bin"
    )


def source(site: Site) -> str:
    """What of an image is not made by a run: with the same nothing is won by another image."""
    settings = site.settings
    given = common.state_of(program(site), *configurations(site))
    return (
        f"{settings.version} {settings.devkey} {site.key_hash('simple', settings.signer)} {given}"
    )


def _tree(site: Site) -> Step:
    root, source, userdata = site.work / TREE, program(site), site.work / keys.USERDATA

    def wanted() -> str:
        return common.state_of(source, userdata)

    return Step(
        "the container's root tree",
        "2.5.2.3 step 16",
        lambda: (
            bool(wanted()) and site.journal.get("", "tree") == [wanted(), common.state_of(root)]
        ),
        f"there must be {source} and {userdata}, and room in {site.work}",
        (Act(_as_a_shell(site, source), lambda: _lay_out(root, source, userdata)),),
        ended=lambda: site.journal.note("", tree=[wanted(), common.state_of(root)]),
    )


def _as_a_shell(site: Site, source: Path) -> str:
    given = shlex.quote(str(site.here(source)))
    copied = (
        f"cp -a {given} {TREE}"
        if site.settings.rootdir
        else f"mkdir -p {TREE}/usr/bin {TREE}/etc; cp {given} {TREE}/{ENTRY}"
    )
    return f"rm -rf {TREE}; {copied}; cp {keys.USERDATA} {TREE}/{DELEGATION}"


def _lay_out(root: Path, source: Path, userdata: Path) -> None:
    """Nothing is removed before all is copied."""
    scratch = root.with_suffix(".new")
    shutil.rmtree(scratch, ignore_errors=True)
    if source.is_dir():
        shutil.copytree(source, scratch, symlinks=True)
    else:
        (scratch / ENTRY).parent.mkdir(parents=True)
        shutil.copy(source, scratch / ENTRY)
    (scratch / DELEGATION).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(userdata, scratch / DELEGATION)
    shutil.rmtree(root, ignore_errors=True)
    scratch.rename(root)


def _generate(site: Site) -> Call:
    version = site.settings.version
    network, packages = map(site.here, configurations(site))
    return call(
        *("csadmin", "image", "generate"),
        *("--package-name", f"pqcop-{version}", "--version-str", version),
        *("--entry-point", f"/{ENTRY}", "--network-conf", network, "--packages-conf", packages),
        *("--rootdir", TREE, UNSIGNED),
    )


def _generated(site: Site) -> Step:
    version, output = site.settings.version, site.work / UNSIGNED
    network, packages = configurations(site)

    def inputs() -> str:
        return f"{version} {common.state_of(site.work / TREE, network, packages)}"

    return Step(
        "the unsigned image",
        "2.5.2.3 step 17",
        lambda: site.journal.made(output, inputs()),
        "CodeSafe 5 must be installed (guide 2.5.2.1); network.json and packages.json come with the"
        " release",
        (_generate(site),),
        begun=lambda: output.unlink(missing_ok=True),
        ended=lambda: site.journal.note_made(output, inputs()),
    )


def _sign(site: Site) -> Call:
    settings, certificate = site.settings, site.here(certificate_path(site))
    return call(
        *("csadmin", "image", "sign", "--devkeyname", settings.devkey, "--devcert", certificate),
        *("--askeyname", settings.signer, "--out", SIGNED, UNSIGNED),
        reads_cards=True,
    )


def _signed(site: Site) -> Step:
    settings, output = site.settings, site.work / SIGNED

    def inputs() -> str:
        # Not the developer certificate: another one for the same key needs no other image.
        return (
            f"{common.state_of(site.work / UNSIGNED)} {settings.devkey}"
            f" {site.key_hash('simple', settings.signer)}"
        )

    def ended() -> None:
        site.journal.note("", source=source(site))
        site.journal.note_made(output, inputs())

    return Step(
        "the signed image",
        "2.5.2.3 step 18",
        lambda: site.journal.made(output, inputs()),
        f"present a card of {settings.cardset}; it is read twice, for the developer key and for the"
        " signing key",
        (_sign(site),),
        looks=(keys.look(site),),
        begun=lambda: output.unlink(missing_ok=True),
        ended=ended,
    )
