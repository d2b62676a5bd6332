"""A registry finds what was added, by its name alone."""

import pytest

from assay.core.errors import UsageError
from assay.core.registry import Registry


@pytest.fixture
def registry() -> Registry[str]:
    one: Registry[str] = Registry("fruit")
    one.add("pear")("a pear")
    one.add("apple")("an apple")
    return one


def test_what_was_added_is_found_in_order_of_names(registry):
    assert registry["pear"] == "a pear"
    assert list(registry) == ["apple", "pear"]
    assert "pear" in registry
    assert "plum" not in registry


def test_an_unknown_name_is_a_usage_error_with_the_nearest(registry):
    with pytest.raises(UsageError, match=r"^unknown fruit 'paer'; did you mean pear\?$"):
        registry["paer"]


def test_a_name_is_taken_once(registry):
    with pytest.raises(ValueError, match="fruit 'pear' is registered twice"):
        registry.add("pear")("another")


def test_add_leaves_what_it_decorates_as_it_is(registry):
    @registry.add("plum")
    def plum() -> str:
        return "a plum"

    assert plum() == "a plum"
    assert registry["plum"] is plum
