"""What an HSM can be licensed for. By itself, for the command line names these on every start."""

# In the order of fet's columns (guide 2.5).
FEATURES = {
    "iso": "ISO Smart Card Support",
    "remote-operator": "Remote Operator",
    "korean": "Korean Algorithms",
    "see-eu10": "SEE Activation (EU+10)",
    "see-restricted": "SEE Activation (Restricted)",
    "see-codesafe5": "SEE Activation, CodeSafe 5",
    "ecc": "Elliptic Curve algorithms",
    "ecmqv": "Elliptic Curve MQV",
    "fast-rng": "Fast RNG for ECDSA",
}
SEE_FEATURE = {"5c": "see-codesafe5", "xc": "see-eu10"}
DELIVERED = ("iso", "remote-operator", "korean", "ecc", "ecmqv")
