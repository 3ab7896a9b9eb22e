"""Where things are in the world folder: the part that machines and clients must agree on.

fleet.toml                      the fleet
hsm/<ESN>/                      one machine's state, lock and slots
cards/                          the card rack
kmdata/local/key_pqsdk_<alias>  key files of the host
published/pqsdk/<ESN>.json      where a running machine is
witness/                        what is remembered of machines outside their own state
archive/                        ledgers of NVRAMs that backups brought back
seen/                           what clients remember of machines and leases
pki/                            certificates and keys, where TLS is used: ca.crt, <ESN>.crt,
                                client-<name>.crt, and .key for each
"""

import fcntl
import os
import sys
from pathlib import Path

from seemachine.wire.names import PUBLISHED_NAME

HOME_VARIABLE = "SEEMACHINE_HOME"
KMLOCAL_VARIABLE = "NFAST_KMLOCAL"
FLEET_VARIABLE = "SEEMACHINE_FLEET"
CA_FILE = "ca.crt"
CLIENT_PREFIX = "client-"


def home(chosen: Path | None = None) -> Path:
    """The world folder: the one chosen, else $SEEMACHINE_HOME, else the platform's data folder."""
    given = chosen or os.environ.get(HOME_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "seemachine"
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "seemachine"


def is_world(folder: Path) -> bool:
    """Whether anything of a world is in a folder."""
    return any((folder / each).exists() for each in ("fleet.toml", "hsm", "cards", "kmdata"))


def is_locked(path: Path) -> bool:
    """Whether a process has a file or folder locked, as a machine has hsm/<ESN>. Raises OSError."""
    try:
        # Without waiting for the other end of what is no file.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def published_folder(world: Path) -> Path:
    """Where running machines publish themselves."""
    return world / "published" / PUBLISHED_NAME


def witness_folder(world: Path) -> Path:
    """What is remembered of machines outside their own state."""
    return world / "witness"


def key_folder(world: Path) -> Path:
    """The host's key files: $NFAST_KMLOCAL, else kmdata/local of the world."""
    given = os.environ.get(KMLOCAL_VARIABLE)
    return Path(given) if given else world / "kmdata" / "local"


def pki_folder(world: Path) -> Path:
    """Certificates and keys of a world with TLS."""
    return world / "pki"
