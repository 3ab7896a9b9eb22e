"""X.509 for keys of HSMs: self-signed roots, requests, certificates and revocation lists, signed
with LMS (RFC 9802) or ML-DSA (RFC 9881).

Pure functions: what is made first is a draft, for which all that can be refused has been refused;
its signature takes a leaf. Needs the packages of the extra `formats`.
"""
