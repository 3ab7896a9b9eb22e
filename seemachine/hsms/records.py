"""The HSMs of a world, which are there before any SEE machine is loaded on them:
hsm/<ESN>/module.json.

A record says what hands and tools did to an HSM: enrolled, licensed, loaded. Whether a SEE machine
runs is not in it: the lock of hsm/<ESN> tells, so that no two views of a world can differ.
"""

import contextlib
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from seemachine.formats import Format, OtherVersion
from seemachine.hsms import published
from seemachine.hsms.features import DELIVERED, SEE_FEATURE
from seemachine.hsms.supervised import is_supervised
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.disk.held import MADE, held
from seemachine.state.disk.lock import holder
from seemachine.state.errors import StateCorrupt, StateOtherVersion
from seemachine.wire.names import MOST_MODULES
from seemachine.world import World

FILE_NAME = "module.json"
OPERATIONAL = "operational"
FORMAT = Format("record of an HSM")


@dataclass(slots=True)
class Loaded:
    """A SEE machine on an HSM.

    `signer` is the hash of its signing key in hex; `developer_until` is ISO time, empty on an XC.

    `extra_signers` are the hashes of older keys, to which it is bound too (csadmin image
    signextra). `program` is the entry point, relative to the HSM's folder.
    """

    uuid: str
    name: str
    version: str
    sha256: str
    signer: str
    program: str
    developer_key: str = ""
    developer_until: str = ""
    delegated: bool = False
    extra_signers: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Module:
    """One HSM.

    `number` is its module number on this host, 0 while it is not enrolled. `autoload` is an XC's
    [load_seemachine].
    """

    esn: str
    model: str
    number: int
    address: str = "127.0.0.1"
    mode: str = OPERATIONAL
    features: list[str] = field(default_factory=list)
    licences: list[str] = field(default_factory=list)
    loaded: list[Loaded] = field(default_factory=list)
    started: str = ""
    autoload: dict[str, str] = field(default_factory=dict)
    certificates: list[str] = field(default_factory=list)
    launcher: dict[str, str] = field(default_factory=dict)

    @property
    def licensed(self) -> bool:
        """Whether SEE machines may run on it."""
        return SEE_FEATURE[self.model] in self.features

    @property
    def way_back(self) -> str:
        """Out of a mode that is not the operational one."""
        return f"bring it back with: nopclearfail -O -m {self.number}"

    @property
    def chosen(self) -> Loaded | None:
        """The SEE machine that is started, else the one loaded last."""
        found = [loaded for loaded in self.loaded if loaded.uuid == self.started] or self.loaded
        return found[-1] if found else None

    @property
    def signer(self) -> str:
        """Of the SEE machine that counts; empty without any."""
        return self.chosen.signer if self.chosen else ""

    @property
    def signers(self) -> set[str]:
        """All whose keys work on it."""
        return {self.chosen.signer, *self.chosen.extra_signers} if self.chosen else set()

    def image(self, uuid: str) -> Loaded | None:
        """The loaded SEE machine of a UUID."""
        return next((loaded for loaded in self.loaded if loaded.uuid == uuid), None)


def read(world: World, esn: str) -> Module | None:
    """The record of an HSM, or None. Raises StateCorrupt."""
    path = world.hsm(esn) / FILE_NAME
    try:
        return _parsed(path.read_text(), esn, str(path))
    except FileNotFoundError:
        return None
    except OtherVersion as other:
        raise StateOtherVersion(str(other)) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StateCorrupt(
            f"{path} is damaged ({error}); remove it and run: seemachine nfast setup"
        ) from None


def _parsed(text: str, esn: str, what: str) -> Module:
    """Raises one of several errors for what no tool writes: the views of a world go through this
    record, and must not break over it.
    """
    values: dict[str, Any] = json.loads(text)
    FORMAT.check_at(values, what)
    loaded = [Loaded(**each) for each in values.pop("loaded")]
    module = Module(**values, loaded=loaded)
    _refuse_other_types(module, Module("", "", 0))
    for each in loaded:
        _refuse_other_types(each, Loaded("", "", "", "", "", ""))
        if each.developer_until and dt.datetime.fromisoformat(each.developer_until).tzinfo is None:
            raise ValueError(f"developer_until has no time zone: {each.developer_until}")
    if (
        module.esn != esn
        or module.model not in SEE_FEATURE
        or not 0 <= module.number <= MOST_MODULES
    ):
        raise ValueError(f"it is of {module.esn}, model {module.model}, number {module.number}")
    return module


def _refuse_other_types(record: Module | Loaded, example: Module | Loaded) -> None:
    """Raises TypeError for a value of another type than the example's; what is in lists and tables
    are texts, or images.
    """
    for each in fields(record):
        value, wanted = getattr(record, each.name), type(getattr(example, each.name))
        inner = (
            value
            if wanted is list
            else value.values()
            if wanted is dict and isinstance(value, dict)
            else ()
        )
        if type(value) is not wanted or not all(isinstance(item, str | Loaded) for item in inner):
            raise TypeError(f"{each.name} is not what it was")


def write(world: World, module: Module) -> None:
    """Keep a record."""
    folder = private_folder(world.hsm(module.esn))
    replace_file(folder / FILE_NAME, _written(module))


def _written(module: Module) -> bytes:
    values = {"version": FORMAT.version, **asdict(module)}
    return (json.dumps(values, indent=1) + "\n").encode()


def listing(world: World) -> list[Module]:
    """All HSMs with a record, by module number, those not enrolled last."""
    found = [read(world, path.parent.name) for path in (world.machines).glob(f"*/{FILE_NAME}")]
    return sorted(
        (module for module in found if module is not None),
        key=lambda m: (m.number == 0, m.number, m.esn),
    )


def present(world: World) -> list[Module]:
    """All HSMs with a record, and those that run without one: `seemachine fleet up` is the short
    way to the same state.
    """
    recorded = listing(world)
    esns = {module.esn for module in recorded}
    others = [
        _of_the_fleet(world, path.name)
        for path in sorted((world.machines).glob("*"))
        if path.name not in esns
    ]
    return sorted(
        [*recorded, *filter(None, others)], key=lambda m: (m.number == 0, m.number, m.esn)
    )


def _of_the_fleet(world: World, esn: str) -> Module | None:
    entry = published.listening(world, esn)
    if entry is None or not running(world, esn):
        return None
    return Module(esn, entry.model, entry.module, features=[*DELIVERED, SEE_FEATURE[entry.model]])


def running(world: World, esn: str) -> bool:
    """Whether the SEE machine of an HSM is a live process."""
    return holder(world.hsm(esn)) is not None


def started(world: World, module: Module) -> str:
    """The UUID of the image that runs on an HSM now, or nothing: also while what runs there is a
    fleet's.
    """
    by_hand = running(world, module.esn) and not is_supervised(world, module.esn)
    return module.started if by_hand else ""


@contextlib.contextmanager
def changing(world: World, esn: str) -> Iterator[Module]:
    """The record of an HSM, kept when the block ends without an error; nobody else changes it
    meanwhile.
    """
    with held(private_folder(world.hsm(esn)) / "module.lock", MADE):
        module = read(world, esn)
        if module is None:
            raise StateCorrupt(
                f"there is no HSM {esn} in {world}; make one with: seemachine nfast setup"
            )
        yield module
        write(world, module)
