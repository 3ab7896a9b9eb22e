"""Looking back: whether any leaf of a pile of signatures, keys and ledgers signed two messages.

Works on anyone's LMS and HSS files.
"""
