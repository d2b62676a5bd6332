"""Key paths: dotted, flattened, and looked up in a file."""

from assay.recipes.keys import all_keys, dotted_key, flatten, nearest_place

VALUES = {"optimizer": {"name": "sgd", "lr": 0.1}, "augment": ["flip"], "model": {"arguments": {}}}


def test_a_path_is_written_with_dots():
    assert dotted_key(("augment", 2)) == "augment.2"
    assert dotted_key(()) == ""


def test_nested_values_become_dotted_keys_and_an_empty_mapping_none():
    assert flatten(VALUES) == {"optimizer.name": "sgd", "optimizer.lr": 0.1, "augment": ["flip"]}


def test_all_keys_include_those_of_sections():
    assert all_keys(VALUES) == [
        "optimizer", "optimizer.name", "optimizer.lr", "augment", "model", "model.arguments",
    ]  # fmt: skip


def test_the_nearest_place_is_that_of_the_innermost_section():
    places = {("a",): "x:1", ("a", "b"): "x:2"}
    assert nearest_place(("a", "b", 3), places) == "x:2"
    assert nearest_place(("a", "c"), places) == "x:1"
    assert nearest_place(("d",), places) == ""
    assert nearest_place(("d",), {(): "x"}) == "x"
