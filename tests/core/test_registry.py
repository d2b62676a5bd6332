"""A registry finds an entry by its name alone."""

import sys
from importlib import import_module

import pytest

from assay.core.errors import UsageError
from assay.core.registry import Registry


@pytest.fixture
def registry() -> Registry[str]:
    fruits: Registry[str] = Registry("fruit")
    fruits.add("pear")("a pear")
    fruits.add("apple")("an apple")
    return fruits


def test_entries_are_found_and_listed_in_order_of_names(registry):
    assert registry["pear"] == "a pear"
    assert list(registry) == registry.names() == ["apple", "pear"]
    assert "pear" in registry
    assert "plum" not in registry


def test_an_unknown_name_is_a_usage_error_with_the_nearest(registry):
    with pytest.raises(UsageError, match=r"^unknown fruit 'paer'; did you mean pear\?$"):
        registry["paer"]


def test_a_name_is_taken_once(registry):
    with pytest.raises(ValueError, match="fruit 'pear' is registered twice"):
        registry.add("pear")("a second pear")


def test_add_returns_what_it_decorates(registry):
    @registry.add("plum")
    def plum() -> str:
        return "a plum"

    assert plum() == "a plum"
    assert registry["plum"] is plum


def test_an_entry_is_replaced_for_a_while(registry):
    with registry.replaced("pear", "a worm"), registry.replaced("plum", "a plum"):
        assert (registry["pear"], registry["plum"]) == ("a worm", "a plum")
    assert registry["pear"] == "a pear"
    assert "plum" not in registry


def test_the_modules_with_builtin_entries_are_imported_at_the_first_lookup(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "basket_of_figs.py").write_text("import basket\nbasket.FRUITS.add('fig')('a fig')")
    (tmp_path / "basket.py").write_text(
        "from assay.core.registry import Registry\nFRUITS = Registry('fruit', modules=['basket_of_figs'])"
    )
    basket = import_module("basket")
    assert "basket_of_figs" not in sys.modules
    assert basket.FRUITS.names() == ["fig"]


def test_every_file_of_a_folder_is_imported_and_no_folder_within_it(tmp_path, monkeypatch):
    folder = tmp_path / "orchard"
    (folder / "deeper").mkdir(parents=True)
    (folder / "__init__.py").write_text(
        "from assay.core.registry import Registry\nTREES = Registry('tree', ['orchard.*'])"
    )
    (folder / "cherry.py").write_text("from orchard import TREES\nTREES.add('cherry')('a cherry tree')")
    (folder / "deeper" / "__init__.py").write_text("raise ImportError('an extra is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    assert list(import_module("orchard").TREES) == ["cherry"]
