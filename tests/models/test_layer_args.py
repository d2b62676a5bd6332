"""LoadedData the words of a layer line."""

import pytest

from assay.core.errors import UsageError
from assay.models.layer_args import LayerArgs


def test_words_are_taken_in_any_order_after_the_numbers():
    words = LayerArgs("conv 24 5x3 nobias stride 2 same")
    assert (words.number("filters", int), words.kernel()) == (24, (5, 3))
    assert (words.choice("valid", "same"), words.after("stride", 1), words.flag("nobias")) == ("same", 2, True)
    words.end()


def test_what_is_not_given_has_its_default():
    words = LayerArgs("pool")
    assert (words.number("a slope", float, 0.01), words.choice("valid", "same")) == (0.01, "valid")
    assert (words.after("stride", 3), words.flag("nobias")) == (3, False)


@pytest.mark.parametrize("word", ["0", "-3", "2.5", "1e3", "9999999999999999999999", "x"])
def test_a_count_is_a_whole_number_of_a_sane_size(word: str):
    with pytest.raises(UsageError, match="filters must be"):
        LayerArgs(f"conv {word}").number("filters", int)


@pytest.mark.parametrize("word", ["nan", "-inf"])
def test_a_number_is_finite(word: str):
    with pytest.raises(UsageError, match="must be finite"):
        LayerArgs(f"dropout {word}").number("a probability", float)


@pytest.mark.parametrize("kernel", ["5", "5x", "x5", "5x0", "5x5x5", "axb", "-3x3", ""])
def test_a_kernel_has_two_sides(kernel: str):
    with pytest.raises(UsageError, match="kernel"):
        LayerArgs(f"conv {kernel}").kernel()


def test_a_word_left_over_is_shown_with_the_nearest_known_one():
    words = LayerArgs("conv smae")
    words.choice("valid", "same", "full")
    with pytest.raises(UsageError, match="unknown argument of 'conv': 'smae'; did you mean same"):
        words.end()


def test_two_choices_exclude_each_other():
    with pytest.raises(UsageError, match="not both"):
        LayerArgs("conv same full").choice("valid", "same", "full")


def test_a_keyword_needs_its_number():
    with pytest.raises(UsageError, match="'stride' needs a number"):
        LayerArgs("conv stride").after("stride", 1)
