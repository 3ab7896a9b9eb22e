"""Files of this host: written whole, and what the system refuses of one, as a sentence that says
which file and what to do.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from seemachine.wire.status import Status, StatusError

ADVICE = {
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there",
    errno.EMFILE: "close files, or raise ulimit -n",
}


# How the name of a file ends that has not taken its own yet.
ASIDE = ".new"


def is_aside(name: str) -> bool:
    """Whether a file is one that was written aside, by a command that was killed."""
    digits = name.removeprefix(".").removesuffix(ASIDE)
    is_ours = len(digits) == 16 and all(each in "0123456789abcdef" for each in digits)
    return is_ours and name == f".{digits}{ASIDE}"


def sentence(error: OSError, path: Path | str = "") -> str:
    """`FILE: No space left on device; make room there`, without numbers of the system."""
    name = path or (os.fsdecode(error.filename) if error.filename else "")
    if error.errno is None:
        return str(error)
    reason = error.strerror or os.strerror(error.errno)
    advice = ADVICE.get(error.errno)
    return (f"{name}: " if name else "") + reason + (f"; {advice}" if advice else "")


def refusal(path: Path, error: OSError, where: str) -> StatusError:
    """The same as a status (OSErrorErrno)."""
    return StatusError(Status.OSErrorErrno, sentence(error, path), where)


def unwritable(path: Path) -> OSError | None:
    """Why the system would not let us write over a file, or into a folder; None where it would.
    What is not there yet is judged by its folder. Raises OSError.
    """
    there = path if path.exists() else path.absolute().parent
    if os.access(there, os.W_OK | os.X_OK if there.is_dir() else os.W_OK):
        return None
    is_read_only = os.statvfs(there).f_flag & os.ST_RDONLY
    code = errno.EROFS if is_read_only else errno.EACCES
    return OSError(code, os.strerror(code), str(there))


def make_folder(folder: Path) -> None:
    """Make a folder where there is none, and those above it, for this user alone.

    Raises OSError.
    """
    for each in (*reversed(folder.parents), folder):
        if not each.is_dir():
            each.mkdir(mode=0o700, exist_ok=True)


@contextlib.contextmanager
def written_aside(
    path: Path, data: bytes, *, durable: bool = True, alone: bool = False
) -> Iterator[Path]:
    """A file beside `path` that has the data, and is to take a name; what did not is gone in the
    end. Two at once have two; `alone`: there are never two at once, and what one left that was
    killed is known by its name. Raises OSError.
    """
    # Its name is no longer than may be, however long that of `path` is.
    aside = left_by(path) if alone else path.with_name(f".{os.urandom(8).hex()}{ASIDE}")
    if alone:
        aside.unlink(missing_ok=True)
    try:
        # Whoever knows its name may have put a link there since.
        with aside.open("xb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        yield aside
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def put(
    path: Path,
    data: bytes,
    mode: int,
    *,
    replace: bool,
    durable: bool = True,
    alone: bool = False,
) -> None:
    """All of a file or nothing, with a mode; without `replace` only where nothing is. `alone`: see
    written_aside. Raises OSError.
    """
    with written_aside(path, data, durable=durable, alone=alone) as aside:
        aside.chmod(mode)
        if replace:
            aside.replace(path)
        else:
            take_free_name(aside, path)


def left_by(path: Path) -> Path:
    """What somebody who was alone left beside a file, where he was killed while he wrote it."""
    import hashlib

    digits = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    return path.with_name(f".{digits}{ASIDE}")


def clear(path: Path) -> None:
    """Remove that, as far as it may be: it is not worth a refusal."""
    with contextlib.suppress(OSError):
        left_by(path).unlink(missing_ok=True)


def take_free_name(aside: Path, path: Path) -> None:
    """Give a file that was written aside a name that nothing has. Raises OSError, FileExistsError
    where something has it.
    """
    try:
        path.hardlink_to(aside)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems give no second names. There, two at once may both find this one free.
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        aside.replace(path)
