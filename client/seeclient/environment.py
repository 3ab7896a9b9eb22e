"""What a client is given before it connects: which world, which machines, which certificate.

Both commands and `open_fleet` make it; nothing below them asks the environment of the process.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from seeclient import discovery, fleet_text, preloaded, tls, worlds
from seeclient.effects import Address, Peer, Roster
from seeclient.keyfile_format import is_author
from seeclient.keys import KeyStore
from seeclient.sightings import Sightings
from seeclient.tls import Credentials, Tls
from seemachine.frozen import field, frozen
from seemachine.wire.status import StatusError
from seemachine.world import World

FLEET_VARIABLE = "SEEMACHINE_FLEET"


@frozen
class Environment:
    """`fleet` is a text such as `host:port,host:port` or `unix:/path`, the path of a fleet file,
    addresses, or None for the published objects of the world; without `tls` the certificates are
    those of the world.

    `author` is who makes keys, for their files. `logical_tokens` are the handles of card sets that
    are loaded already, by ESN and hash of the set.
    """

    world: World
    fleet: str | Path | Sequence[Address] | None = None
    tls: Tls | None = None
    author: str = ""
    logical_tokens: Mapping[tuple[str, bytes], bytes] = field(default_factory=dict, repr=False)

    def addresses(self) -> list[Address]:
        """Where machines should be, in module order. Raises StatusError (InvalidParameter)."""
        if self.fleet is None or isinstance(self.fleet, str | Path):
            return discovery.addresses(self.world, self.fleet)
        return list(self.fleet)

    def current_address(self, peer: Peer) -> Address:
        """Where a machine is now. Raises StatusError (InvalidParameter)."""
        # One object is read for each of a hundred that are asked for again, not all for each.
        own = discovery.published_address(self.world, peer.esn) if self.fleet is None else None
        return own or discovery.current_address(self.addresses(), peer)

    def absent(self, found: Sequence[Address]) -> Sequence[StatusError]:
        """Why others than those at the addresses can't answer: machines of the world that are not
        published, folders without a socket.
        """
        if self.fleet is None:
            return discovery.absent(self.world, found)
        return fleet_text.socketless(self.fleet) if isinstance(self.fleet, str) else ()

    def roster(self) -> Roster:
        """No machine yet, and what this host has."""
        return Roster(
            KeyStore(self.world.keys, self.author, worlds.seed_of(self.world)),
            Sightings(self.world.seen),
            logical_tokens=dict(self.logical_tokens),
        )

    def credentials(self) -> Credentials:
        """What to connect with."""
        return Credentials(self.tls, self.world.pki)


def from_process(environ: Mapping[str, str], world: World | None = None) -> Environment:
    """As the variables of a process say. Raises StatusError (InvalidParameter)."""
    return Environment(
        world or World.from_environment(environ),
        environ.get(FLEET_VARIABLE) or None,
        tls.from_environment(environ),
        _author(environ),
        preloaded.from_environment(environ),
    )


def _author(environ: Mapping[str, str]) -> str:
    """The name of the user, where it is one that stays in its line."""
    name = environ.get("LOGNAME") or environ.get("USER") or ""
    return name if is_author(name) else ""


def chosen(
    environ: Mapping[str, str],
    world: World | Path | str | None,
    fleet: str | Path | None,
    files: Tls | None,
) -> Environment:
    """As the arguments of `open_fleet` say.

    With a world, or the fleet file of one, variables say nothing more: all is of that world. But a
    card set that is loaded on a machine stays loaded, and on another machine it is not.
    Raises StatusError (InvalidParameter).
    """
    named = (
        world
        if isinstance(world, World)
        else World.at(world)
        if world
        else discovery.world_of(fleet)
    )
    if named is not None:
        loaded = preloaded.from_environment(environ)
        return Environment(named, fleet, files, _author(environ), loaded)
    ambient = from_process(environ)
    given = fleet or ambient.fleet, files or ambient.tls
    return Environment(ambient.world, *given, ambient.author, ambient.logical_tokens)
