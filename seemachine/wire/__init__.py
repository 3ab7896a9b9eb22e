"""The contract between machine and client: frames, messages, statuses, names.

Bytes and values only; docs/reference/protocol.md is its text.
"""
