"""The packages that the image holds: wheels that pip fetches, named by their hashes, unpacked
without running anything of theirs.
"""

import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

LOCK = Path(__file__).with_name("requirements.lock")
# Whatever builds the image: the Python of the container. Of the platform only the compiled modules
# speak, which are left out.
FETCH = (
    *("download", "--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:"),
    *(
        "--implementation",
        "cp",
        "--python-version",
        "3.11",
        "--abi",
        "cp311",
        "--abi",
        "none",
        "--platform",
        "manylinux2014_x86_64",
    ),
)
PINNED = re.compile(r"^([a-z0-9-]+)==(\S+) --hash=sha256:([0-9a-f]{64})$")
# Tests of a package, and what only type checkers and compilers read.
LEFT_OUT_FOLDERS = {"_tests", "tests", "test", "__pycache__"}
KEPT_IN_METADATA = re.compile(r"(METADATA|.*(LICEN[CS]E|COPYING|NOTICE).*)", re.IGNORECASE)


class VendorError(Exception):
    """A package can't be had, or is not the one that the lock names."""


def locked(lock: Path = LOCK) -> dict[str, tuple[str, str]]:
    """Package names with their versions and the SHA-256 of their archives.

    Raises VendorError on a line without a hash.
    """
    pins = {}
    for line in lock.read_text().splitlines():
        if not line or line.startswith(("#", "--")):
            continue
        if not (match := PINNED.match(line)):
            raise VendorError(f"{lock}: not of the form name==version --hash=sha256:...: {line}")
        pins[match[1]] = (match[2], match[3])
    return pins


def archives(cache: Path, lock: Path = LOCK) -> dict[str, Path]:
    """The archive of each locked package, fetched if `cache` lacks one. Raises VendorError."""
    wanted = {name: digest for name, (_, digest) in locked(lock).items()}
    if not set(wanted.values()) <= _by_digest(cache).keys():
        _fetch(cache, lock)
    found = _by_digest(cache)
    if missing := sorted(name for name, digest in wanted.items() if digest not in found):
        raise VendorError(f"{cache} holds no archive of {missing[0]} with the hash in {lock}")
    return {name: found[digest] for name, digest in wanted.items()}


def _by_digest(cache: Path) -> dict[str, Path]:
    return {
        hashlib.sha256(path.read_bytes()).hexdigest(): path
        for path in cache.glob("*")
        if path.is_file()
    }


def _fetch(cache: Path, lock: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "pip", *FETCH, "--requirement", str(lock), "--dest", str(cache)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise VendorError(f"pip could not fetch what {lock} names:\n{done.stdout.strip()}")


def files(archive: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """What of an archive goes into the image: modules and licences.

    Paths are relative to an entry of sys.path.
    """
    for path, data in unpacked(archive):
        if _is_module(path) or _is_metadata(path):
            yield path, data


def unpacked(archive: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """All files of an archive. Raises VendorError on a path that leads out of its folder."""
    with zipfile.ZipFile(archive) as wheel:
        for entry in wheel.infolist():
            if not entry.is_dir():
                yield _inside(entry.filename), wheel.read(entry)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise VendorError(f"an archive wants to write outside of its folder: {name}")
    return path


def _is_module(path: PurePosixPath) -> bool:
    return (
        path.suffix == ".py"
        and not path.parts[0].endswith(".dist-info")
        and not LEFT_OUT_FOLDERS & set(path.parts)
    )


def _is_metadata(path: PurePosixPath) -> bool:
    return path.parts[0].endswith(".dist-info") and bool(KEPT_IN_METADATA.fullmatch(path.name))
