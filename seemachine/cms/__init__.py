"""Signed messages of the Cryptographic Message Syntax (RFC 5652): HSS/LMS (RFC 9708) and ML-DSA
(RFC 9882).

It needs pyasn1 and pyasn1-modules, and knows no machine: whoever signs is given as a function.
"""
