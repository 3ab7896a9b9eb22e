"""Signing the files of a folder: `pipsqueak alias=... msgdir=... sigdir=...`."""
