"""The pytest plugin: a fleet for each test that asks for one.

    def test_a_release_is_signed(seemachine_fleet):
        key = seemachine_fleet.generate_lms("release", **testing.QUICK)
        ...

It is loaded in every run of pytest where seemachine is installed. So it loads nothing but options
and names of fixtures until a test asks for a machine. See docs/how-to/pytest.md.
"""

from typing import Any

import pytest

from seemachine.testing.plugin import options
from seemachine.testing.plugin.fixtures import (
    seemachine_async_fleet,
    seemachine_cards,
    seemachine_fleet,
    seemachine_key,
    seemachine_world,
)

__all__ = [
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_setup",
    "seemachine_async_fleet",
    "seemachine_cards",
    "seemachine_fleet",
    "seemachine_key",
    "seemachine_world",
]


# What is installed together with this plugin.
PACKAGES = {"seemachine", "seeclient"}


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Options and settings."""
    options.add(parser)
    _keep_as_installed(pluginmanager.rewrite_hook)


def _keep_as_installed(hook: Any) -> None:
    """Have pytest load seemachine as any program does.

    It rewrites the assertions of all packages that are installed with a plugin: these would take
    half a second longer to load, in each run of who has no cache. No public name says otherwise;
    where these names are others one day, they are rewritten.
    """
    marked = getattr(hook, "_must_rewrite", None)
    if isinstance(marked, set):
        marked -= PACKAGES
        hook._marked_for_rewrite_cache.clear()  # noqa: SLF001


def pytest_configure(config: pytest.Config) -> None:
    """The marker, and settings that no run could go on with."""
    config.addinivalue_line("markers", options.MARKER_HELP)
    options.scope_of(config)
    if any(options.said(config).values()):
        from seemachine.testing.plugin import marker

        marker.for_all(config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Markers that say what they can't; and the async fleet of a test of asyncio."""
    if options.MARKER in item.keywords:
        from seemachine.testing.plugin import marker

        marker.check(item)
    if options.ASYNC_FLEET in getattr(item, "fixturenames", ()):
        from seemachine.testing.plugin import without_loop

        if not item.config.pluginmanager.is_registered(without_loop):
            item.config.pluginmanager.register(without_loop)
