"""The tests of sign.py: each has an HSM of its own, in the process of pytest.

`sign.py` asks for the fleet of its environment, which is that of the fixture.
"""

from pathlib import Path

import sign
from seeclient import blocking

from seemachine import testing


def test_a_file_is_signed_by_one_leaf(seemachine_fleet: blocking.Fleet, tmp_path: Path) -> None:
    """With a key that it makes, and a second time with the same key."""
    firmware = tmp_path / "firmware.bin"
    firmware.write_bytes(bytes(1000))
    for times in (1, 2):
        sign.main(firmware, tmp_path / f"signature-{times}")
        assert testing.leaves_used(seemachine_fleet.key(sign.ALIAS)) == times
