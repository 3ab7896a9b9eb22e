"""The how-to pages of the examples print the files that run here; the page about SoftHSM is right
with SoftHSM, too, and so is the test that the README begins with.
"""

import contextlib
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from seeclient import library

# Loaded once: runs within this one forget what they loaded, which SWIG's modules do not survive.
with warnings.catch_warnings(), contextlib.suppress(ImportError):
    warnings.simplefilter("ignore", DeprecationWarning)
    import PyKCS11  # noqa: F401

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
HOW_TO = HERE.parents[1] / "docs/how-to"
# The files of each page, in its order.
PAGES = {
    "test-a-build.md": ["firmware/Makefile", "firmware/test_build.py"],
    "test-retries.md": ["retries/pipeline.py", "retries/test_retries.py"],
    "drill-the-end-of-a-key.md": ["exhaustion/alarms.py", "exhaustion/test_drill.py"],
    "two-teams.md": ["two_teams/test_two_teams.py"],
    "rehearse-a-disaster.md": ["disaster/test_disaster.py"],
    "from-softhsm.md": [
        f"from_softhsm/{name}"
        for name in (
            "project/product.py",
            "project/test_release.py",
            "before/conftest.py",
            "after/conftest.py",
            "after/pytest.ini",
            "after/test_the_end.py",
        )
    ],
}
BLOCK = re.compile(r"^```(?:python|make|ini)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_prints_what_runs(page: str) -> None:
    """File by file, and each is short."""
    blocks = BLOCK.findall((HOW_TO / page).read_text())
    assert blocks == [(HERE / name).read_text() for name in PAGES[page]]
    assert max(block.count("\n") for block in blocks) <= 80


def test_every_example_is_on_a_page() -> None:
    """All files here but this one."""
    there = {path for path in HERE.glob("*/**/*") if path.is_file() and path.suffix != ".pyc"}
    assert there == {HERE / name for names in PAGES.values() for name in names}


@pytest.fixture
def passes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Run pytest in the folder of `pytester`, as where seemachine is installed and nothing else:
    so many tests pass.
    """
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(tests: int) -> None:
        done = pytester.runpytest_inprocess("-p", "seemachine", "-p", "no:cacheprovider")
        done.assert_outcomes(passed=tests)

    return run


@pytest.mark.parametrize(("moment", "tests"), [("before", 1), ("after", 2)])
def test_a_project_moves_over(
    moment: str, tests: int, pytester: pytest.Pytester, passes: Callable[[int], None]
) -> None:
    """Its product and tests stay as they are."""
    _needed(moment)
    for folder in ("project", moment):
        shutil.copytree(HERE / "from_softhsm" / folder, pytester.path, dirs_exist_ok=True)
    passes(tests)


def test_the_test_of_the_readme(pytester: pytest.Pytester, passes: Callable[[int], None]) -> None:
    """It is whole, and passes."""
    [block] = (each for each in BLOCK.findall(README.read_text()) if "def test_" in each)
    pytester.makepyfile(block)
    passes(1)


def _needed(moment: str) -> None:
    """Skip where it is not here."""
    pytest.importorskip("PyKCS11", reason="PyKCS11 is not installed")
    if moment == "before" and shutil.which("softhsm2-util") is None:
        pytest.skip("softhsm2-util is not installed")
    if moment == "after":
        try:
            library.path_of("pkcs11")
        except FileNotFoundError as missing:
            pytest.skip(str(missing))
