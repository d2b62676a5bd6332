"""Channel shift against its definition."""

import torch

from assay.data.augment.parse import Augment


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def run(lines, pixels, epoch=0, seed=0, indices=None):
    indices = torch.arange(len(pixels)) if indices is None else indices
    return Augment.parse(lines)(pixels, indices, epoch, seeded(seed))


def noise(n=8, height=12, width=10):
    return torch.rand(n, 3, height, width, generator=seeded(9))


def test_channel_shift_adds_one_number_and_stays_within_the_images_range():
    pixels = noise(500) * 0.6 + 0.2
    output = run(["channel-shift 0.3"], pixels)
    low, high = pixels.amin((1, 2, 3), keepdim=True), pixels.amax((1, 2, 3), keepdim=True)
    inside = (output > low) & (output < high)
    shifts = torch.where(inside, output - pixels, torch.nan).flatten(1)
    amounts = shifts.nanmedian(1, keepdim=True).values
    assert torch.allclose(output, (pixels + amounts.view(-1, 1, 1, 1)).clamp(low, high), atol=1e-6)
    assert -0.3 <= amounts.min() < -0.27
    assert 0.27 < amounts.max() <= 0.3
