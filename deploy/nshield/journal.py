"""What the tools can't be asked: which files were made of what, and which SEE machine is ours.
journal.json in the work folder.

It is a convenience, not the truth: without it things are made again, and a SEE machine that it does
not know is not touched.
"""

import fcntl
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from nshield.settings import WrongSettings

FILE_NAME = "journal.json"
# Long enough for a tool that outlived a killed run; a card that is waited for takes longer.
WAIT_SECONDS = 10.0
LOOK_SECONDS = 0.05


class Busy(Exception):
    """Another run has this work folder, or a tool that it started."""


class Folder:
    """The work folder of a run: taken as soon as it is there, made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken = lock(path) if path.is_dir() else -1

    def need(self) -> int:
        """What keeps others out: it is for the tools, too. Raises Busy, WrongSettings."""
        if self.taken < 0:
            try:
                self.path.mkdir(mode=0o700, parents=True)
            except FileExistsError:
                raise Busy(
                    f"another run has begun in {self.path} meanwhile; wait until it has ended"
                ) from None
            except OSError as error:
                raise _unusable(self.path, error) from None
            self.taken = lock(self.path)
        return self.taken

    def leave(self) -> None:
        """The run is at its end."""
        if self.taken >= 0:
            os.close(self.taken)


class Journal:
    """The journal of a work folder.

    What is `made` counts for all modules; the rest is kept by ESN.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._values = _read(self._path)

    def get(self, esn: str, name: str) -> Any:
        """A note on a module, or None."""
        return self._values.get("modules", {}).get(esn, {}).get(name)

    def note(self, esn: str, **values: Any) -> None:
        """Keep notes on a module; None drops one."""
        notes = self._values.setdefault("modules", {}).setdefault(esn, {})
        notes.update(values)
        for name in [name for name, value in notes.items() if value is None]:
            del notes[name]
        self._keep()

    def made(self, path: Path, inputs: str) -> bool:
        """Whether a file is the one that was made, completely, of these inputs."""
        return path.is_file() and self._values.get("made", {}).get(path.name) == [
            inputs,
            digest(path),
        ]

    def note_made(self, path: Path, inputs: str) -> None:
        """It is now, if it is there at all."""
        if path.is_file():
            self._values.setdefault("made", {})[path.name] = [inputs, digest(path)]
            self._keep()

    def _keep(self) -> None:
        scratch = self._path.with_suffix(".new")
        with scratch.open("w", encoding="utf-8") as file:
            json.dump(self._values, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self._path)
        _flush(self._path.parent)


def _flush(folder: Path) -> None:
    """A new name is in its folder for good only then."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not _is_one(values):
            raise ValueError("it has another form")
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged ({error}); remove it, and images and archives are made again"
        ) from None
    return dict(values)


def _is_one(values: Any) -> bool:
    """Whether it has tables where they are looked for."""
    return (
        isinstance(values, dict)
        and all(isinstance(values.get(name, {}), dict) for name in ("modules", "made"))
        and all(isinstance(notes, dict) for notes in values.get("modules", {}).values())
    )


def digest(*paths: Path) -> str:
    """SHA-256 of files and folders: names, whether executable, contents."""
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            name = str(file.relative_to(path)) if path.is_dir() else ""
            kind = "link" if file.is_symlink() else "folder" if file.is_dir() else "file"
            found.update(
                f"{name}\0{kind}\0{os.access(file, os.X_OK)}\0".encode(errors="surrogateescape")
            )
            if kind == "file":
                found.update(hashlib.sha256(file.read_bytes()).digest())
            elif kind == "link":
                found.update(str(file.readlink()).encode(errors="surrogateescape"))
    return found.hexdigest()


def _unusable(folder: Path, error: OSError) -> WrongSettings:
    return WrongSettings(
        f"the work folder {folder} can't be used: {error.strerror}; choose another with --work"
    )


def lock(folder: Path) -> int:
    """Take a folder.

    The descriptor is for the tools too: while one of a killed run goes on it is taken. Raises Busy,
    WrongSettings.
    """
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(folder, error) from None
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise Busy(
                    f"another run, or a tool that one started, has {folder}; wait until it has"
                    " ended"
                ) from None
            time.sleep(LOOK_SECONDS)
        else:
            return descriptor
