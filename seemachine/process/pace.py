"""How long to rest between two looks at many things."""

# Looking takes at most one part in so many of the time.
PARTS = 20


def rest(least: float, took: float) -> float:
    """Seconds until the next look, after one that took so many."""
    return max(least, (PARTS - 1) * took)
