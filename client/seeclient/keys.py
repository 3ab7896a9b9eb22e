"""The key files of a host: what is known about a key, under the alias that people use."""

import contextlib
import os
from pathlib import Path

from seeclient import files, worlds
from seeclient.keyfile import ALIAS, WHERE, KeyFile, check_alias
from seeclient.keyfile_format import UnknownAlgorithm, algorithm_in, decode, encode
from seemachine.formats import OtherVersion
from seemachine.frozen import frozen
from seemachine.wire.status import Status, StatusError

PREFIX = "key_pqsdk_"


@frozen
class KeyStore:
    """The key files in a folder: kmdata/local of a world, or $NFAST_KMLOCAL.

    `author` is who makes keys here, as far as that is known. `seed` is that of their world, see
    `worlds`.
    """

    folder: Path
    author: str = ""
    seed: str | None = None

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
        return [(alias, algorithm_in(self.path_of(alias))) for alias in self.aliases()]

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
        NotYetImplemented when another version of seemachine wrote it, which this one can't read;
        AccessDenied for a key of a seeded world in a real one, or the other way round.
        """
        key = self._loaded(alias)
        self._refuse_other(f"the key {alias}", marked=key.marked)
        return key

    def _loaded(self, alias: str) -> KeyFile:
        """The same, of whatever kind of world it is."""
        path = self.path_of(check_alias(alias))
        try:
            return decode(path.read_bytes(), str(path))
        except FileNotFoundError:
            raise self._unknown(f"named {alias}") from None
        except OSError as error:
            raise files.refusal(path, error, WHERE) from None
        except OtherVersion as other:
            raise StatusError(Status.NotYetImplemented, str(other), WHERE) from None
        except UnknownAlgorithm as unknown:
            what = f"{alias} is a key of {unknown}, which this version of seemachine does not know"
            advice = "nothing is wrong with its file; use a version that knows it"
            raise StatusError(Status.NotYetImplemented, f"{what}: {advice}", WHERE) from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = f"its first line has no {error}" if isinstance(error, KeyError) else error
            raise StatusError(
                Status.Malformed,
                f"{path} is damaged ({reason}); restore it from a copy, it holds no secret in"
                " clear",
                WHERE,
            ) from None

    def refuse_kind(self, what: str, *, marked: bool) -> None:
        """Before a key is made: it must be of the kind of those that are here. Raises StatusError
        (AccessDenied).
        """
        self._refuse_other(what, marked=marked)
        for alias in self.aliases() if self.seed is None else ():
            there = None
            with contextlib.suppress(StatusError):
                there = self._loaded(alias)
            if there is not None:
                seed = "some" if there.marked else ""
                worlds.refuse_other(what, f"that of the key {alias}", seed, marked=marked)

    def _refuse_other(self, what: str, *, marked: bool) -> None:
        worlds.refuse_other(what, f"that of {self.folder}", self.seed, marked=marked)

    def missing(self) -> str:
        """A sentence where not even the folder is there: its name may be mistyped; else empty."""
        if self.folder.exists():
            return ""
        return (
            f"There is no folder {self.folder}: no key was made there yet, or SEEMACHINE_HOME or"
            " NFAST_KMLOCAL is mistyped"
        )

    def with_hash(self, public_hash: str) -> KeyFile:
        """The first key of a hash, see KeyFile. Raises StatusError (UnknownID) where there is none
        among those that can be read.
        """
        for alias in self.aliases():
            with contextlib.suppress(StatusError):
                key = self.load(alias)
                if key.public_hash == public_hash:
                    return key
        raise self._unknown(f"with the hash {public_hash}")

    def _unknown(self, which: str) -> StatusError:
        """It names the folder, for another world may have the key."""
        detail = f"there is no key {which} in {self.folder}; see them with: pipsqueak list"
        return StatusError(Status.UnknownID, detail, WHERE)

    def save(self, key: KeyFile) -> None:
        """Write a key file, so that a crash leaves all of it or nothing.

        Raises StatusError when the folder can't be written.
        """
        path = self.path_of(check_alias(key.alias))
        try:
            files.make_folder(self.folder)
            with files.written_aside(path, encode(key)) as written:
                written.replace(path)
        except OSError as error:
            raise files.refusal(path, error, WHERE) from None

    def save_new(self, key: KeyFile, where: str) -> None:
        """The same where no key of the alias may be lost: one may have come since `check_free`.

        Raises StatusError, ObjectInUse when one has.
        """
        path = self.path_of(check_alias(key.alias))
        try:
            files.make_folder(self.folder)
            with files.written_aside(path, encode(key)) as written:
                files.take_free_name(written, path)
        except FileExistsError:
            self.check_free(key.alias, where)
            raise
        except OSError as error:
            raise files.refusal(path, error, WHERE) from None

    def check_writable(self) -> None:
        """Raises StatusError when a key made now could not be saved: better before an hour of
        hashing than after it.
        """
        folder = self.folder
        try:
            files.make_folder(folder)
        except OSError as error:
            raise files.refusal(folder, error, WHERE) from None
        if denied := files.unwritable(folder):
            raise files.refusal(folder, denied, WHERE)

    def check_free(self, alias: str, where: str) -> None:
        """Raises StatusError (ObjectInUse) when there is a key of that alias."""
        if self.has(alias):
            advice = f"choose another alias, or destroy it with: seemachine key destroy {alias}"
            raise StatusError(
                Status.ObjectInUse, f"there is already a key named {alias}; {advice}", where
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


def _is_of(path: Path, public_key: bytes) -> bool:
    try:
        return decode(path.read_bytes(), str(path)).public_key == public_key
    except (OtherVersion, UnknownAlgorithm, ValueError, KeyError, TypeError, RecursionError):
        return False
