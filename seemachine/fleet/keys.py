"""Keys of a fleet: what machines, cards and this host have of each, and the end of one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from seeclient import blocking, dispatch
from seeclient.algorithms import registry
from seeclient.effects import Peer, Roster, Story, ask
from seeclient.keyfile import ALIAS, KeyFile
from seeclient.keys import KeyStore
from seeclient.results import Destroyed

from seemachine.chance.mark import is_marked_key
from seemachine.state.cards.rack import Rack, Whereabouts
from seemachine.wire.messages import ListNvmemfiles, NvmemfileInfo
from seemachine.wire.names import is_esn, nvram_name, printed_name
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

WHERE = "key"
# Of keys that only machines or cards know: no other has anything there.
LMS = "LMS"
# Of a key file that can't be read.
RID = "what machines still have of an LMS key is listed by its NVRAM file, which destroys it"
# Machines do not say which they have; asked to make it anew they forget it.
HALF_MADE = (
    "if it is half-made, give it up by making it anew: pipsqueak generate alias={} algorithm=lms"
    " ... replace=yes"
)


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key and where something of it is: in a file of this host, in NVRAM by ESN, on cards.

    Without a file on this host it has no `file`; one that can't be read has a `problem`.
    """

    public_key: bytes
    file: KeyFile | None = None
    alias: str = ""
    problem: str = ""
    nvram: Mapping[str, NvmemfileInfo] = field(default_factory=dict)
    cards: Sequence[Whereabouts] = ()

    @property
    def nvram_file(self) -> str:
        """The name of its NVRAM file, as it is printed; empty where it is not known, or where keys
        of its algorithm have none.
        """
        if self.file is not None:
            return printed_name(self.file.name)
        return printed_name(nvram_name(self.public_key)) if self.public_key else ""

    @property
    def marked(self) -> bool:
        """Whether anybody can make it again, for it is of a seeded world."""
        return self.file.marked if self.file is not None else is_marked_key(self.public_key)

    @property
    def signs_anywhere(self) -> bool:
        """Whether all that there is of it is in its key file: no machine and no card has a part."""
        return self.file is not None and not self.file.name

    @property
    def name(self) -> str:
        """What it is called."""
        return self.alias or self.nvram_file


