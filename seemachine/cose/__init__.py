"""Messages with one signature of CBOR Object Signing and Encryption: COSE_Sign1 (RFC 9052 4.2) with
HSS/LMS (RFC 8778) and ML-DSA (RFC 9964).
"""
