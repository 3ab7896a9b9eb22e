"""What Caliptra's offline signing exchanges: requests, signatures, keys and their hashes.

Public values and bytes only. The files are those of caliptra-mcu-sw, `signing_request.json` and
`signatures.json`, version 1.
"""
