"""An alias where a verifier wants a file with the public key: verifying needs no world, so it takes
none, but who has just signed with the alias is told what to do.
"""

import contextlib
from pathlib import Path

from seeclient.keyfile import check_alias
from seeclient.keys import KeyStore

from seemachine.cli.answer import Refused
from seemachine.cli.in_files import is_standard_input
from seemachine.wire.status import StatusError
from seemachine.world import World


def refuse_alias(name: str, world: World) -> None:
    """Raises Refused for the alias of a key of this host, unless a file has that name."""
    if not is_standard_input(name) and _is_alias(name, world) and not Path(name).exists():
        raise Refused(
            f"{name} is the alias of a key here, and a file is wanted; write its public key to one"
            f" with: seemachine key export {name} --out {name}.pem",
            2,
        )


def _is_alias(name: str, world: World) -> bool:
    with contextlib.suppress(StatusError):
        return KeyStore(world.keys).has(check_alias(name))
    return False
