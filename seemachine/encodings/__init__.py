"""How public keys and signatures are written down by others, and read again: DER, PEM, CBOR,
hexadecimal, base64, gzip. `forms` has them all by name.

Public values only: private keys of other tools are told by their bytes, to be refused.
"""
