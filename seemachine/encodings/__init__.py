"""How public keys and signatures are written down by others: DER, PEM, hexadecimal, base64, gzip.

Public values only; both the audit and the client read them.
"""
