"""The root tree of the image: which file goes where, always the same bytes, modes and times."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import vendor

HERE = Path(__file__).parent
SOURCE = HERE.parent
ENTRY_POINT = PurePosixPath("usr/bin/entrypoint")
HEALTHCHECK = PurePosixPath("usr/bin/healthcheck")
PROGRAMS = {ENTRY_POINT: "entrypoint.py", HEALTHCHECK: "healthcheck.py"}
# Not usr/lib/python3.11: csadmin copies that folder of the SDK over the tree.
LIBRARY = PurePosixPath("usr/lib/seemachine")
# What both programs know of the data folder.
DATA_MODULE = "data_folder.py"
STAND_INS = LIBRARY / "stand-ins"
SETTINGS = PurePosixPath("etc/seemachine.toml")
USERDATA = PurePosixPath("etc/userdata.codesafe")
# Empty: where an OCI image has its volume. On hardware the settings may name another.
DATA = PurePosixPath("var/lib/seemachine")
DEFAULT_SETTINGS = HERE / "seemachine.toml"
INTERPRETER = "/usr/bin/python3"
PROGRAM_MODE, FILE_MODE, FOLDER_MODE = 0o755, 0o644, 0o755


@dataclass(frozen=True, slots=True)
class Choices:
    """What differs between images.

    `interpreter` is the Python of the container, `userdata` the file that userdatatool.py writes.
    """

    userdata: Path
    settings: Path = DEFAULT_SETTINGS
    interpreter: str = INTERPRETER


def lay_out(root: Path, cache: Path, choices: Choices) -> str:
    """Make the tree anew below `root`, which must be absent or an earlier tree.

    Returns its digest. Raises VendorError, OSError.
    """
    contents = dict(_contents(cache, choices))
    _clear(root)
    for path, data in sorted(contents.items()):
        write(root / path, data, PROGRAM_MODE if path in PROGRAMS else FILE_MODE)
    (root / DATA).mkdir(parents=True)
    for folder, _, _ in os.walk(root, topdown=False):
        Path(folder).chmod(FOLDER_MODE)
        os.utime(folder, (0, 0))
    return digest(root)


def digest(root: Path) -> str:
    """SHA-256 over the paths, modes and bytes of a tree."""
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        name, mode = path.relative_to(root).as_posix(), path.stat().st_mode
        data = path.read_bytes() if path.is_file() else b""
        total.update(f"{mode:o} {len(data)} {name}\0".encode() + data)
    return total.hexdigest()


def _contents(cache: Path, choices: Choices) -> Iterator[tuple[PurePosixPath, bytes]]:
    for path, source in PROGRAMS.items():
        yield path, _with_interpreter((HERE / source).read_bytes(), choices.interpreter)
    yield SETTINGS, choices.settings.read_bytes()
    yield USERDATA, choices.userdata.read_bytes()
    for module in _modules(SOURCE / "seemachine"):
        yield LIBRARY / module.relative_to(SOURCE).as_posix(), module.read_bytes()
    yield LIBRARY / DATA_MODULE, (HERE / DATA_MODULE).read_bytes()
    for module in _modules(HERE / "stand-ins"):
        yield STAND_INS / module.relative_to(HERE / "stand-ins").as_posix(), module.read_bytes()
    for archive in vendor.archives(cache).values():
        for name, data in vendor.files(archive):
            yield LIBRARY / name, data


def _modules(folder: Path) -> list[Path]:
    """Python files only: the native engine is for another processor, and would be refused in any
    case.
    """
    return sorted(folder.rglob("*.py"))


def _with_interpreter(program: bytes, interpreter: str) -> bytes:
    first, _, rest = program.partition(b"\n")
    if not first.startswith(f"#!{INTERPRETER} ".encode()):
        raise ValueError("a program does not begin with its interpreter")
    return first.replace(INTERPRETER.encode(), os.fsencode(interpreter), 1) + b"\n" + rest


def write(path: Path, data: bytes, mode: int = FILE_MODE) -> None:
    """One file of a tree. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)
    os.utime(path, (0, 0))


def _clear(root: Path) -> None:
    if root.exists():
        if any(root.iterdir()) and not (root / ENTRY_POINT).exists():
            raise FileExistsError(
                f"{root} holds something else than an image tree; name another folder"
            )
        shutil.rmtree(root)
