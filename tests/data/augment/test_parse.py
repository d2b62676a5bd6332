"""Augmentation: exact pixel moves, by images whose pixels say where they came from; what holds for every line."""

import numpy as np
import pytest
import torch

from assay.core.errors import UsageError
from assay.data.augment.parse import Augment

ALL_LINES = ("flip", "alternating-flip", "crop 4", "translate 2", "rotate 20", "zoom 0.7 1.2", "shift 0.1",
             "channel-shift 0.2", "cutout 8", "random-resized-crop 16", "randaugment 2 30",
             "random-erasing 0.5")  # fmt: skip


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(n=64, channels=3, height=12, width=10):
    """Images in which every pixel holds its own place: c, y and x in one number, (N, C, H, W)."""
    return torch.arange(1.0, 1 + channels * height * width).view(1, channels, height, width).repeat(n, 1, 1, 1)


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
    seen = run([line], pixels)
    assert seen.shape == pixels.shape
    assert seen.dtype == torch.float32
    assert 0 <= seen.min() <= seen.max() <= 1 + 1e-6
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
    seen = run([line], pixels.contiguous(memory_format=torch.channels_last))
    assert torch.allclose(seen, run([line], pixels), atol=1e-6)


def test_lines_act_in_their_order():
    pixels = noise(64)
    flipped_first = run(["alternating-flip", "translate 3"], pixels)
    expected = run(["translate 3"], run(["alternating-flip"], pixels))
    assert torch.equal(flipped_first, expected)


# Flips


def test_flip_mirrors_about_half_of_the_images():
    pixels = numbered(2000)
    seen = run(["flip"], pixels)
    mirrored = (seen == pixels.flip(3)).all((1, 2, 3))
    assert torch.equal(seen[~mirrored], pixels[~mirrored])
    assert abs(mirrored.float().mean() - 0.5) < 0.05


def test_alternating_flip_shows_both_sides_in_turn():
    pixels = numbered(2000)
    first, second, third = (run(["alternating-flip"], pixels, epoch=epoch) for epoch in range(3))
    assert torch.equal(second, first.flip(3))
    assert torch.equal(third, first)


def test_alternating_flip_starts_with_a_random_half():
    mirrored = (run(["alternating-flip"], numbered(4000)) != numbered(1)).any((1, 2, 3)).float()
    assert abs(mirrored.mean() - 0.5) < 0.03
    for lag in (1, 2, 10):  # neighbors, and images of one class in a sorted set, are independent
        assert abs(np.corrcoef(mirrored[lag:], mirrored[:-lag])[0, 1]) < 0.06


def test_alternating_flip_depends_on_the_image_and_not_on_its_batch():
    order = torch.randperm(500, generator=seeded())
    whole = run(["alternating-flip"], numbered(500))
    assert torch.equal(run(["alternating-flip"], numbered(500), seed=7, indices=order), whole[order])


# Windows


def test_window_is_a_random_square_in_the_first_epochs_and_then_the_whole_image():
    pixels = numbered(2000)
    windows = pixels[:1].unfold(2, 8, 1).unfold(3, 8, 1)[0].permute(1, 2, 0, 3, 4).reshape(15, -1)
    for epoch in (0, 1):
        seen = run(["window 8 epochs 2"], pixels, epoch=epoch)
        matches = (seen.flatten(1)[:, None] == windows).all(2)
        assert seen.shape == (2000, 3, 8, 8)
        assert torch.all(matches.sum(1) == 1)
        assert matches.sum(0).min() > 80  # of 133
    assert torch.equal(run(["window 8 epochs 2"], pixels, epoch=2), pixels)


def test_lines_act_on_the_window_that_an_earlier_line_left():
    pixels = numbered(500)
    both = run(["translate 2", "window 8 epochs 1", "alternating-flip"], pixels)
    assert torch.equal(both, run(["alternating-flip"], run(["translate 2", "window 8 epochs 1"], pixels)))
    assert (both == 0).any()
    cut = run(["window 8 epochs 1", "translate 2"], pixels)
    windows = run(["window 8 epochs 1"], pixels)
    inside = cut != 0
    assert cut.shape == windows.shape
    assert set(cut[inside].tolist()) <= set(windows.unique().tolist())


@pytest.mark.parametrize(("epoch", "shape"), [(0, (3, 8, 8)), (1, (3, 12, 10))])
def test_the_shape_of_an_epochs_images_is_known_before(epoch, shape):
    assert Augment.parse(["flip", "window 8 epochs 1"]).shape((3, 12, 10), epoch) == shape


def test_a_window_larger_than_the_image_is_refused():
    with pytest.raises(UsageError, match="window of 11 px needs images of at least that size, not 12 x 10"):
        run(["window 11 epochs 1"], numbered())


# Crops and translations: exact pixel moves


@pytest.mark.parametrize(
    ("line", "mode"),
    [("crop 4", "reflect"), ("crop 4 reflect", "reflect"), ("crop 4 zero", "constant"), ("translate 4", "constant")],
)
def test_crop_is_one_of_the_windows_of_the_padded_image(line, mode):
    pixels = numbered(2000)
    padded = torch.nn.functional.pad(pixels[:1], (4, 4, 4, 4), mode=mode)
    windows = padded.unfold(2, 12, 1).unfold(3, 10, 1)[0].permute(1, 2, 0, 3, 4).reshape(81, -1)
    matches = (run([line], pixels).flatten(1)[:, None] == windows).all(2)
    assert torch.all(matches.sum(1) == 1)
    counts = matches.sum(0)
    assert counts.min() > 5  # each of the 81 windows about 25 times
    assert counts.max() < 55


@pytest.mark.parametrize("lines", [("crop 3 zero", "flip", "crop 2"), ("flip", "translate 2", "translate 3"),
                                   ("alternating-flip", "crop 2 zero", "crop 1 zero")])  # fmt: skip
def test_moves_in_a_row_are_as_one_after_the_other(lines):
    pixels, generator = noise(40), seeded()
    expected = pixels
    for line in lines:
        expected = Augment.parse([line])(expected, torch.arange(40), 0, generator)
    assert torch.equal(run(lines, pixels), expected)


def test_a_crop_that_the_image_is_too_small_for_is_refused():
    with pytest.raises(UsageError, match="shift by 10 px needs images larger than 12 x 10 px"):
        run(["crop 10"], numbered())


# Channel shift


def test_channel_shift_adds_one_number_and_stays_within_the_images_range():
    pixels = noise(500) * 0.6 + 0.2
    seen = run(["channel-shift 0.3"], pixels)
    low, high = pixels.amin((1, 2, 3), keepdim=True), pixels.amax((1, 2, 3), keepdim=True)
    inside = (seen > low) & (seen < high)
    shifts = torch.where(inside, seen - pixels, torch.nan).flatten(1)
    amounts = shifts.nanmedian(1, keepdim=True).values
    assert torch.allclose(seen, (pixels + amounts.view(-1, 1, 1, 1)).clamp(low, high), atol=1e-6)
    assert -0.3 <= amounts.min() < -0.27
    assert 0.27 < amounts.max() <= 0.3


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
    with pytest.raises(UsageError, match=message) as caught:
        Augment.parse(["rotate 20", "flip", line])
    assert caught.value.at == (2,)
