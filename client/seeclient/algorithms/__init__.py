"""What keys can be: one package per algorithm, by the name that key files and `pipsqueak list` have
for it.

A package has two modules: `keyfile`, a seeclient.keyfile.KeyForm, and `algorithm`, whose
`ALGORITHM` is a seeclient.algorithms.algorithm.Algorithm. Each is imported when a key of it is met,
so that nobody pays for the others.
"""

MODULES = {"LMS": "seeclient.algorithms.lms", "ML-DSA": "seeclient.algorithms.mldsa"}
# How command lines may write them, too.
SPELLINGS = {"MLDSA": "ML-DSA"}
# What `generate` makes where nothing else is said; after 1.4.1 it will be LMS (guide 1.2).
DEFAULT = "ML-DSA"
