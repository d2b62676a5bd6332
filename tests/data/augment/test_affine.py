"""Geometry against scipy, in Keras's order; the ranges of the lines that draw it."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from assay.data.augment.affine import Affine, keras_matrix, transform
from assay.data.augment.parse import Augment


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def run(lines, pixels):
    return Augment.parse(lines)(pixels, torch.arange(len(pixels)), 0, seeded())


def noise(n, height, width):
    return torch.rand(n, 3, height, width, generator=seeded(9))


def keras_affine(image, theta, tx, ty, zx, zy):
    """What Keras's apply_affine_transform does: matrices in (row, column) order, then scipy. image: (C, H, W)."""
    height, width = image.shape[1:]
    rotation = np.array([[math.cos(theta), -math.sin(theta), 0], [math.sin(theta), math.cos(theta), 0], [0, 0, 1]])
    shift = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    zoom = np.diag([zx, zy, 1])
    to_center = np.array([[1, 0, height / 2 - 0.5], [0, 1, width / 2 - 0.5], [0, 0, 1]])
    matrix = to_center @ rotation @ shift @ zoom @ np.linalg.inv(to_center)
    return np.stack([
        ndimage.affine_transform(channel, matrix[:2, :2], matrix[:2, 2], order=1, mode="nearest") for channel in image
    ])  # fmt: skip


@pytest.mark.parametrize(("height", "width"), [(32, 32), (12, 10), (9, 20)])
@pytest.mark.parametrize(
    "parameters",
    [
        (0.0, 0.0, 0.0, 1.0, 1.0),
        (0.3, 0.0, 0.0, 1.0, 1.0),
        (0.0, 2.0, 0.0, 1.0, 1.0),
        (0.0, 0.0, -1.5, 1.0, 1.0),
        (0.0, 0.0, 0.0, 0.7, 1.2),
        (-0.35, 1.3, -2.1, 0.8, 1.15),
        (2.5, -3.0, 4.0, 1.2, 0.7),
    ],
)
def test_the_affine_transform_is_keras_and_scipys(height, width, parameters):
    pixels = noise(2, height, width)
    theta, down, right, zoom_down, zoom_right = (torch.full((2,), value) for value in parameters)
    output = transform(pixels, keras_matrix(theta, down, right, zoom_down, zoom_right))
    expected = np.stack([keras_affine(image, *parameters) for image in pixels.double().numpy()])
    assert output.numpy() == pytest.approx(expected, abs=2e-5)


def test_a_zoom_below_1_enlarges():
    square = torch.zeros(1, 1, 20, 20)
    square[:, :, 5:15, 5:15] = 1
    assert run(["zoom 0.5 0.5"], square).sum() == pytest.approx(400, abs=40)


def ramps(n, height, width):
    """Two channels that hold the row and the column, so that a resampled image shows its own matrix."""
    rows = torch.arange(height).view(1, 1, -1, 1).expand(n, 1, height, width)
    return torch.cat([rows, torch.arange(width).expand(n, 1, height, width)], 1).float()


def slopes(output):
    """d(row, column) of the source by one step in the output, around the center: (N, 2, 2)."""
    y, x = output.shape[2] // 2, output.shape[3] // 2
    return torch.stack([output[:, :, y + 1, x] - output[:, :, y, x], output[:, :, y, x + 1] - output[:, :, y, x]], 2)


def test_rotation_covers_its_range_in_degrees():
    matrix = slopes(run(["rotate 20"], ramps(2000, 41, 61)))
    degrees = torch.atan2(matrix[:, 1, 0], matrix[:, 0, 0]).rad2deg()
    assert -20.01 <= degrees.min() < -19
    assert 19 < degrees.max() <= 20.01
    assert torch.allclose(torch.linalg.det(matrix), torch.ones(2000), atol=1e-3)


def test_zoom_draws_each_direction_by_itself():
    matrix = slopes(run(["zoom 0.7 1.2"], ramps(2000, 41, 61)))
    down, right = matrix[:, 0, 0], matrix[:, 1, 1]
    for factors in (down, right):
        assert 0.699 <= factors.min() < 0.72
        assert 1.18 < factors.max() <= 1.201
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.1


def test_shift_is_a_fraction_of_each_side():
    middle = (run(["shift 0.1"], ramps(2000, 41, 61)) - ramps(2000, 41, 61))[:, :, 20, 30]
    for shifts, side in ((middle[:, 0], 41), (middle[:, 1], 61)):
        assert shifts.abs().max() <= 0.1 * side + 1e-3
        assert shifts.max() > 0.095 * side
        assert shifts.min() < -0.095 * side


def test_affine_lines_become_one_transform_at_the_place_of_the_first():
    augment = Augment.parse(["flip", "zoom 0.7 1.2", "cutout 8", "rotate 20", "shift 0.1"])
    assert len(augment.steps) == 3
    assert augment.steps[1] == Affine(rotate=20, shift=0.1, zoom=(0.7, 1.2))
