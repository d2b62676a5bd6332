"""Reading the lines of a recipe, and what holds for every line."""

import pytest
import torch

from assay.core.errors import UsageError
from assay.data.augment.parse import Augment

ALL_LINES = ("flip", "alternating-flip", "crop 4", "translate 2", "rotate 20", "zoom 0.7 1.2", "shift 0.1",
             "channel-shift 0.2", "cutout 8", "random-resized-crop 16", "randaugment 2 30",
             "random-erasing 0.5")  # fmt: skip


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def run(lines, pixels, epoch=0, seed=0, indices=None):
    indices = torch.arange(len(pixels)) if indices is None else indices
    return Augment.parse(lines)(pixels, indices, epoch, seeded(seed))


def noise(n=8, height=12, width=10):
    return torch.rand(n, 3, height, width, generator=seeded(9))


# What holds for every line


@pytest.mark.parametrize("line", ALL_LINES)
def test_shape_type_range_and_input_are_kept(line):
    pixels = noise(16, 16, 16)
    before = pixels.clone()
    output = run([line], pixels)
    assert output.shape == pixels.shape
    assert output.dtype == torch.float32
    assert 0 <= output.min() <= output.max() <= 1 + 1e-6
    assert torch.equal(pixels, before)


@pytest.mark.parametrize("line", [line for line in ALL_LINES if line != "alternating-flip"])
def test_draws_come_from_the_generator_alone(line):
    pixels = noise(16, 20, 16)
    state = torch.get_rng_state()
    assert torch.equal(run([line], pixels, seed=1), run([line], pixels, seed=1))
    assert not torch.equal(run([line], pixels, seed=1), run([line], pixels, seed=2))
    assert torch.equal(state, torch.get_rng_state())


def test_no_lines_change_nothing():
    pixels = noise()
    assert torch.equal(run([], pixels), pixels)


@pytest.mark.parametrize("line", ALL_LINES)
def test_memory_format_does_not_matter(line):
    pixels = noise(16, 20, 16)
    output = run([line], pixels.contiguous(memory_format=torch.channels_last))
    assert torch.allclose(output, run([line], pixels), atol=1e-6)


def test_lines_act_in_their_order():
    pixels = noise(64)
    flipped_first = run(["alternating-flip", "translate 3"], pixels)
    expected = run(["translate 3"], run(["alternating-flip"], pixels))
    assert torch.equal(flipped_first, expected)


@pytest.mark.parametrize(("epoch", "shape"), [(0, (3, 8, 8)), (1, (3, 12, 10))])
def test_the_shape_of_an_epochs_images_is_known_before(epoch, shape):
    assert Augment.parse(["flip", "window 8 epochs 1"]).shape((3, 12, 10), epoch) == shape


# The language


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("window 24", "'window 24' does not follow the form: window PIXELS epochs N"),
        ("window 24 for 4", "'window 24 for 4' does not follow the form: window PIXELS epochs N"),
        ("flop", "unknown augmentation 'flop'; did you mean flip"),
        ("", "unknown augmentation ''"),
        ("flip 0.5", "'flip 0.5' does not follow the form: flip"),
        ("crop", "crop PIXELS"),
        ("crop 4 mirror", "crop PIXELS"),
        ("crop four", "crop PIXELS"),
        ("crop 0", "crop PIXELS"),
        ("crop 4 zero 3", "crop PIXELS"),
        ("translate 2 reflect", "translate PIXELS"),
        ("rotate", "rotate DEGREES"),
        ("rotate 270", "rotate DEGREES"),
        ("rotate -20", "rotate DEGREES"),
        ("rotate nan", "rotate DEGREES"),
        ("zoom 0.7", "zoom LOW HIGH"),
        ("zoom 1.2 0.7", "zoom LOW HIGH"),
        ("zoom 0 1", "zoom LOW HIGH"),
        ("shift 3", "shift FRACTION"),
        ("channel-shift inf", "channel-shift AMOUNT"),
        ("cutout 2.5", "cutout PIXELS"),
        ("random-resized-crop", "random-resized-crop PIXELS"),
        ("random-resized-crop 8 0.5", "random-resized-crop PIXELS"),
        ("random-resized-crop 8 0.9 0.5", "random-resized-crop PIXELS"),
        ("random-resized-crop 8 0.5 2", "random-resized-crop PIXELS"),
        ("randaugment 2", "randaugment COUNT MAGNITUDE"),
        ("randaugment 0 9", "randaugment COUNT MAGNITUDE"),
        ("randaugment 2 31", "randaugment COUNT MAGNITUDE, from 0 to 30"),
        ("random-erasing 1.5", "random-erasing PROBABILITY"),
        ("mixup 0", "mixup ALPHA"),
        ("cutmix", "cutmix ALPHA"),
        ("rotate 10", "'rotate' is given twice"),
    ],
)
def test_a_faulty_line_is_named_with_its_place_and_form(line, message):
    with pytest.raises(UsageError, match=message) as error:
        Augment.parse(["rotate 20", "flip", line])
    assert error.value.at == (2,)
