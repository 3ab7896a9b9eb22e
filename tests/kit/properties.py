"""How often a property is tried."""

import msgpack
import msgpack.fallback
from hypothesis import HealthCheck, settings

# In plain Python msgpack is slow, and only its own differences matter: a tenth of the examples will
# do.
SHARE = 10 if msgpack.Unpacker is msgpack.fallback.Unpacker else 1


def examples(count: int) -> settings:
    """How many examples a property is tried with.

    None has a time limit: slow machines are no bug.
    """
    return settings(
        max_examples=count // SHARE, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
