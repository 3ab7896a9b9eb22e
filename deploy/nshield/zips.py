"""Where in a zip file the release is."""

import zipfile
from pathlib import Path, PurePosixPath

# It is beside this file.
LANDMARK = "userdatatool.py"


def is_zip(path: Path) -> bool:
    """By its name."""
    return path.suffix.lower() == ".zip"


def unpacked(path: Path, work: Path) -> Path:
    """The folder that it becomes."""
    return work / (top(path) or path.stem)


def top(path: Path) -> str:
    """The folder of the release in a zip file; empty when it has none."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [PurePosixPath(name) for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile):
        return ""
    found = [
        str(name.parent)
        for name in names
        if name.name == LANDMARK and ".." not in name.parts and not name.is_absolute()
    ]
    shortest = min(found, key=len, default=".")
    return "" if shortest == "." else shortest
