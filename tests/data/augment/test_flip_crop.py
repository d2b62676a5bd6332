"""Flips, crops and windows: exact pixel moves, on images whose pixels encode where they came from."""

import numpy as np
import pytest
import torch

from assay.core.errors import UsageError
from assay.data.augment.parse import Augment


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered_pixels(n=64, channels=3, height=12, width=10):
    """Images in which every pixel holds its own place: c, y and x in one number, (N, C, H, W)."""
    return torch.arange(1.0, 1 + channels * height * width).view(1, channels, height, width).repeat(n, 1, 1, 1)


def run(lines, pixels, epoch=0, seed=0, indices=None):
    indices = torch.arange(len(pixels)) if indices is None else indices
    return Augment.parse(lines)(pixels, indices, epoch, seeded(seed))


def noise(n=8, height=12, width=10):
    return torch.rand(n, 3, height, width, generator=seeded(9))


def test_flip_mirrors_about_half_of_the_images():
    pixels = numbered_pixels(2000)
    output = run(["flip"], pixels)
    mirrored = (output == pixels.flip(3)).all((1, 2, 3))
    assert torch.equal(output[~mirrored], pixels[~mirrored])
    assert abs(mirrored.float().mean() - 0.5) < 0.05


def test_alternating_flip_shows_both_sides_in_turn():
    pixels = numbered_pixels(2000)
    first, second, third = (run(["alternating-flip"], pixels, epoch=epoch) for epoch in range(3))
    assert torch.equal(second, first.flip(3))
    assert torch.equal(third, first)


def test_alternating_flip_starts_with_a_random_half():
    mirrored = (run(["alternating-flip"], numbered_pixels(4000)) != numbered_pixels(1)).any((1, 2, 3)).float()
    assert abs(mirrored.mean() - 0.5) < 0.03
    for lag in (1, 2, 10):  # neighbors, and images of one class in a sorted set, are independent
        assert abs(np.corrcoef(mirrored[lag:], mirrored[:-lag])[0, 1]) < 0.06


def test_alternating_flip_depends_on_the_image_and_not_on_its_batch():
    order = torch.randperm(500, generator=seeded())
    whole = run(["alternating-flip"], numbered_pixels(500))
    assert torch.equal(run(["alternating-flip"], numbered_pixels(500), seed=7, indices=order), whole[order])


# Windows


def test_window_is_a_random_square_in_the_first_epochs_and_then_the_whole_image():
    pixels = numbered_pixels(2000)
    windows = pixels[:1].unfold(2, 8, 1).unfold(3, 8, 1)[0].permute(1, 2, 0, 3, 4).reshape(15, -1)
    for epoch in (0, 1):
        output = run(["window 8 epochs 2"], pixels, epoch=epoch)
        matches = (output.flatten(1)[:, None] == windows).all(2)
        assert output.shape == (2000, 3, 8, 8)
        assert torch.all(matches.sum(1) == 1)
        assert matches.sum(0).min() > 80  # of 133
    assert torch.equal(run(["window 8 epochs 2"], pixels, epoch=2), pixels)


def test_lines_act_on_the_window_that_an_earlier_line_left():
    pixels = numbered_pixels(500)
    output = run(["translate 2", "window 8 epochs 1", "alternating-flip"], pixels)
    assert torch.equal(output, run(["alternating-flip"], run(["translate 2", "window 8 epochs 1"], pixels)))
    assert (output == 0).any()
    cut = run(["window 8 epochs 1", "translate 2"], pixels)
    windows = run(["window 8 epochs 1"], pixels)
    inside = cut != 0
    assert cut.shape == windows.shape
    assert set(cut[inside].tolist()) <= set(windows.unique().tolist())


def test_a_window_larger_than_the_image_is_refused():
    with pytest.raises(UsageError, match="window of 11 px needs images of at least that size, not 12 x 10"):
        run(["window 11 epochs 1"], numbered_pixels())


# Crops and translations: exact pixel moves


@pytest.mark.parametrize(
    ("line", "mode"),
    [("crop 4", "reflect"), ("crop 4 reflect", "reflect"), ("crop 4 zero", "constant"), ("translate 4", "constant")],
)
def test_crop_is_one_of_the_windows_of_the_padded_image(line, mode):
    pixels = numbered_pixels(2000)
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
        run(["crop 10"], numbered_pixels())
