"""Plug-ins are imported once and fill the registries; a broken one is a single warning."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from assay.core.plugins import GROUP, current_plugin, import_plugins
from assay.core.registry import Registry

FRUITS: Registry[str] = Registry("fruit")


@pytest.fixture
def fruits(monkeypatch: pytest.MonkeyPatch) -> Registry[str]:
    """A registry of one apple, which plug-ins find in this module."""
    registry: Registry[str] = Registry("fruit")
    registry.add("apple")("an apple")
    monkeypatch.setattr(sys.modules[__name__], "FRUITS", registry)
    monkeypatch.setitem(sys.modules, "orchard", sys.modules[__name__])
    return registry


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes a module and returns its entry point."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, text: str) -> EntryPoint:
        (tmp_path / f"{name}.py").write_text(text)
        return EntryPoint(name.replace("_", "-"), name, GROUP)

    return write


def test_a_plugin_registers_its_entries_when_it_is_imported(fruits, plugin):
    import_plugins([plugin("plugin_pears", "from orchard import FRUITS\nFRUITS.add('pear')('a pear')")])
    assert fruits["pear"] == "a pear"
    assert current_plugin() == ""


def test_a_broken_plugin_is_one_warning_and_the_others_work(fruits, plugin, caplog):
    plugins = [
        plugin("plugin_broken", "raise RuntimeError('no\\nluck')"),
        plugin("plugin_plums", "from orchard import FRUITS\nFRUITS.add('plum')('a plum')"),
        EntryPoint("absent", "no_such_module", GROUP),
    ]
    import_plugins(plugins)
    assert "plum" in fruits
    assert caplog.messages == [
        "assay: plug-in absent: no_such_module cannot be imported, "
        "ModuleNotFoundError: No module named 'no_such_module'",
        "assay: plug-in plugin-broken: plugin_broken cannot be imported, RuntimeError: no luck",
    ]


def test_a_plugin_cannot_take_the_name_of_a_builtin_entry(fruits, plugin, caplog):
    import_plugins([plugin("plugin_apples", "from orchard import FRUITS\nFRUITS.add('apple')('a worm')")])
    assert fruits["apple"] == "an apple"
    assert "ValueError: fruit 'apple' is registered twice" in caplog.text


def test_a_builtin_entry_takes_its_name_back(fruits, plugin, caplog):
    import_plugins([plugin("plugin_late", "from orchard import FRUITS\nFRUITS.add('fig')('a wasp')")])
    fruits.add("fig")("a fig")
    assert fruits["fig"] == "a fig"
    assert caplog.messages == ["assay: plug-in plugin-late: assay has a fruit 'fig' of its own, and uses that"]
