"""A small CA for machines and their clients: `seemachine pki`.

Needs the package cryptography, which is an extra.
"""
