"""A note that comes before the file of a witness has a head."""

from pathlib import Path

import pytest
from state.kit import name

from seemachine.state.witness.record_file import WitnessFile

BOOT = b"one boot"


@pytest.mark.parametrize("renewed", [False, True])
def test_a_note_before_the_first_head(tmp_path: Path, renewed: bool) -> None:
    """Nothing is written where a head will be; the first head takes the note along."""
    file = WitnessFile(tmp_path / "record", BOOT)
    file.note(name(1), 0, 3)
    if renewed:
        file.renew({"opening": b"first"})
    file.close()

    found = WitnessFile(tmp_path / "record", BOOT)
    assert found.doubt == ""
    assert found.is_new is not renewed
    assert found.noted(name(1)) == ({0: 3} if renewed else {})
    found.close()
