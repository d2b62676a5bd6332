"""Random rectangles: within the image, of the sizes asked for, anywhere."""

import torch

from assay.data.augment.boxes import Boxes, draw_boxes


def draws(size, area=(0.08, 1.0), aspect=(3 / 4, 4 / 3), n=5000):
    return draw_boxes(n, size, area, aspect, torch.Generator().manual_seed(0))


def test_they_lie_within_the_image():
    boxes, result = draws((40, 50))
    assert result.float().mean() > 0.99
    for start, length, size in ((boxes.top, boxes.height, 40), (boxes.left, boxes.width, 50)):
        start, length = start[result], length[result]
        assert start.min() == 0
        assert (start + length).max() == size
        assert length.min() > 0


def test_areas_and_aspects_are_those_asked_for():
    boxes, _ = draws((500, 500))
    area, aspect = boxes.height * boxes.width / 250_000, boxes.width / boxes.height
    assert 0.078 < area.min() < 0.09
    assert area.max() > 0.98
    assert 0.74 < aspect.min() < 0.77
    assert 1.3 < aspect.max() < 1.35


def test_small_ones_lie_anywhere_alike():
    boxes, _ = draws((20, 20), area=(0.01, 0.01), aspect=(1, 1), n=20_000)
    assert set(boxes.height.tolist()) == {2}
    for start in (boxes.top, boxes.left):
        counts = torch.bincount(start, minlength=19)
        assert len(counts) == 19
        assert abs(counts / 20_000 - 1 / 19).max() < 0.006


def test_what_cannot_fit_is_not_found():
    _, result = draws((4, 400), area=(0.9, 1.0))
    assert not result.any()


def test_inside_is_the_rectangle():
    item = Boxes(*(torch.tensor([value]) for value in (1, 2, 3, 4)))
    expected = torch.zeros(6, 7, dtype=torch.bool)
    expected[1:4, 2:6] = True
    assert torch.equal(item.inside(6, 7), expected[None, None])
