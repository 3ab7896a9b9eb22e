"""The keys that sign and verify a bundle: aliases of this host, and files of public keys."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from seeclient.keyfile import KeyFile
from seeclient.public_keys import read_public_key

from seemachine.caliptra import keys
from seemachine.caliptra.errors import CaliptraError
from seemachine.caliptra.keys import CaliptraKey
from seemachine.caliptra.labels import is_file
from seemachine.caliptra.requests import Target
from seemachine.frozen import frozen

# The key file of an alias. Raises StatusError.
Load = Callable[[str], KeyFile]


@frozen
class Job:
    """A target, and the key of this host that signs it."""

    target: Target
    file: KeyFile
    key: CaliptraKey

    @property
    def message(self) -> bytes:
        """What is signed."""
        return self.key.message_of(self.target)


def jobs(targets: Sequence[Target], named: Mapping[str, str], load: Load) -> list[Job]:
    """Each target with the key that is named for it. Raises CaliptraError, StatusError."""
    for name in named.values():
        if is_file(name):
            raise CaliptraError(
                f"{name} is a file, which has no more than a public key; to sign, give an alias of"
                " this host"
            )
    loaded = {alias: load(alias) for alias in dict.fromkeys(named.values())}
    fitting = {alias: of_file(file) for alias, file in loaded.items()}
    return [
        Job(target, loaded[named[target.name]], fitting[named[target.name]]) for target in targets
    ]


def public_key(name: str, load: Load) -> CaliptraKey:
    """The key of an alias, or of a file in any form. Raises CaliptraError, StatusError."""
    if not is_file(name):
        return of_file(load(name))
    try:
        return keys.of_key(read_public_key(Path(name)))
    except CaliptraError as error:
        raise CaliptraError(f"{name}: {error}") from None


def of_file(file: KeyFile) -> CaliptraKey:
    """The key of a key file. Raises CaliptraError."""
    try:
        return keys.of_bytes(file.algorithm, file.public_key)
    except CaliptraError as error:
        raise CaliptraError(f"{file.alias}: {error}") from None
