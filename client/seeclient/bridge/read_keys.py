"""Key files that are read once: that of a high tree has a megabyte, and a signature takes a
millisecond.
"""

import contextlib

from seeclient.keyfile import KeyFile, check_alias
from seeclient.keys import KeyStore
from seemachine.frozen import field, frozen
from seemachine.wire.status import StatusError

MOST = 64
# Which file it is, when it was written, its size: a key file is replaced, never changed.
Version = tuple[int, int, int]


@frozen
class ReadKeys(KeyStore):
    """The same keys; a file that is still the one that was read is not read again."""

    _read: dict[str, tuple[Version, KeyFile]] = field(default_factory=dict)
    # The alias where the key of a hash was found last; it may be another's by now.
    _aliases: dict[str, str] = field(default_factory=dict)

    def load(self, alias: str) -> KeyFile:
        """See KeyStore."""
        folded = check_alias(alias)
        version = self._version(folded)
        before = self._read.get(folded)
        if before is not None and before[0] == version:
            return before[1]
        # Not by `super()`, which a class with slots does not find.
        key = KeyStore.load(self, folded)
        if version is not None:
            if len(self._read) >= MOST:
                self._read.clear()
            self._read[folded] = version, key
        return key

    def with_hash(self, public_hash: str) -> KeyFile:
        """See KeyStore. Looks first where the key was before."""
        with contextlib.suppress(KeyError, StatusError):
            key = self.load(self._aliases[public_hash])
            if key.public_hash == public_hash:
                return key
        key = KeyStore.with_hash(self, public_hash)
        self._aliases[public_hash] = key.alias
        return key

    def _version(self, alias: str) -> Version | None:
        """As of before it is read: then a file that comes meanwhile is read once more."""
        try:
            found = self.path_of(alias).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
