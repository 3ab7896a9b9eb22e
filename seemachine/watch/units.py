"""Times and speeds, as people say them."""

import time

UNITS = ((120.0, 1.0, "s"), (7200.0, 60.0, "min"), (172800.0, 3600.0, "h"))
DAY, ALWAYS_DAYS = 86400.0, 1000


def clock(seconds: float) -> str:
    """Local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def span(seconds: float) -> str:
    """How long something takes, in the unit that suits it."""
    for most, size, unit in UNITS:
        if seconds < most:
            return f"{seconds / size:.0f} {unit}"
    days = seconds / DAY
    return f"{days:.0f} days" if days < ALWAYS_DAYS else "years"


def pace(rate: float) -> str:
    """Signatures in a second, a minute or an hour."""
    for size, unit in ((1.0, "s"), (60.0, "min")):
        if rate * size >= 1:
            return f"{rate * size:,.1f}/{unit}"
    return f"{rate * 3600:,.1f}/h"
