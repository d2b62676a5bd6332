"""What covers a part of an image: where, how much, and with what."""

import numpy as np
import torch

from assay.data.augment.parse import Augment


def run(lines, pixels):
    generator = torch.Generator().manual_seed(0)
    return Augment.parse(lines)(pixels, torch.arange(len(pixels)), 0, generator)


def test_cutout_blackens_one_square_around_each_center_alike():
    holes = (run(["cutout 4"], torch.ones(6000, 3, 9, 9)) == 0).numpy()
    assert np.all(holes == holes[:, :1])
    places = []
    for hole in holes[:, 0]:
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert hole.sum() == len(rows) * len(columns)
        assert hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        places.append((rows[0], len(rows), columns[0], len(columns)))
    assert len(set(places)) == 81
    # center c covers c-2 .. c+1, cut off at the edge: lengths 2 3 4 4 4 4 4 4 3 for c = 0 .. 8
    assert sorted({(start, length) for start, length, *_ in places}) == sorted(
        [(0, 2), (0, 3), (0, 4), (1, 4), (2, 4), (3, 4), (4, 4), (5, 4), (6, 3)]
    )


def erased(line, n=3000, side=20):
    """Which pixels of black images became something else, bool (n, side, side)."""
    return (run([line], torch.zeros(n, 3, side, side)) > 0).any(1).numpy()


def test_random_erasing_hits_with_its_probability():
    assert abs(erased("random-erasing 0.25").any((1, 2)).mean() - 0.25) < 0.03


def test_random_erasing_covers_one_rectangle_of_the_papers_sizes():
    areas, aspects = [], []
    for hole in erased("random-erasing 1"):
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        down, right = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert hole.sum() == down * right
        areas.append(hole.mean())
        aspects.append(right / down)
    assert 0.01 < min(areas) < 0.03  # 2 % of 400 pixels, up to the rounding of its sides
    assert 0.37 < max(areas) < 0.43
    assert 0.2 < min(aspects) < 0.4
    assert abs(np.log(aspects).mean()) < 0.05  # lying as often as standing


def test_random_erasing_gives_every_pixel_a_color_of_its_own():
    image = torch.full((200, 3, 20, 20), 2.0)
    filled = run(["random-erasing 1"], image)
    noise = filled[filled < 2]
    assert abs(noise.mean() - 0.5) < 0.01
    assert abs(noise.std() - 12**-0.5) < 0.01
    assert len(noise.unique()) > 0.9 * len(noise)


def test_an_image_is_never_covered_beyond_its_edge():
    output = erased("random-erasing 1").any(0)
    assert output.all()  # every pixel can be hit, the corners too
