"""Consumers of signatures: what each takes, and over which bytes it wants them."""
