"""Where things are in a world: one folder, and the key files and the memory of this host.

fleet.toml                      the fleet
fleet/                          its supervisor: lock, log, which machines run
hsm/<ESN>/                      one machine's state, lock and slots
cards/                          the card rack
kmdata/local/key_pqsdk_<alias>  key files of the host
published/pqsdk/<ESN>.json      where a running machine is
witness/                        what is remembered of machines outside their own state
archive/                        ledgers of NVRAMs that backups brought back
seen/                           what clients remember of machines and leases
pki/                            certificates and keys, where TLS is used: ca.crt, <ESN>.crt,
                                client-<name>.crt, and .key for each
world.key                       what secrets of cards and half-made keys are encrypted under
seed.json                       in a seeded world alone: what its keys are made of
generations                     and how often each thing was made there

A World is a value, so that two of them work in one process. Who begins a process makes one from
its environment (`from_environment`) and hands it on; nothing else asks the environment.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from seemachine.frozen import frozen

HOME_VARIABLE = "SEEMACHINE_HOME"
KMLOCAL_VARIABLE = "NFAST_KMLOCAL"
SEEN_VARIABLE = "SEEMACHINE_SEEN"
OFF = "off"
PUBLISHED_NAME = "pqsdk"
CA_FILE = "ca.crt"
CLIENT_PREFIX = "client-"
# Of cards, in the rack and in slots.
CARD_SUFFIX = ".card"


@frozen
class World:
    """A world. `keys` has the key files of this host; `seen` is what its clients remember, or None
    where they remember nothing.
    """

    folder: Path
    keys: Path
    seen: Path | None

    @classmethod
    def at(cls, folder: Path | str) -> "World":
        """The world in a folder, with everything of it in there.

        Raises RuntimeError for the ~ of a user whom this host does not know.
        """
        place = Path(folder).expanduser().absolute()
        return cls(place, place / "kmdata" / "local", place / "seen")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], chosen: Path | None = None) -> "World":
        """The world in the folder that was chosen, else $SEEMACHINE_HOME, else the platform's data
        folder; $NFAST_KMLOCAL and $SEEMACHINE_SEEN name the folders of keys and of what was seen.

        Raises OSError where the folder of a user's home is not known.
        """
        try:
            world = cls.at(chosen or environ.get(HOME_VARIABLE) or _data_folder(environ))
        except RuntimeError:
            raise OSError(
                f"this user has no home folder; set {HOME_VARIABLE} to the world folder"
            ) from None
        kmlocal, seen = environ.get(KMLOCAL_VARIABLE), environ.get(SEEN_VARIABLE)
        return cls(
            world.folder,
            Path(kmlocal) if kmlocal else world.keys,
            None if seen == OFF else Path(seen) if seen else world.seen,
        )

    def __str__(self) -> str:
        return str(self.folder)

    @property
    def is_there(self) -> bool:
        """Whether anything of a world is in its folder."""
        return any(
            path.exists() for path in (self.fleet_file, self.machines, self.cards, self.kmdata)
        )

    def hsm(self, esn: str) -> Path:
        """A machine's own folder."""
        return self.machines / esn

    @property
    def machines(self) -> Path:
        """The folder of all machines' folders."""
        return self.folder / "hsm"

    @property
    def cards(self) -> Path:
        """The card rack."""
        return self.folder / "cards"

    @property
    def witness(self) -> Path:
        """What is remembered of machines outside their own state."""
        return self.folder / "witness"

    @property
    def published(self) -> Path:
        """Where running machines publish themselves."""
        return self.folder / "published" / PUBLISHED_NAME

    @property
    def fleet_file(self) -> Path:
        """The fleet as it is meant to be."""
        return self.folder / "fleet.toml"

    @property
    def fleet(self) -> Path:
        """The supervisor's folder."""
        return self.folder / "fleet"

    @property
    def archive(self) -> Path:
        """Ledgers that backups brought back."""
        return self.folder / "archive"

    @property
    def pki(self) -> Path:
        """Certificates and keys of TLS."""
        return self.folder / "pki"

    @property
    def kmdata(self) -> Path:
        """The Security World's data."""
        return self.folder / "kmdata"

    @property
    def nfast(self) -> Path:
        """The world's own /opt/nfast."""
        return self.folder / "opt" / "nfast"

    @property
    def key_file(self) -> Path:
        """The key of the world."""
        return self.folder / "world.key"

    @property
    def seed_file(self) -> Path:
        """The seed of a world for tests, whose keys anybody can make again."""
        return self.folder / "seed.json"

    @property
    def generations(self) -> Path:
        """How often each thing was made in such a world."""
        return self.folder / "generations"


def _data_folder(environ: Mapping[str, str]) -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "seemachine"
    data = environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "seemachine"
