"""The setting of what all keys of a world are made of, for tests."""

from typing import Any

from seemachine.chance.seed_file import is_seed
from seemachine.config.setting import text


def seed_setting() -> Any:
    """Of a machine, or of all machines of a fleet."""
    return text(
        "",
        "1 to 64 printable characters, with no blank at its ends",
        "INSECURE, for tests: what all keys are made of, so that each world with this seed has the"
        " same, and anybody can make them",
        fits=lambda value: not value or is_seed(value),
        unset="that of the world, if it has one; else keys are random",
        more="A world gets its seed before it holds anything, and keeps it; see"
        " [Determinism](../explanation/determinism.md).",
        example='"7"',
        shown="SEED",
    )


def as_seed(value: object) -> object:
    """A seed as it is kept: a number of a file as its digits."""
    return str(value) if type(value) is int else value
