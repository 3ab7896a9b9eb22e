"""What a client in this process finds in the world of its environment."""

import os
from pathlib import Path

from seeclient import environment
from seeclient.effects import Address
from seeclient.environment import Environment
from seeclient.keys import KeyStore
from seeclient.sightings import Sightings

from seemachine.world import World


def world() -> World:
    """The world that the environment names."""
    return World.from_environment(os.environ)


def store() -> KeyStore:
    """Its key files."""
    return KeyStore(world().keys)


def memory() -> Sightings:
    """What is remembered there of machines and leases."""
    return Sightings(world().seen)


def addresses(fleet: str | Path | None = None) -> list[Address]:
    """Where `open_fleet` looks for machines."""
    return environment.chosen(os.environ, None, fleet, None).addresses()


def told(folder: Path) -> Environment:
    """What a client of a world is told."""
    return environment.from_process(os.environ, World.at(folder))


def here() -> Environment:
    """What a client of this process is told."""
    return environment.from_process(os.environ)
