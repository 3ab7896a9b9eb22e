"""Every ordinary way to save a part of a world and to put it back in its place, or beside it."""

import filecmp
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

Parts = Iterable[Path]


def run(*words: object) -> None:
    """A command that has to succeed."""
    subprocess.run(list(map(str, words)), check=True, capture_output=True, timeout=60)


@dataclass(frozen=True)
class Way:
    """`save` puts parts of a world, paths below it, into a new folder; `back` puts all that lies in
    there in its place in the world.
    """

    name: str
    save: Callable[[Path, Parts, Path], None]
    back: Callable[[Path, Path], None]
    needs: str = "cp"


def _with(*words: str) -> Callable[[Path, Parts, Path], None]:
    """Save each part with a command that takes a source and a target folder."""

    def save(world: Path, parts: Parts, kept: Path) -> None:
        for part in parts:
            target = (kept / part).parent
            target.mkdir(parents=True, exist_ok=True)
            # Files come and go while a machine runs.
            subprocess.run(
                [*words, str(world / part), str(target)],
                check=False,
                capture_output=True,
                timeout=60,
            )

    return save


COPIED = _with("cp", "-a")
LINKED = _with("cp", "-al")


def archived(world: Path, parts: Parts, kept: Path) -> None:
    """A tar file, with modes and owners."""
    there = [str(part) for part in parts if (world / part).exists()]
    subprocess.run(
        ["tar", "-C", str(world), "-cpf", str(kept / "saved.tar"), *there],
        check=False,
        capture_output=True,
        timeout=60,
    )


def extracted(world: Path, kept: Path) -> None:
    """Over what is there."""
    run("tar", "-C", world, "-xpf", kept / "saved.tar")


def copied_over(world: Path, kept: Path) -> None:
    """Into the files that are there. It leaves those that are the same file."""
    subprocess.run(
        ["cp", "-a", f"{kept}/.", f"{world}/"], check=False, capture_output=True, timeout=60
    )


def content_alone(world: Path, kept: Path) -> None:
    """File by file, with cat: no file is made that is there, and nothing else of it changes."""
    for path in _files(kept):
        target = world / path.relative_to(kept)
        target.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)


def linked_over(world: Path, kept: Path) -> None:
    """Each file in place of the one that is there, by a hard link; then the saved names go, as when
    a snapshot is dropped.
    """
    run("cp", "-alf", f"{kept}/.", f"{world}/")
    shutil.rmtree(kept)


def moved(world: Path, kept: Path) -> None:
    """What is there goes, and what was saved takes its place, folders and all."""
    for part in _tops(world, kept):
        target = world / part
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        (kept / part).rename(target)


def files_moved(world: Path, kept: Path) -> None:
    """The same file by file: folders stay, and each file is the one that was saved."""
    for path in _files(kept):
        target = world / path.relative_to(kept)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


def deduplicated(world: Path, parts: Parts, kept: Path) -> None:
    """A copy of which each file that is still the same is made one with it, as tools do that save
    space.
    """
    COPIED(world, parts, kept)
    for path in _files(kept):
        twin = world / path.relative_to(kept)
        if twin.is_file() and filecmp.cmp(path, twin, shallow=False):
            path.unlink()
            os.link(twin, path)


def witness_linked(world: Path, parts: Parts, kept: Path) -> None:
    """Copies, but hard links of what witnesses remember, as where an earlier copy of that was made
    one with it.
    """
    for part in parts:
        (LINKED if part.parts[0] == "witness" else COPIED)(world, [part], kept)


def _rsync(*options: str) -> Callable[[Path, Path], None]:
    return lambda world, kept: run("rsync", "-a", *options, f"{kept}/", f"{world}/")


def rsync_linked(world: Path, parts: Parts, kept: Path) -> None:
    """Rsync --link-dest with the world itself: files that are the same are links."""
    for part in parts:
        target = (kept / part).parent
        target.mkdir(parents=True, exist_ok=True)
        links = f"--link-dest={(world / part).parent}"
        subprocess.run(
            ["rsync", "-a", links, str(world / part), f"{target}/"],
            check=False,
            capture_output=True,
            timeout=60,
        )


def rsync_deleting(world: Path, kept: Path) -> None:
    """With --delete, part by part, so that nothing stays in them that was not saved."""
    for part in _tops(world, kept):
        end = "/" if (kept / part).is_dir() else ""
        run("rsync", "-a", "--delete", f"{kept / part}{end}", f"{world / part}{end}")


WAYS = (
    Way("tar, tar -xpf in place", archived, extracted, "tar"),
    Way("cp -a, cp -a in place", COPIED, copied_over),
    Way("cp -a, cat file by file", COPIED, content_alone),
    Way("cp -a, mv folders", COPIED, moved),
    Way("cp -a, mv file by file", COPIED, files_moved),
    Way("cp -al, cp -alf in place", LINKED, linked_over),
    Way("cp -al, mv folders", LINKED, moved),
    Way("cp -al, mv file by file", LINKED, files_moved),
    Way("cp -al, cat file by file", LINKED, content_alone),
    Way("rsync -a", COPIED, _rsync(), "rsync"),
    Way("rsync -a --inplace", COPIED, _rsync("--inplace", "--checksum"), "rsync"),
    Way("rsync -a --delete", COPIED, rsync_deleting, "rsync"),
    Way("rsync --link-dest, mv file by file", rsync_linked, files_moved, "rsync"),
    Way("hard-link dedupe, cp -a in place", deduplicated, copied_over),
    Way("hard-link dedupe, mv file by file", deduplicated, files_moved),
    Way("hard-link dedupe, mv folders", deduplicated, moved),
    Way("cp -a, witness by cp -al, mv file by file", witness_linked, files_moved),
)
# Where the file system of the world shares blocks.
REFLINKS = (
    Way("cp --reflink, in place", _with("cp", "-a", "--reflink=always"), copied_over),
    Way("cp --reflink, mv file by file", _with("cp", "-a", "--reflink=always"), files_moved),
)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _tops(world: Path, kept: Path) -> list[Path]:
    """The uppermost folders and files that were saved below folders which the world has anyway."""
    tops, ask = [], sorted(kept.iterdir())
    while ask:
        path = ask.pop()
        relative = path.relative_to(kept)
        if path.is_dir() and relative.name == "hsm" and (world / relative).is_dir():
            ask += sorted(path.iterdir())
        else:
            tops.append(relative)
    return tops
