"""The contract between machine and client: frames, messages, statuses, names.

Bytes and values only; docs/protocol.md is its text.
"""
