"""The job of the examples: sign a file, and check the signature as whoever gets it does.

sign.py FILE SIGNATURE    makes the key first, where this host has none of that name
"""

import sys
from pathlib import Path

import seeclient
from seeclient import Status, StatusError, blocking

ALIAS = "firmware"
SETS = {"lms": "sha256_m32_h10", "lmots": "sha256_n32_w8"}


def the_key(fleet: blocking.Fleet) -> blocking.Key:
    """The key of this host, or a new one."""
    try:
        return fleet.key(ALIAS)
    except StatusError as refused:
        if refused.status is not Status.UnknownID:
            raise
        return fleet.generate_lms(ALIAS, **SETS)


def main(file: Path, signature: Path) -> None:
    """Sign, keep the signature, and verify with the public key alone."""
    with blocking.open_fleet() as fleet:
        key = the_key(fleet)
        made = key.sign_with(file)
    signature.write_bytes(made.signature)
    seeclient.verify(file, signature.read_bytes(), key.public_key)
    print(f"{file} is signed by leaf {made.leaf} of {made.esn}; {made.remaining} are left")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: sign.py FILE SIGNATURE")
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except (StatusError, OSError) as refused:
        sys.exit(f"sign.py: {refused}")
