"""What would fail on this host and in this world, and what mends it."""
