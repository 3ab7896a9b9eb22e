"""What keys can be: one package per algorithm, by the name that key files and `pipsqueak list` have
for it.

A package has two modules: `keyfile`, a seeclient.keyfile.KeyForm, and `algorithm`, whose
`ALGORITHM` is a seeclient.algorithms.algorithm.Algorithm. Each is imported when a key of it is met,
so that nobody pays for the others.
"""

MODULES = {"LMS": "seeclient.algorithms.lms"}
