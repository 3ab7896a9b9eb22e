"""Files that a command makes when a leaf is spent: what can be refused is refused before."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from seeclient import files

from seemachine.cli.answer import Misused, Refused
from seemachine.frozen import frozen

STANDARD_OUTPUT = "-"


@frozen
class OutFile:
    """Where a result goes: the name of a file, or `-`; `force`: it may be there already. The file
    is for whom the `umask` leaves it.
    """

    name: str
    force: bool = False
    umask: int = 0o077

    @property
    def is_stream(self) -> bool:
        """Whether it is standard output."""
        return self.name == STANDARD_OUTPUT

    def check(self, sources: Iterable[Path] = (), *, text: bool, as_json: bool) -> None:
        """Whether a result can go there; `sources` are files that were read for it.

        Raises Refused, Misused.
        """
        if self.is_stream:
            _check_stream(text=text, as_json=as_json)
            return
        path = Path(self.name)
        if path.is_dir():
            raise Refused(f"{path} is a folder; name a file")
        if not path.parent.is_dir():
            raise Refused(f"there is no folder {path.parent}; make it first")
        if any(path.exists() and each.exists() and path.samefile(each) for each in sources):
            raise Refused(f"{path} is what is read; name another file")
        if path.is_file() and not self.force:
            raise Refused(f"{path} is there already; replace it with --force")
        if denied := files.unwritable(path):
            raise Refused(files.sentence(denied))

    def put(self, data: bytes) -> str:
        """Why it could not be written there; empty where it was. Of a file all is there or nothing.

        Raises BrokenPipeError where whoever reads standard output is gone.
        """
        try:
            if self.is_stream:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            else:
                self._write(Path(self.name), data)
        except BrokenPipeError:
            raise
        except OSError as error:
            return files.sentence(error, "standard output" if self.is_stream else self.name)
        return ""

    def put_signed(self, data: bytes) -> str:
        """The same of what can't be made again: it also says where nobody reads standard output."""
        try:
            return self.put(data)
        except BrokenPipeError:
            return "nobody reads standard output"

    def _write(self, named: Path, data: bytes) -> None:
        if named.exists() and not named.is_file():
            # A pipe or a device has nothing to keep, and /dev/stdout stands for none in a folder.
            named.write_bytes(data)
            return
        path = Path(os.path.realpath(named))
        files.put(path, data, 0o666 & ~self.umask, replace=self.force)


def lost(trouble: str, leaf: int | None) -> str:
    """What to say of a signature that could not be put anywhere."""
    return f"{trouble}; the signature is lost" + (
        "" if leaf is None else f", and so is leaf {leaf}"
    )


def _check_stream(*, text: bool, as_json: bool) -> None:
    if as_json:
        raise Misused("--json has standard output; name a file with --out")
    # What was closed is the null device by now: see seemachine.terminal.settle_streams.
    if sys.__stdout__ is None:
        raise Refused("standard output is closed; name a file with --out")
    if not text and sys.stdout.isatty():
        raise Refused("binary output is not written to a terminal; name a file with --out")
