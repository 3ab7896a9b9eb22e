"""What SEE machine images are called that are loaded on a machine."""

import uuid

from seemachine.chance.chances import of_machine
from seemachine.world import World

IMAGE = "image"
UUID_BYTES = 16


def next_uuid(world: World, esn: str) -> uuid.UUID:
    """Another one for each image, in a seeded world the same on every run.

    Raises StateError, OSError.
    """
    seeded = of_machine(world, esn)
    if seeded is None:
        return uuid.uuid4()
    number = seeded.next_number(IMAGE, "")
    return uuid.UUID(bytes=seeded.derived(UUID_BYTES, IMAGE, number), version=4)
