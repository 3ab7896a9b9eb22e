"""NVRAM: the stores, what they have in common, and the ledger."""
