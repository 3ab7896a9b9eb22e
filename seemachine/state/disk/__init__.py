"""Files: durable, locked, private, checksummed, encrypted, and which file is which."""
