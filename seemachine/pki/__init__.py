"""A small CA for machines and their clients: `seemachine pki`.

The only room that needs the package cryptography.
"""
