"""Signing and verifying a bundle: its files on this host, the keys of a world, and a fleet."""
