"""Key files of the host: what is known about a key, under the alias that people use.

    key_pqsdk_<alias>: one line of JSON, then bytes

The line has a head, which is the same for all algorithms, and what the key's algorithm adds; the
bytes are the algorithm's too. Of an LMS key no secret is in it. The vendor's format is not public;
this one is ours.
"""

import contextlib
import hashlib
import json
import os
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from seeclient import files
from seeclient.algorithms import MODULES
from seeclient.keyfile import (
    ALIAS,
    WHERE,
    Body,
    Head,
    KeyFile,
    KeyForm,
    Made,
    check_alias,
    formed,
    whole,
)
from seemachine.formats import Format, OtherVersion
from seemachine.wire.status import Status, StatusError

PREFIX = "key_pqsdk_"
FORMAT = Format("seemachine key file")
# Of a key whose file can't be read, in lists.
UNKNOWN = "unknown"
_ALGORITHM = re.compile(r"[A-Za-z0-9-]{1,32}", re.ASCII)
_SIGNER = re.compile(r"([0-9a-f]{2}){0,64}", re.ASCII)
_HEAD = ("format", "alias", "algorithm", "public_key", "signer", "made")
_NAME = re.compile(r"[!-~]{0,64}", re.ASCII)
_LAST_TIME = (1 << 53) - 1
# More than the first line of any key file has.
_LINE_BYTES = 1 << 20


class UnknownAlgorithm(Exception):
    """A key of an algorithm that this version does not know. The text is its name."""


