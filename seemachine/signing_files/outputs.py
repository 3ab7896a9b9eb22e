"""Where signatures go: beside their files, into a folder, or to a file that is named."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from seeclient.folders.places import is_within

from seemachine.frozen import frozen
from seemachine.signing_files.refusing import refuse
from seemachine.signing_files.sources import Source


@frozen
class Task:
    """What is to be signed, and the file of its signature; `name` is the path of that within the
    folder of the journal.
    """

    source: Source
    out: Path
    name: str


def tasks(
    sources: Sequence[Source], out: str | None, suffix: str, *, into_folder: bool
) -> Mapping[Path, list[Task]]:
    """By the folders in which they are to be journalled: that of `out`, or those of the files.
    `into_folder`: `out` is a folder, of however few files.

    Raises StatusError where two would meet, or a signature would be signed.
    """
    if out is None:
        made = [_beside(source, suffix) for source in sources]
    elif into_folder or len(sources) > 1 or out.endswith(os.sep) or Path(out).is_dir():
        made = [_into(Path(out), source, suffix) for source in sources]
    else:
        path = Path(out)
        _refuse_device(path)
        if not path.parent.is_dir():
            refuse(f"there is no folder {path.parent}; make it first")
        made = [(path.parent, Task(sources[0], path, path.name))]
    _refuse_meetings([task for _, task in made])
    grouped: dict[Path, list[Task]] = {}
    for folder, task in made:
        grouped.setdefault(folder, []).append(task)
    return grouped


def _refuse_device(path: Path) -> None:
    """Also a pipe; and /dev/stdout is a link, maybe to a file, that nobody should remove."""
    is_other = path.exists() and not path.is_file()
    folder = path.parent.resolve()
    if is_other or folder == Path("/dev") or folder.is_relative_to("/proc"):
        refuse(f"{path} is not a regular file; name one, or - for standard output")


def _beside(source: Source, suffix: str) -> tuple[Path, Task]:
    if isinstance(source.content, bytes):
        refuse(f"{source.name} has no place beside it; name a file for its signature with --out")
    path = source.content
    out = path.with_name(path.name + suffix)
    return Path(os.path.realpath(path.parent)), Task(source, out, out.name)


def _into(folder: Path, source: Source, suffix: str) -> tuple[Path, Task]:
    if not source.below:
        refuse(
            f"{source.name} has no place in {folder}; name it alone, not in a list, and a file"
            " for its signature with --out"
        )
    if folder.exists() and not folder.is_dir():
        refuse(
            f"{folder} is a file; the signatures of several files, of a folder or of a list go into"
            " a folder: name one with --out"
        )
    name = source.below + suffix
    return folder, Task(source, folder / name, name)


def _refuse_meetings(every: Sequence[Task]) -> None:
    sources = {_real(each.source.content): each for each in every if _is_file(each)}
    outs: dict[Path, Task] = {}
    for task in every:
        place = _real(task.out)
        if place in outs:
            refuse(_why_not_both(outs[place], task))
        if place in sources:
            refuse(
                f"{task.out} is where the signature of {task.source.name} goes, and is to be signed"
                " itself; leave it out, or name a folder with --out"
            )
        outs[place] = task


def _why_not_both(one: Task, other: Task) -> str:
    both = f"{one.source.name} and {other.source.name}"
    if (
        _is_file(one)
        and _is_file(other)
        and _real(one.source.content) == _real(other.source.content)
    ):
        return f"{both} are one file; name it once"
    return (
        f"{both} would both have their signature in {other.out}; sign one of them alone, into"
        " another folder"
    )


def refuse_around(folders: Sequence[Path], out: Path) -> None:
    """A folder that is signed would grow by its signatures. Raises StatusError."""
    for folder in folders:
        if out.is_dir() and is_within(folder, out):
            refuse(
                f"--out {out} must not be {folder}, which is signed, or a folder above it; it may"
                " be one within it, or any other"
            )


def _is_file(task: Task) -> bool:
    return isinstance(task.source.content, Path)


def _real(path: bytes | Path) -> Path:
    assert isinstance(path, Path)
    return Path(os.path.realpath(path))
