"""A note that comes before the file of a witness has a head."""

from pathlib import Path

import pytest
from kit.leases import name

from seemachine.state.witness.record_file import WitnessFile
from seemachine.state.witness.record_layout import HEAD_BYTES, SLOT

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
    assert found.fault == ""
    assert found.is_new is not renewed
    assert found.noted(name(1)) == ({0: 3} if renewed else {})
    found.close()


def test_a_lease_has_one_note(tmp_path: Path) -> None:
    """After a start that ended before its head was written, too: the file does not grow with the
    leaves.
    """
    path = tmp_path / "record"
    file = WitnessFile(path, BOOT)
    file.renew({"opening": b"first"})
    sizes = set()
    for following in range(3, 9, 2):
        file.note(name(1), 0, following - 1)
        file.note(name(1), 0, following)
        sizes.add(-(-len(path.read_bytes().rstrip(b"\0")) // SLOT.size))
        file.close()
        file = WitnessFile(path, BOOT)
        assert file.noted(name(1)) == {0: following}
    file.close()

    assert sizes == {HEAD_BYTES // SLOT.size + 1}


def test_what_a_killed_process_left(tmp_path: Path) -> None:
    """A new record that did not get its name keeps nobody from writing one."""
    file = WitnessFile(tmp_path / "record", BOOT)
    (tmp_path / ".record.new").write_bytes(b"half a record")
    file.renew({"opening": b"first"})
    file.close()

    assert [path.name for path in tmp_path.iterdir()] == ["record"]
