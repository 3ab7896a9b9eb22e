"""`testing.fleet`: the fleet of a test, as client, with its cards, faults, log and world."""
