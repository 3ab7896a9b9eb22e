"""The mathematics of ML-DSA (FIPS 204): parameter sets, what is signed, keys; `engines/` computes.

Nothing here has state: a key signs as often as it is asked to.
"""
