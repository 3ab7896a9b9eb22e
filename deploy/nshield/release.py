"""The release (guide 2.4): where it is, and out of its zip file, whole or not at all."""

import shlex
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from nshield import journal
from nshield.site import Site
from nshield.step import Act, Step
from nshield.zips import is_zip, top

SCRATCH = "unpacking"
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)


def step(site: Site, *files: str) -> Step:
    """`files` are what is needed of it."""
    given, target = Path(site.settings.release), site.release
    zipped = is_zip(given)
    folder = site.work if top(given) else target
    return Step(
        "the release is unpacked",
        "2.4",
        lambda: _unpacked(site, files),
        f"give the unzipped release, or its zip file, with --release; in {target} must be"
        f" {', '.join(files)}; pipsqueak there or in PATH",
        (
            (
                Act(
                    shlex.join(["unzip", "-o", str(given), "-d", str(folder)]),
                    lambda: _unzip(given, folder, site.work / SCRATCH),
                ),
            )
            if zipped
            else ()
        ),
        begun=lambda: site.journal.note("", release=None),
        ended=lambda: site.journal.note("", release=journal.digest(given)),
    )


def _unpacked(site: Site, files: tuple[str, ...]) -> bool:
    """Names alone prove nothing: whoever unpacked it may have been stopped, and of another zip file
    they are the same.
    """
    given, target = Path(site.settings.release), site.release
    same = not is_zip(given) or (
        given.is_file() and site.journal.get("", "release") == journal.digest(given)
    )
    shown = (target / "pipsqueak").exists() or shutil.which("pipsqueak")
    return same and bool(shown) and all((target / name).exists() for name in files)


def _unzip(path: Path, folder: Path, scratch: Path) -> None:
    """Nothing is moved to where it belongs before all is unpacked; what was put beside it stays."""
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _refuse_elsewhere(entries)
            unpacked = [_extract(archive, entry, scratch) for entry in entries]
        for file in unpacked:
            target = folder / file.relative_to(scratch)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
    except DAMAGED as error:
        raise OSError(f"{path} can't be unpacked: {error}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _refuse_elsewhere(entries: list[zipfile.ZipInfo]) -> None:
    for entry in entries:
        name = PurePosixPath(entry.filename)
        if name.is_absolute() or ".." in name.parts:
            raise zipfile.BadZipFile(f"{entry.filename} would be written elsewhere")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> Path:
    unpacked = Path(archive.extract(entry, folder))
    # Zip files keep what may be executed, and Python's module forgets it.
    unpacked.chmod(entry.external_attr >> 16 & 0o777 or 0o644)
    return unpacked
