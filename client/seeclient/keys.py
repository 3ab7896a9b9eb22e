"""Key files of the host: what is public about a key, under the alias that people use.

    key_pqsdk_<alias>: one line of JSON, then the node cache as bytes. No secret is in it.

The vendor's format is not public; this one is ours.
"""

import contextlib
import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seemachine.lms.keys import PublicKey
from seemachine.wire.messages import MAX_HEIGHT, MAX_WARNAT
from seemachine.wire.names import nvram_name
from seemachine.wire.status import Status, StatusError

PREFIX = "key_pqsdk_"
FORMAT = "seemachine key file 1"
WHERE = "pqsdk_key_file"
_ALIAS = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
_SIGNER = re.compile(r"([0-9a-f]{2}){0,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One key.

    `cache` is all nodes at depth `expcache`, joined; it lets a machine load a large tree without
    hashing it again.

    `signer` is the hash, in hex, of the key that signed the SEE machine which made it; empty when
    that was not signed. Of `warnat` see seeclient.thresholds; 0: none.
    """

    alias: str
    public_key: bytes
    expcards: int
    explease: int
    expcache: int
    cache: bytes = field(repr=False)
    signer: str = ""
    warnat: int = 0

    @property
    def name(self) -> bytes:
        """The name of its NVRAM file on the machines."""
        return nvram_name(self.public_key)

    @property
    def key(self) -> PublicKey:
        """The public key taken apart."""
        return PublicKey.decode(self.public_key)


def check_alias(alias: str) -> str:
    """The alias in lower case.

    Raises StatusError unless it has only letters, digits and hyphens, as nShield key identifiers
    do.
    """
    folded = alias.lower()
    if not _ALIAS.fullmatch(folded):
        raise StatusError(
            Status.InvalidParameter,
            f"alias takes up to 64 letters, digits and hyphens, not {alias!r}",
            WHERE,
        )
    return folded


@dataclass(frozen=True, slots=True)
class KeyStore:
    """The key files in a folder: kmdata/local of a world, or $NFAST_KMLOCAL."""

    folder: Path

    def aliases(self) -> list[str]:
        """The aliases of all keys, sorted.

        A file whose name has none is no key: nothing could ask for it.
        """
        names = (path.name.removeprefix(PREFIX) for path in self.folder.glob(f"{PREFIX}*"))
        return sorted(filter(_ALIAS.fullmatch, names))

    def known(self) -> dict[bytes, str]:
        """The alias of each key, by the name of its NVRAM file.

        Files that can't be read are left out.
        """
        found = {}
        for alias in self.aliases():
            with contextlib.suppress(StatusError):
                found[self.load(alias).name] = alias
        return found

    def has(self, alias: str) -> bool:
        """Whether there is a key of that alias."""
        return self.path_of(alias).exists()

    def load(self, alias: str) -> KeyFile:
        """The key of an alias.

        Raises StatusError: UnknownID when there is none, Malformed when its file is damaged.
        """
        path = self.path_of(check_alias(alias))
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise StatusError(
                Status.UnknownID, f"there is no key {alias}; see them with: pipsqueak list", WHERE
            ) from None
        except OSError as error:
            raise StatusError(Status.OSErrorErrno, f"{path}: {error.strerror}", WHERE) from None
        try:
            return decode(data)
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
            raise StatusError(Status.OSErrorErrno, f"{path}: {error.strerror}", WHERE) from None

    def check_writable(self) -> None:
        """Raises StatusError when a key made now could not be saved: better before an hour of
        hashing than after it.
        """
        folder = self.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StatusError(Status.OSErrorErrno, f"{folder}: {error.strerror}", WHERE) from None
        if not os.access(folder, os.W_OK):
            raise StatusError(Status.AccessDenied, f"{folder} is not writable", WHERE)

    def remove(self, alias: str) -> None:
        """Delete a key file, or find it gone."""
        self.path_of(check_alias(alias)).unlink(missing_ok=True)

    def path_of(self, alias: str) -> Path:
        """The file of an alias, whether it is there or not."""
        return self.folder / f"{PREFIX}{alias.lower()}"


def decode(data: bytes) -> KeyFile:
    """What a key file holds. Raises ValueError, KeyError, TypeError, RecursionError."""
    head, _, cache = data.partition(b"\n")
    return _decode(json.loads(head), cache)


def _encode(key: KeyFile) -> bytes:
    head: dict[str, Any] = {
        "format": FORMAT,
        "alias": key.alias,
        "algorithm": "LMS",
        "public_key": key.public_key.hex(),
        "expcards": key.expcards,
        "explease": key.explease,
        "expcache": key.expcache,
    }
    if key.signer:
        head["signer"] = key.signer
    if key.warnat:
        head["warnat"] = key.warnat
    return json.dumps(head | {"sha256": _checksum(head, key.cache)}).encode() + b"\n" + key.cache


def _checksum(head: dict[str, Any], cache: bytes) -> str:
    """Of everything else in the file."""
    return hashlib.sha256(json.dumps(head, sort_keys=True).encode() + b"\n" + cache).hexdigest()


def _decode(head: dict[str, Any], cache: bytes) -> KeyFile:
    if head["format"] != FORMAT:
        raise ValueError(f"unknown format {head['format']!r}")
    if head.pop("sha256") != _checksum(head, cache):
        raise ValueError("it does not have its checksum")
    public_key = bytes.fromhex(head["public_key"])
    tree = PublicKey.decode(public_key).tree  # ParameterError is a ValueError
    alias, signer = (
        _formed(head["alias"], _ALIAS, "alias"),
        _formed(head.get("signer", ""), _SIGNER, "signer"),
    )
    exponents = ("expcards", "explease", "expcache")
    expcards, explease, expcache = (_whole(head, name, MAX_HEIGHT) for name in exponents)
    if expcards + explease > tree.h:
        raise ValueError(
            f"a tree of height {tree.h} has no {expcards + explease} levels for cards and leases"
        )
    warnat = _whole({"warnat": 0} | head, "warnat", MAX_WARNAT)
    return KeyFile(alias, public_key, expcards, explease, expcache, cache, signer, warnat)


def _formed(value: object, form: re.Pattern[str], name: str) -> str:
    if type(value) is not str or not form.fullmatch(value):
        raise ValueError(f"{name} can't be {value!r}")
    return value


def _whole(head: dict[str, Any], name: str, most: int) -> int:
    value = head[name]
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{name} takes a number from 0 to {most}, not {value!r}")
    return value