@dataclass(frozen=True, slots=True)
class KeyStore:
    """The key files in a folder: kmdata/local of a world, or $NFAST_KMLOCAL.

    `author` is who makes keys here, as far as that is known.
    """

    folder: Path
    author: str = ""

    def aliases(self) -> list[str]:
        """The aliases of all keys, sorted.

        A file whose name has none is not a key: nothing could ask for it. Raises StatusError where
        the folder can't be read.
        """
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise files.refusal(self.folder, error, WHERE) from None
        found = (name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX))
        return sorted(filter(ALIAS.fullmatch, found))

    def listing(self) -> list[tuple[str, str]]:
        """Alias and algorithm of each key, sorted; UNKNOWN where the file does not say.

        Only first lines are read, so a key whose file is damaged further on is listed too.
        """
        return [(alias, _algorithm_in(self.path_of(alias))) for alias in self.aliases()]

    def known(self) -> dict[bytes, str]:
        """The alias of each key that has NVRAM files, by their name.

        Files that can't be read are left out.
        """
        found: dict[bytes, str] = {}
        aliases: list[str] = []
        with contextlib.suppress(StatusError):
            aliases = self.aliases()
        for alias in aliases:
            with contextlib.suppress(StatusError):
                found[self.load(alias).name] = alias
        found.pop(b"", None)
        return found

    def has(self, alias: str) -> bool:
        """Whether there is a key of that alias. Raises StatusError where nobody can tell."""
        path = self.path_of(alias)
        try:
            return path.exists()
        except OSError as error:
            raise files.refusal(path, error, WHERE) from None

    def load(self, alias: str) -> KeyFile:
        """The key of an alias: the KeyFile of its algorithm.

        Raises StatusError: UnknownID when there is none, Malformed when its file is damaged,
        NotYetImplemented when another version of seemachine wrote it, which this one can't read.
        """
        path = self.path_of(check_alias(alias))
        try:
            return decode(path.read_bytes(), str(path))
        except FileNotFoundError:
            raise StatusError(
                Status.UnknownID, f"there is no key {alias}; see them with: pipsqueak list", WHERE
            ) from None
        except OSError as error:
            raise files.refusal(path, error, WHERE) from None
        except OtherVersion as other:
            raise StatusError(Status.NotYetImplemented, str(other), WHERE) from None
        except UnknownAlgorithm as unknown:
            what = f"{alias} is a key of {unknown}, which this version of seemachine does not know"
            advice = "nothing is wrong with its file; use a version that knows it"
            raise StatusError(Status.NotYetImplemented, f"{what}: {advice}", WHERE) from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise StatusError(
                Status.Malformed,
                f"{path} is damaged ({error}); restore it from a copy, it holds no secret",
                WHERE,
            ) from None

    def save(self, key: KeyFile) -> None:
        """Write a key file, so that a crash leaves all of it or nothing.

        Raises StatusError when the folder can't be written.
        """
        path = self.path_of(check_alias(key.alias))
        scratch = path.with_name(f".{path.name}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with scratch.open("wb") as file:
                file.write(_encode(key))
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        except OSError as error:
            raise files.refusal(path, error, WHERE) from None

    def check_writable(self) -> None:
        """Raises StatusError when a key made now could not be saved: better before an hour of
        hashing than after it.
        """
        folder = self.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise files.refusal(folder, error, WHERE) from None
        if not os.access(folder, os.W_OK):
            raise StatusError(Status.AccessDenied, f"{folder} is not writable", WHERE)

    def check_free(self, alias: str, where: str) -> None:
        """Raises StatusError (ObjectInUse) when there is a key of that alias."""
        if self.has(alias):
            advice = f"choose another alias, or destroy it with: seemachine key destroy {alias}"
            raise StatusError(
                Status.ObjectInUse, f"there is a key {alias} already; {advice}", where
            )

    def remove(self, alias: str) -> None:
        """Delete a key file, or find it gone. Raises StatusError where it can't be deleted."""
        path = self.path_of(check_alias(alias))
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise files.refusal(path, error, WHERE) from None

    def forget(self, public_key: bytes) -> list[str]:
        """Delete all files of a key, and return their aliases. Files that can't be read stay."""
        found = []
        for alias in self.aliases():
            with contextlib.suppress(StatusError):
                if self.load(alias).public_key == public_key and self._forget(alias, public_key):
                    found.append(alias)
        return found

    def _forget(self, alias: str, public_key: bytes) -> bool:
        """Whether it was this key's. Looked at under a name that nobody else uses: by now another
        key may have been made under the alias.
        """
        path = self.path_of(alias)
        aside = path.with_name(f".{path.name}.{os.getpid()}.gone")
        with contextlib.suppress(FileNotFoundError):
            path.rename(aside)
            is_its = _is_of(aside, public_key)
            if not is_its:
                with contextlib.suppress(FileExistsError):
                    path.hardlink_to(aside)
            aside.unlink()
            return is_its
        return False

    def path_of(self, alias: str) -> Path:
        """The file of an alias, whether it is there or not."""
        return self.folder / f"{PREFIX}{alias.lower()}"


def decode(data: bytes, what: str) -> KeyFile:
    """What a key file holds: the KeyFile of its algorithm. `what` names the file.

    Raises OtherVersion, UnknownAlgorithm; ValueError, KeyError, TypeError, RecursionError for what
    is none.
    """
    line, _, rest = data.partition(b"\n")
    fields = json.loads(line)
    if type(fields) is not dict:
        raise ValueError("its first line is not an object")
    # First: in a damaged file the version may be what is damaged. A later version keeps to this, or
    # calls its checksum something else.
    checksum = fields.pop("sha256", None)
    if checksum is not None and checksum != _checksum(fields, rest):
        raise ValueError("it does not have its checksum")
    FORMAT.check(fields["format"], what)
    if checksum is None:
        raise ValueError("it has no checksum")
    head = Head(
        formed(fields["alias"], ALIAS, "alias"),
        formed(fields["algorithm"], _ALGORITHM, "algorithm"),
        bytes.fromhex(fields["public_key"]),
        formed(fields.get("signer", ""), _SIGNER, "signer"),
        _made(fields.get("made")),
    )
    own = {name: value for name, value in fields.items() if name not in _HEAD}
    return _form(head.algorithm).decoded(head, Body(own, rest))


def is_author(name: str) -> bool:
    """Whether a key file can say that somebody of this name made it."""
    return bool(_NAME.fullmatch(name))


def _is_of(path: Path, public_key: bytes) -> bool:
    try:
        return decode(path.read_bytes(), str(path)).public_key == public_key
    except (OtherVersion, UnknownAlgorithm, ValueError, KeyError, TypeError, RecursionError):
        return False


def _made(fields: Any) -> Made | None:
    """Raises ValueError, KeyError, TypeError."""
    if fields is None:
        return None
    names = (formed(fields[name], _NAME, name) for name in ("by", "esn"))
    return Made(whole(fields, "time", _LAST_TIME), *names)


def _form(algorithm: str) -> KeyForm:
    """The module that knows what an algorithm's key files have. Raises UnknownAlgorithm."""
    package = MODULES.get(algorithm.upper())
    if package is None:
        raise UnknownAlgorithm(algorithm)
    return cast(KeyForm, import_module(f"{package}.keyfile"))


def _encode(key: KeyFile) -> bytes:
    body = _form(key.algorithm).encoded(key)
    head = {
        "format": str(FORMAT),
        "alias": key.alias,
        "algorithm": key.algorithm,
        "public_key": key.public_key.hex(),
        **({"signer": key.signer} if key.signer else {}),
        **({"made": key.made._asdict()} if key.made else {}),
        **body.fields,
    }
    return json.dumps(head | {"sha256": _checksum(head, body.data)}).encode() + b"\n" + body.data


def _checksum(head: dict[str, Any], data: bytes) -> str:
    """Of everything else in the file."""
    return hashlib.sha256(json.dumps(head, sort_keys=True).encode() + b"\n" + data).hexdigest()


def _algorithm_in(path: Path) -> str:
    try:
        with path.open("rb") as file:
            fields = json.loads(file.readline(_LINE_BYTES))
        return formed(fields["algorithm"], _ALGORITHM, "algorithm")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return UNKNOWN
