"""How long to wait for a blank card."""

from collections.abc import Callable

from seeclient.effects import Peer

# Asked when no blank card is there: whether to go on waiting. Gets the machine and how long it has
# waited, in seconds.
Patience = Callable[[Peer, float], bool]


def fed(peer: Peer, waited: float) -> bool:
    """The patience of a program: wait half a minute for a card where an operator feeds them, not at
    all elsewhere.
    """
    return peer.greeting.operator == "auto" and waited < 30.0
