"""docs/how-to/pytest.md: its tests pass, and its tables are those of the plugin."""

import re
from pathlib import Path

from seemachine.testing import plugin
from seemachine.testing.plugin import marker

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/pytest.md").read_text()
WORD = re.compile(r"`(\w+)`")


def rows(head):
    """First cells of the rows of a table, and the others."""
    table = PAGE.partition(f"| {head} |")[2].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        first, _, rest = line.strip("| ").partition(" | ")
        yield first, rest


def test_the_pages_tests_pass(project):
    """Each block of Python is a test file of its own, and passes as printed."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    project.plugins.append("trio")
    for block in blocks:
        project.passes(
            block, tests=len(re.findall(r"^ *(?:async )?def test_", block, re.MULTILINE))
        )


def test_the_typed_block():
    """It is the file that mypy reads in `make lint`."""
    assert f"```python\n{(Path(__file__).parent / 'test_with_types.py').read_text()}```\n" in PAGE


def test_the_table_of_types():
    """It has each fixture, and the type that the fixture declares."""
    told = {first.strip("`"): rest.strip("`") for first, rest in rows("fixture | type")}
    assert set(told) == {name for name in dir(plugin) if name.startswith("seemachine_")}
    del told["seemachine_async_fleet"]
    for name, what in told.items():
        declared = getattr(plugin, name).__wrapped__.__annotations__["return"]
        assert declared in (plain := what.replace("testing.", ""), f"Iterator[{plain}]")


def test_the_settings_are_taken(project):
    """So is the block of settings."""
    [block] = re.findall(r"^```ini\n\[pytest\]\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    project.settings = block
    project.passes(
        """
        def test_it(pytestconfig, seemachine_key):
            assert pytestconfig.getini("seemachine_fleet_scope") == "module"
            assert b"INSECURE" in seemachine_key().public_key
        """
    )


def test_the_table_of_fixtures():
    """It has each fixture that a test without async can name."""
    named = [WORD.findall(first)[0] for first, _ in rows("fixture")]
    known = {name for name in dir(plugin) if name.startswith("seemachine_")}
    assert set(named) | {"seemachine_async_fleet"} == known


def test_the_table_of_words():
    """It has each word of the marker, in its order, and says what it takes."""
    told = [(word, rest) for first, rest in rows("word") for word in WORD.findall(first)]
    assert [word for word, _ in told] == list(marker.WORDS)
    for word, rest in told:
        if not marker.WORDS[word].of_key and word != "settings":
            assert rest.replace("`", "").startswith(marker.WORDS[word].takes), word


def test_what_failures_say(project):
    """The lines that the page shows are those of pytest."""
    [block] = re.findall(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    done = project.run(
        """
        from seemachine import testing

        def test_used(seemachine_key):
            key = seemachine_key("release")
            key.sign(b"firmware")
            assert testing.leaves_used(key) == 2

        def test_exhausted(seemachine_key):
            key = seemachine_key("release")
            key.sign(b"firmware")
            assert testing.exhausted(key)
        """
    )
    assert [f"E       {line}" in done.outlines for line in block.splitlines()] == [True, True]
