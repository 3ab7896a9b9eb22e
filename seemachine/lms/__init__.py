"""The mathematics of LMS keys: parameter sets, sectors, tree, signing, verifying.

Pure functions of keys and numbers.
"""
