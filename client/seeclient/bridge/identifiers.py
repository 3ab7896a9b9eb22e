"""What applications of PKCS #11 call their keys beside the alias: CKA_ID, which a key file has no
place for. One file each, which names the key by its hash: of another key it says nothing.
"""

from pathlib import Path

from seeclient import files
from seeclient.keyfile import KeyFile
from seeclient.keys import KeyStore
from seemachine.wire.status import Status, StatusError

PREFIX = "pkcs11_id_"
MOST = 255
WHERE = "bridge"


def read(keys: KeyStore, key: KeyFile) -> bytes:
    """The identifier of a key; nothing where it has none, or where it can't be read."""
    try:
        public_hash, identifier = _path(keys, key).read_text("ascii").split()
        return bytes.fromhex(identifier) if public_hash == key.public_hash else b""
    except (OSError, ValueError):
        return b""


def write(keys: KeyStore, key: KeyFile, identifier: bytes) -> None:
    """Keep it, so that a crash leaves all of it or what was there. Raises StatusError."""
    if not 0 < len(identifier) <= MOST:
        detail = f"an identifier has 1 to {MOST} bytes, not {len(identifier)}"
        raise StatusError(Status.InvalidParameter, detail, WHERE)
    path = _path(keys, key)
    try:
        with files.written_aside(path, text(key, identifier)) as written:
            written.replace(path)
    except OSError as error:
        raise files.refusal(path, error, WHERE) from None


def text(key: KeyFile, identifier: bytes) -> bytes:
    """What the file of a key's identifier has."""
    return f"{key.public_hash} {identifier.hex()}\n".encode()


def _path(keys: KeyStore, key: KeyFile) -> Path:
    return keys.folder / f"{PREFIX}{key.alias.lower()}"
