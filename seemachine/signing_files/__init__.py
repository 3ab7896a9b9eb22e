"""Signing files, folders, lists of digests and standard input, in the form that is asked for."""
