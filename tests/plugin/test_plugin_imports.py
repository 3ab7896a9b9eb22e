"""What the plugin costs a run of pytest in which nobody asks for a machine."""

import os
import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest

from seemachine.testing import plugin

REPORT = """
import sys
import pytest
{}
print(*sorted(sys.modules))
"""
OWN = {
    "seemachine",
    "seemachine.testing",
    "seemachine.testing.plugin",
    "seemachine.testing.plugin.fixtures",
    "seemachine.testing.plugin.leading",
    "seemachine.testing.plugin.options",
}
# Plugins of others load what they load.
ALONE = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def modules_after(code, folder):
    """The modules that are loaded once some code has run."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT.format(code)],
        cwd=folder,
        env=ALONE,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_pytest_finds_it():
    """The entry point that pytest looks for leads to the plugin."""
    [found] = metadata.entry_points(group="pytest11", name="seemachine")
    assert found.load() is plugin


def test_a_run_loads_the_plugin_and_nothing_else(tmp_path):
    """Of seemachine only the plugin itself is loaded, and of other packages what pytest has loaded
    already.
    """
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    run = "pytest.main(['-q', '-p', '{}'])"
    without = modules_after(run.format("no:seemachine"), tmp_path)
    assert modules_after(run.format("seemachine"), tmp_path) - without == OWN


def test_what_is_installed_is_not_rewritten(pytester):
    """A test asks the very code that is installed: pytest, which rewrites the assertions of what
    comes with a plugin, leaves it alone, and rewrites the plugins of others.
    """
    hook = pytester.parseconfig().pluginmanager.rewrite_hook
    hook._must_rewrite |= {"some_plugin", *plugin.PACKAGES}
    assert [is_rewritten(hook, name) for name in (*plugin.PACKAGES, "some_plugin")] == [True] * 3
    plugin._keep_as_installed(hook)

    assert not any(is_rewritten(hook, name) for name in plugin.PACKAGES)
    assert is_rewritten(hook, "some_plugin")


def is_rewritten(hook, package):
    """Whether pytest would rewrite a module of a package."""
    state = SimpleNamespace(trace=lambda _: None)
    return hook._is_marked_for_rewrite(f"{package}.machine", state)


@pytest.mark.parametrize("hook", [object(), SimpleNamespace(_must_rewrite=("seemachine",))])
def test_another_pytest_rewrites_it(hook):
    """Where pytest keeps this otherwise, or rewrites nothing at all, nothing breaks."""
    plugin._keep_as_installed(hook)


def test_a_run_has_three_hooks_more(project):
    """None of them is called for a test but the one that looks for the marker, and no test has a
    fixture that it did not ask for.
    """
    hooks = {name for name in dir(plugin) if name.startswith("pytest_")}
    assert hooks == {"pytest_addoption", "pytest_configure", "pytest_runtest_setup"}
    project.passes("def test_it(request): assert 'seemachine' not in str(request.fixturenames)")
