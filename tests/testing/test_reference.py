"""docs/reference/seemachine.md has each public name of seemachine.testing."""

import re
from pathlib import Path

from seemachine import testing

PAGE = (Path(__file__).parents[2] / "docs/reference/seemachine.md").read_text()
DIRECTIVE = re.compile(
    r"^\.\. (?:auto\w+|py:\w+):: +seemachine\.testing\.([A-Za-z_]+)$"
    r"(?:\n +seemachine\.testing\.(\w+)$)?",
    re.MULTILINE,
)


def test_each_public_name_is_in_the_reference():
    """Those that `seemachine.testing` exports, and its strategies; and no other."""
    named = [name for found in DIRECTIVE.findall(PAGE) for name in found if name]
    assert sorted(named) == sorted([*testing.__all__, "strategies"])


def test_each_public_name_is_there():
    """As it is listed, lazily; a name that is not listed is refused."""
    assert {name for name in testing.__all__ if getattr(testing, name, None) is None} == set()
    assert not hasattr(testing, "Bench")
