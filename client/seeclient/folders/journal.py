"""What was asked of machines for the files of a folder, so that a run that was broken off, by
whatever, is gone on with: each file is asked for again under its token, and takes no second leaf.

It is a file of lines of JSON in the folder of the signatures, durable before a machine is asked:

    {"version": 1, "key": HASH}
    {"asked": NOTE, "files": [[NAME, TOKEN, DIGEST], ...]}
    {"signed": [[NAME, SIGNATURE], ...]}
    {"refused": [NAME, ...]}
    {"done": [NAME, ...]}

Signatures are taken off again when they are in their places.

Digests are SHA-256 of the files, signatures are in base64, the rest in hexadecimal; of notes see
seeclient.algorithms.lms.notes.
"""

import contextlib
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seeclient import files
from seeclient.algorithms.lms import notes
from seeclient.folders.hold import hold
from seeclient.folders.names import END, START, WHERE
from seeclient.keyfile import KeyFile
from seemachine.formats import Format, OtherVersion
from seemachine.frozen import frozen
from seemachine.wire.names import TOKEN_BYTES
from seemachine.wire.status import Status, StatusError

FORMAT = Format("signing journal")


@frozen
class Entry:
    """What is known of a file: what was asked, of whom, and the signature where it came."""

    token: bytes
    digest: bytes
    note: str
    signature: bytes = b""

    @property
    def esn(self) -> str:
        """Who was asked."""
        return self.note.partition(" ")[0]


class Journal:
    """The journal of a key in a folder, which nobody else signs into meanwhile. `kind` tells those
    of one key there apart; `lock` is a descriptor of a caller who has several at once, see `hold`.
    `seconds`: so long it waits for somebody else.

    Raises StatusError: ObjectInUse while somebody else does.
    """

    def __init__(
        self,
        folder: Path,
        key: KeyFile,
        *,
        kind: str = "",
        lock: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        self.path = folder / f"{START}{kind}{key.public_hash[:16]}{END}"
        self._head = {"version": FORMAT.version, "key": key.public_hash}
        self._file: int | None = None
        # Where the last line begins, while it says nothing but what was signed.
        self._last: int | None = None
        self._entries: dict[str, Entry] = {}
        self._folder = hold(folder, seconds) if lock is None else os.dup(lock)
        try:
            self._read()
        except BaseException:
            self.release()
            raise

    def entry(self, name: str, digest: bytes) -> Entry | None:
        """What is known of a file, unless it was changed since."""
        known = self._entries.get(name)
        return known if known is not None and known.digest == digest else None

    def knows(self, name: str) -> bool:
        """Whether somebody was asked for a file, and may have taken a leaf."""
        known = self._entries.get(name)
        return known is not None and bool(known.note or known.signature)

    def asked(self, note: str, wanted: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Somebody is about to be asked for these: name, token, digest. Durable. Raises
        StatusError.
        """
        told = [(name, token.hex(), digest.hex()) for name, token, digest in wanted]
        self._append(line := {"asked": note, "files": told}, durable=True)
        self._take(line)

    def signed(self, made: Mapping[str, bytes]) -> None:
        """These are signed. Should that get lost, whoever was asked gives them again."""
        told = [(name, b64encode(made[name]).decode()) for name in made if name in self._entries]
        with contextlib.suppress(StatusError):
            if told:
                end = os.fstat(self._file).st_size if self._file is not None else None
                self._append({"signed": told}, durable=False)
                self._last = end

    def written(self) -> None:
        """These signatures are in their places: the journal need not keep them too."""
        if self._file is not None and self._last is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._last)
        self._last = None

    def refused(self, names: Sequence[str]) -> None:
        """No leaf was taken for these: the next time anybody may be asked."""
        told = [name for name in names if name in self._entries]
        with contextlib.suppress(StatusError):
            if told:
                self._append(line := {"refused": told}, durable=False)
                self._take(line)

    def done(self, names: Iterable[str]) -> None:
        """What was written of these is on the disk; others, of an earlier command, may be waited
        for yet. For what was refused there is nothing to keep. Raises StatusError.
        """
        refused = {name for name in self._entries if not self.knows(name)}
        told = sorted(self._entries.keys() & {*names, *refused})
        self._take({"done": told})
        if not self._entries:
            self.forget()
        elif told:
            self._append({"done": told}, durable=False)

    def forget(self) -> None:
        """All is done, and what was written is on the disk. Raises StatusError."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise files.refusal(self.path, error, WHERE) from None

    def release(self) -> None:
        """Others may sign into the folder."""
        for descriptor in (self._file, self._folder):
            if descriptor is not None:
                os.close(descriptor)
        self._file = None

    # ------------------------------------------------------------ lines

    def _append(self, line: dict[str, Any], *, durable: bool) -> None:
        self._last = None
        try:
            if self._file is None:
                self._file = self._begun()
            _write_line(self._file, line)
            if durable:
                os.fdatasync(self._file)
        except OSError as error:
            raise files.refusal(self.path, error, WHERE) from None

    def _begun(self) -> int:
        """Its name is durable before its first line is."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if not os.fstat(file).st_size:
            try:
                _write_line(file, self._head)
                os.fsync(self._folder)
            except OSError:
                os.close(file)
                raise
        return file

    def _read(self) -> None:
        try:
            data = self.path.read_bytes() if self.path.exists() else b""
            # The end of a line that was not written whole: nothing had been asked for it.
            whole = data[: data.rfind(b"\n") + 1]
            if len(whole) < len(data):
                os.truncate(self.path, len(whole))
            for number, text in enumerate(whole.splitlines()):
                line = json.loads(text)
                self._take(line) if number else self._check(line)
        except OtherVersion as other:
            raise StatusError(Status.NotYetImplemented, str(other), WHERE) from None
        except OSError as error:
            raise files.refusal(self.path, error, WHERE) from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            what = (
                f"{self.path} is damaged ({error}); without it, what it asked for takes new leaves"
            )
            raise StatusError(Status.Malformed, f"{what}: remove it", WHERE) from None

    def _check(self, head: dict[str, Any]) -> None:
        """Raises OtherVersion, ValueError, KeyError, TypeError."""
        FORMAT.check(head["version"], str(self.path))
        if head != self._head:
            raise ValueError("it is of another key")

    def _take(self, line: Mapping[str, Any]) -> None:
        """Raises ValueError, KeyError, TypeError, AttributeError for what is not a line of it."""
        for name, token, digest in line.get("files", ()):
            self._entries[name] = _entry(token, digest, line["asked"])
        for name, signature in line.get("signed", ()):
            known = self._entries[name]
            made = b64decode(signature, validate=True)
            self._entries[name] = Entry(known.token, known.digest, known.note, made)
        for name in line.get("refused", ()):
            known = self._entries[name]
            self._entries[name] = Entry(known.token, known.digest, "")
        for name in line.get("done", ()):
            del self._entries[name]


def _entry(token: str, digest: str, note: str) -> Entry:
    """Of a file that was asked for. Raises ValueError, TypeError."""
    made = Entry(bytes.fromhex(token), bytes.fromhex(digest), note)
    if not isinstance(note, str) or len(made.token) != TOKEN_BYTES:
        raise ValueError("a note is text, and a token has its bytes")
    try:
        notes.read(note)
    except StatusError as error:
        raise ValueError(error.detail) from None
    return made


def _write_line(file: int, line: Mapping[str, Any]) -> None:
    """All of it or nothing. Raises OSError."""
    before = os.fstat(file).st_size
    data = json.dumps(line).encode() + b"\n"
    try:
        while data:
            data = data[os.write(file, data) :]
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(file, before)
        raise
