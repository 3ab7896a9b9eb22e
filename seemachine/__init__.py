"""A mock nShield HSM running the Post-Quantum Option Pack SEE machine.

Keys are in software: for test and rehearsal only.
"""

__version__ = "0.1.0"
