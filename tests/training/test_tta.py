"""Test-time views, seen through nets that tell which pixels they were shown."""

import pytest
import torch
from torch import Tensor, nn

from assay.training.tta import view_logits


class Pixel(nn.Module):
    """Gives one pixel of each image, times ten, as its only logit."""

    def __init__(self, row: int, column: int) -> None:
        super().__init__()
        self.row, self.column = row, column

    def forward(self, x: Tensor) -> Tensor:
        return 10 * x[:, 0, self.row, self.column, None]


IMAGES = torch.rand(3, 1, 5, 6, generator=torch.Generator().manual_seed(0))

# For a pixel (row, column) of 5 x 6: which pixels of the image the views show there, and their weights.
SEEN = {
    (1, 2): {(1, 2): 1 / 4, (1, 3): 1 / 4, (0, 1): 1 / 8, (0, 2): 1 / 8, (2, 3): 1 / 8, (2, 4): 1 / 8},
    (0, 0): {(0, 0): 1 / 4, (0, 5): 1 / 4, (1, 1): 2 / 8, (1, 4): 2 / 8},  # one beyond the edge is one within it
    (4, 5): {(4, 5): 1 / 4, (4, 0): 1 / 4, (3, 4): 2 / 8, (3, 1): 2 / 8},
    (2, 5): {(2, 5): 1 / 4, (2, 0): 1 / 4, (1, 4): 1 / 8, (3, 4): 1 / 8, (1, 1): 1 / 8, (3, 1): 1 / 8},
}


def test_one_view_is_the_net_itself():
    assert torch.equal(view_logits(Pixel(1, 2), IMAGES, 1), 10 * IMAGES[:, 0, 1, 2, None])


def test_two_views_are_the_image_and_its_mirror_image():
    expected = 10 * (IMAGES[:, 0, 1, 2] + IMAGES[:, 0, 1, 3]) / 2
    torch.testing.assert_close(view_logits(Pixel(1, 2), IMAGES, 2), expected[:, None])


@pytest.mark.parametrize("place", SEEN)
def test_six_views_add_both_diagonal_shifts_reflected_at_the_edge(place: tuple[int, int]):
    expected = sum(10 * weight * IMAGES[:, 0, row, column] for (row, column), weight in SEEN[place].items())
    torch.testing.assert_close(view_logits(Pixel(*place), IMAGES, 6), expected[:, None])


@pytest.mark.parametrize("views", [1, 2, 6])
def test_the_net_is_asked_once_for_each_view(views: int):
    shapes = []

    class Count(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            shapes.append(tuple(x.shape))
            return torch.ones(len(x), 4)

    assert torch.equal(view_logits(Count(), IMAGES, views), torch.ones(3, 4))  # the weights add up to one
    assert shapes == [tuple(IMAGES.shape)] * views


def test_logits_are_averaged_not_probabilities():
    class Steep(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([100 * x[:, 0, 0, 0], torch.zeros(len(x))], 1)

    image = torch.tensor([[[[1.0, -0.9]]]])
    torch.testing.assert_close(view_logits(Steep(), image, 2), torch.tensor([[5.0, 0.0]]))
