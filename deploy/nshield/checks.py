"""What can be known of settings before any tool is asked: whether what they name is there, and may
be used for that.
"""

import os
from collections.abc import Callable
from pathlib import Path

from nshield.settings import Settings, WrongSettings
from nshield.zips import is_zip

FILES = ("network_conf", "packages_conf", "licence")
NEVER_EMPTY = ("version", "cardset", "signer", "devkey")


def refuse(settings: Settings, *, uninstall: bool) -> None:
    """Raises WrongSettings. To uninstall takes no more than the release."""
    for name in NEVER_EMPTY:
        if not getattr(settings, name).strip():
            raise WrongSettings(f"{name} can't be empty")
    _there(settings, "nfast", Path.is_dir, "a folder")
    _there(settings, "release", _is_release, "the unzipped release, or its zip file")
    _refuse_unwritable(Path(settings.work))
    if uninstall:
        return
    for name in FILES:
        _there(settings, name, Path.is_file, "a file")
    if Path(settings.devcert).is_dir() and settings.devcert:
        raise WrongSettings(f"devcert must be a file: {settings.devcert} is a folder")
    _there(settings, "rootdir", Path.is_dir, "a folder")
    if settings.rootdir:
        _refuse_own(Path(settings.rootdir).resolve(), Path(settings.work).resolve())
    if settings.model == "5c" and settings.devkey == settings.signer:
        raise WrongSettings(
            f"devkey and signer can't both be {settings.signer}: of one name there is one key"
        )
    if settings.licence and not settings.rfs:
        raise WrongSettings(
            "rfs must be given, too: with licence, the address of the RFS (guide 2.5 step 4)"
        )


def _refuse_unwritable(work: Path) -> None:
    """The work folder, or the folder that it will be made in."""
    there = next(path for path in (work, *work.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise WrongSettings(f"work must be a folder, in folders: {work}, and {there} is none")
    if not os.access(there, os.W_OK | os.X_OK):
        raise WrongSettings(f"work must be a folder that can be written: {work}, and {there} can't")


def _refuse_own(rootdir: Path, work: Path) -> None:
    """In the work folder the run makes trees anew."""
    if rootdir.is_relative_to(work) or work.is_relative_to(rootdir):
        raise WrongSettings(
            f"rootdir must be outside of the work folder, and not around it: {rootdir}, {work}."
            " Choose another with --work"
        )


def _is_release(path: Path) -> bool:
    return path.is_file() if is_zip(path) else path.is_dir()


def _there(settings: Settings, name: str, fits: Callable[[Path], bool], what: str) -> None:
    value = getattr(settings, name)
    if value and not fits(Path(value)):
        raise WrongSettings(
            f"{name.replace('_', '-')} must be {what}, and {value} is none, or not there"
        )
