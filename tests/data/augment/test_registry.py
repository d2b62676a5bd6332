"""An augmentation is one function with a decorator; its arguments are checked against its signature."""

import pytest
import torch

from assay.core.errors import UsageError
from assay.data.augment.parse import Augment
from assay.data.augment.registry import AUGMENTATIONS, Augmentation, augmentation, parse_number, parse_pixels


def build_darken(factor, unit="times"):
    value = parse_number(factor, 0, 1)
    return lambda pixels, indices, epoch, generator: pixels * value


@pytest.fixture
def darken():
    with AUGMENTATIONS.replaced("darken", Augmentation("darken FACTOR [times]", build_darken)) as entry:
        yield entry


@pytest.mark.parametrize("line", ["darken 0.5", "darken 0.5 times"])
def test_a_new_word_can_be_used_in_a_recipe(darken, line):
    augment = Augment.parse([line])
    assert torch.equal(
        augment(torch.ones(2, 3, 4, 4), torch.arange(2), 0, torch.Generator()), torch.full((2, 3, 4, 4), 0.5)
    )


@pytest.mark.parametrize("line", ["darken", "darken 2", "darken x", "darken 0.5 times more"])
def test_arguments_that_do_not_fit_show_the_form(darken, line):
    with pytest.raises(UsageError, match=r"does not follow the form: darken FACTOR \[times\]"):
        Augment.parse([line])


def test_a_name_is_registered_once():
    assert "flip" in AUGMENTATIONS
    with pytest.raises(ValueError, match="augmentation 'flip' is registered twice"):
        augmentation("flip", form="flip")(build_darken)


@pytest.mark.parametrize("text", ["0", "-3", "2.5", "x"])
def test_pixels_are_whole_and_positive(text):
    with pytest.raises(ValueError):  # noqa: PT011  # the message is not shown
        parse_pixels(text)
