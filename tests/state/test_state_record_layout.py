"""record_layout.py: what is no record, or would be none, is refused."""

from pathlib import Path

import pytest

from seemachine.state.errors import StateCorrupt
from seemachine.state.witness.record_layout import HEAD_BYTES, LENGTH, encoded, head_in

PATH = Path("esn.record")
OWN = {"handle": b"a file", "filesystem": b"", "boot": b"a boot"}


def test_a_head_that_does_not_fit_is_not_written() -> None:
    """It would run into the notes, and be read as damage later."""

    def fits(size: int) -> bool:
        try:
            encoded({"x": bytes(size)}, OWN, {}, PATH)
        except StateCorrupt as error:
            assert str(error) == "esn.record: what is to be remembered does not fit"
            return False
        return True

    longest = max(filter(fits, range(HEAD_BYTES)))
    data = encoded({"x": bytes(longest)}, OWN, {}, PATH)
    assert LENGTH.size + LENGTH.unpack_from(data)[0] == HEAD_BYTES
    assert head_in(data, PATH)["x"] == bytes(longest)
    assert not fits(longest + 1)


@pytest.mark.parametrize("name", OWN)
def test_a_head_of_another_form_is_not_read(name: str) -> None:
    """Whole as it is, it does not say which file it is in."""
    data = encoded({}, OWN | {name: "a text"}, {}, PATH)
    with pytest.raises(StateCorrupt, match=r"^esn\.record: not a record of this version$"):
        head_in(data, PATH)
