"""Backups: what a world can lose and get back without ever going a step back."""