@dataclass(frozen=True, slots=True)
class Overview:
    """All keys, and for each machine of which it is not known what it has a sentence."""

    keys: Sequence[KeyView]
    silent: Sequence[str]


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a key, and what is left of it: on cards, and perhaps on silent machines."""

    machines: Destroyed
    wiped: Sequence[str]
    cards: Sequence[Whereabouts]
    silent: Sequence[str]

    @property
    def complete(self) -> bool:
        """Whether nothing that is known of can sign with it any more."""
        return not (self.machines.refused or self.cards or self.silent)


def overview(fleet: blocking.Fleet, world: World) -> Overview:
    """Every key that this host has a file of, or that a machine or a card has leaves of."""
    held, failed = fleet.run(_held(fleet.roster))
    cards = Rack(world).of_keys() if world.cards.is_dir() else {}
    filed, broken = _filed(fleet.roster.keys)
    views = [
        replace(view, nvram=held.get(key, {}), cards=tuple(cards.get(key, ())))
        for key in {*filed, *held, *cards}
        for view in filed.get(key, [KeyView(key)])
    ]
    views = sorted([*views, *broken], key=lambda view: (not view.alias, view.name))
    return Overview(views, [*_silent(fleet, world), *failed])


def named(found: Overview, name: str, to_destroy: KeyStore | None = None) -> KeyView:
    """The key of an alias, or of an NVRAM file as it is printed, with colons or without.

    Raises StatusError; with `to_destroy`, the key files, it says how else to be rid of it.
    """
    plain = name.lower().replace(":", "")
    for view in found.keys:
        if name.lower() == view.alias or plain == view.nvram_file.replace(":", "") != "":
            if view.problem:
                rid = f"; or delete {to_destroy.path_of(view.alias)}: {RID}" if to_destroy else ""
                raise StatusError(Status.Malformed, f"{view.problem}{rid}", WHERE)
            return view
    detail = f"there is no key named {name}; see them with: seemachine key list"
    is_alias = ALIAS.fullmatch(name.lower())
    half_made = f"; {HALF_MADE.format(name)}" if to_destroy and is_alias else ""
    raise StatusError(Status.UnknownID, f"{detail}{half_made}", WHERE)


def destroy(fleet: blocking.Fleet, world: World, view: KeyView) -> Ended:
    """Destroy a key on all machines that can be reached, on cards that are in slots, and then its
    files on this host. Interrupted, it can be begun again.

    Order, never to be changed: machines make no more cards of it, then cards in slots are made
    blank, then machines destroy what was provisioned meanwhile; the files go last, for without
    them nobody knows the key by its alias. While a machine refuses, cards and files stay.

    Raises StatusError (NotAvailable) where no machine is reachable that could have a part of it.
    """
    if view.signs_anywhere:
        aliases = fleet.roster.keys.forget(view.public_key)
        return Ended(Destroyed({}, aliases=aliases), (), (), ())
    if not fleet.roster.peers:
        detail = f"no machine is reachable, so {view.name} stays"
        how = "start some with: seemachine fleet up"
        raise StatusError(Status.NotAvailable, f"{detail}; {how}", WHERE)
    rack, wiped = Rack(world), list[str]()
    gone = fleet.run(_on_machines(fleet.roster, view))
    if not gone.refused:
        wiped = rack.wipe(view.public_key)
        gone = _both(gone, fleet.run(_on_machines(fleet.roster, view)))
    if not gone.refused:
        gone = replace(gone, aliases=fleet.roster.keys.forget(view.public_key))
    left = rack.of_keys().get(view.public_key, [])
    return Ended(gone, wiped, left, _silent(fleet, world))


def keyless(roster: Roster, peer: Peer) -> Story[list[NvmemfileInfo]]:
    """The NVRAM files of a machine that this host has no key file of. Raises StatusError."""
    known = roster.keys.known()
    return [info for info in (yield from files_of(peer)) if info.file not in known]


def _on_machines(roster: Roster, view: KeyView) -> Story[Destroyed]:
    algorithm = registry.of(view.file) if view.file is not None else registry.named(LMS)
    assert algorithm is not None
    gone: Destroyed = yield from algorithm.destroy(roster, view.public_key)
    return gone


def _both(first: Destroyed, second: Destroyed) -> Destroyed:
    lost = {esn: more + second.lost.get(esn, 0) for esn, more in first.lost.items()}
    return Destroyed(lost, sorted({*first.half_made, *second.half_made}), second.refused)


def _held(roster: Roster) -> Story[tuple[dict[bytes, dict[str, NvmemfileInfo]], list[str]]]:
    """The NVRAM files of all machines, by public key; and why some could not be asked."""
    held: dict[bytes, dict[str, NvmemfileInfo]] = {}
    failed = []
    for peer in roster.peers:
        try:
            for info in (yield from files_of(peer)):
                held.setdefault(info.public_key, {})[peer.esn] = info
        except StatusError as failure:
            failed.append(f"{peer.esn}: {failure.detail}")
    return held, failed


def files_of(peer: Peer) -> Story[list[NvmemfileInfo]]:
    """The NVRAM files of a machine. Raises StatusError."""
    listing = yield from ask(peer, ListNvmemfiles())
    if any(nvram_name(info.public_key) != info.file for info in listing.files):
        raise dispatch.impossible(peer, "gives a file another key's name", ListNvmemfiles.NAME)
    files: list[NvmemfileInfo] = listing.files
    return files


def _filed(store: KeyStore) -> tuple[dict[bytes, list[KeyView]], list[KeyView]]:
    """The key files of this host, by public key; and those that can't be read."""
    filed: dict[bytes, list[KeyView]] = {}
    broken = []
    for alias in store.aliases():
        try:
            file = store.load(alias)
        except StatusError as error:
            broken.append(KeyView(b"", alias=alias, problem=error.detail))
        else:
            filed.setdefault(file.public_key, []).append(KeyView(file.public_key, file, alias))
    return filed, broken


def _silent(fleet: blocking.Fleet, world: World) -> list[str]:
    """Machines that may have something of any key, and were not asked: a sentence each."""
    asked = {peer.esn for peer in fleet.roster.peers}
    told = [failure.detail for failure in fleet.roster.failures]
    return told + [f"{esn} is down" for esn in _with_nvram(world) if esn not in asked]


def _with_nvram(world: World) -> Iterator[str]:
    for folder in sorted(world.machines.glob("*")):
        if is_esn(folder.name) and any(folder.glob("nvram*")):
            yield folder.name
