"""Mixed images and labels, by images whose pixels say which class they are."""

import numpy as np
import pytest
import torch
from scipy import stats

from assay.core.errors import UsageError
from assay.data.augment.mixup import beta, cutmix
from assay.data.augment.parse import Augment
from assay.data.augment.step import Mixing

CLASSES = 7


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def mixed(lines, n=700, size=(8, 10), seed=0):
    """Images of class k, three channels, whose pixels are all k / 10: mixed, with targets, and the labels."""
    labels = torch.arange(n) % CLASSES
    pixels = (labels / 10).view(-1, 1, 1, 1).expand(n, 3, *size).contiguous()
    output, targets = Augment.parse(lines).mix(pixels, labels, CLASSES, seeded(seed))
    return output, targets, labels


@pytest.mark.parametrize("lines", [["mixup 0.2"], ["mixup 1"], ["cutmix 1"], ["cutmix 0.3"], ["mixup 0.8", "cutmix 1"]])
def test_a_class_has_the_share_of_the_pixels_that_come_from_it(lines):
    output, targets, labels = mixed(lines)
    assert targets.shape == (len(labels), CLASSES)
    assert targets.dtype == torch.float32
    assert torch.allclose(targets.sum(1), torch.ones(len(labels)))
    assert targets.min() >= 0
    assert torch.allclose(output.mean((1, 2, 3)), (targets * torch.arange(CLASSES) / 10).sum(1), atol=1e-5)
    assert (targets > 0).sum(1).max() == 2


def test_mixup_weighs_every_pixel_alike():
    output, _, _ = mixed(["mixup 1"])
    assert torch.allclose(output, output[:, :1, :1, :1].expand_as(output))


def test_cutmix_shows_each_pixel_of_one_image_whole_and_the_other_in_one_rectangle():
    output, targets, labels = mixed(["cutmix 1"])
    for image, target, label in zip(output, targets, labels, strict=True):
        assert torch.equal(image[:1].expand_as(image), image)
        foreign = (image[0] - label / 10).abs() > 1e-3
        rows, columns = foreign.any(1), foreign.any(0)
        assert torch.equal(foreign, rows[:, None] & columns)
        assert torch.all(rows.nonzero()[:, 0].diff() == 1)
        assert torch.all(columns.nonzero()[:, 0].diff() == 1)
        assert foreign.float().mean() == pytest.approx(1 - target[label].item(), abs=1e-6)


def test_of_two_ways_about_half_of_the_images_take_each():
    output, _, labels = mixed(["mixup 1", "cutmix 1"], n=2100)
    spread = output[:, 0].flatten(1).std(1) > 1e-4  # CutMix leaves two values
    visible = (output[:, 0] - (labels / 10).view(-1, 1, 1)).abs().flatten(1).amax(1) > 1e-4
    assert abs(spread.sum() / visible.sum() - 0.5) < 0.06


def test_every_image_is_once_the_other():
    output, targets, _ = mixed(["mixup 1"])
    assert torch.allclose(targets.sum(0).mean(), torch.tensor(100.0))
    assert output.std() > 0


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 5.0])
def test_weights_follow_the_beta_distribution(alpha):
    draws = beta(alpha, 20_000, seeded()).numpy()
    for bound in (0.01, 0.1, 0.3, 0.5, 0.8, 0.99):  # float32 rounds what is nearer to 1
        assert (draws < bound).mean() == pytest.approx(stats.beta(alpha, alpha).cdf(bound), abs=0.012)


def reference_boxes(alpha, n, height, width):
    """Height and width of n boxes by the published code: rand_bbox of github.com/clovaai/CutMix-PyTorch, train.py."""
    generator = np.random.default_rng(0)
    boxes = []
    for _ in range(n):
        cut = np.sqrt(1 - generator.beta(alpha, alpha))
        spans = []
        for size in (height, width):
            length, center = int(size * cut), generator.integers(size)
            spans.append(np.clip(center + length // 2, 0, size) - np.clip(center - length // 2, 0, size))
        boxes.append(spans)
    return np.array(boxes)


@pytest.mark.parametrize(("alpha", "height", "width"), [(1.0, 32, 32), (0.5, 9, 14)])
def test_cutmix_boxes_are_those_of_the_papers_code(alpha, height, width):
    """Area and the distribution of the sides; of odd sides the code leaves out a pixel."""
    n = 20_000
    mask = cutmix(alpha)(n, height, width, seeded())[:, 0] == 0
    own = np.stack([mask.any(2).sum(1).numpy(), mask.any(1).sum(1).numpy()], 1)
    reference = reference_boxes(alpha, n, height, width)
    reference[(reference == 0).any(1)] = 0  # a box without area shows no side
    assert own.prod(1).mean() == pytest.approx(reference.prod(1).mean(), rel=0.03)
    for side, size in enumerate((height, width)):
        shares = [np.bincount(boxes[:, side], minlength=size + 1) / n for boxes in (own, reference)]
        assert np.abs(shares[0] - shares[1]).max() < 0.02


@pytest.mark.parametrize("lines", [["mixup 1"], ["cutmix 1"], ["mixup 1", "cutmix 1"]])
def test_partners_are_of_the_same_batch(lines):
    """Four batches, each of a class of its own: whatever they are mixed with, their labels stay."""
    sizes = [4, 5, 1, 3]
    labels = torch.arange(4).repeat_interleave(torch.tensor(sizes))
    pixels = torch.rand(13, 1, 8, 8, generator=seeded())
    for seed in range(20):
        _, targets = Augment.parse(lines).mix(pixels, labels, 4, seeded(seed), sizes)
        torch.testing.assert_close(targets, torch.nn.functional.one_hot(labels, 4).float())


def test_each_image_of_a_batch_is_as_often_the_partner_of_each():
    """By a mask that keeps nothing, an image becomes its partner: 2,000 batches of three."""
    nothing = Mixing((lambda n, height, width, generator: torch.zeros(n, 1, 1, 1),))
    pixels = torch.arange(3.0).repeat(2000).view(-1, 1, 1, 1)
    partners, _ = nothing(pixels, torch.zeros(6000, dtype=torch.int64), 1, seeded(), [3] * 2000)
    partners = partners.view(2000, 3).long()
    assert torch.equal(partners.sort(1).values, torch.arange(3).expand(2000, 3))
    orders = (partners * torch.tensor([9, 3, 1])).sum(1).unique(return_counts=True)[1]
    assert len(orders) == 6
    assert stats.chisquare(orders.numpy()).pvalue > 1e-4


def test_draws_come_from_the_generator_alone():
    state = torch.get_rng_state()
    first, again, second = (mixed(["mixup 1", "cutmix 1"], seed=seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert torch.equal(state, torch.get_rng_state())


def test_without_mixing_labels_stay_as_they_are():
    _, labels, before = mixed(["flip"])
    assert torch.equal(labels, before)
    assert labels.dtype == torch.int64


def test_a_batch_of_one_is_mixed_with_itself():
    output, targets, _ = mixed(["cutmix 1"], n=1)
    assert torch.equal(output, torch.zeros_like(output))
    assert targets.tolist() == [[1, *[0] * 6]]


def test_a_line_behind_the_mixing_is_refused():
    with pytest.raises(UsageError, match="'flip' comes after an image was mixed; put mixup and cutmix last") as error:
        Augment.parse(["mixup 1", "flip"])
    assert error.value.at == (1,)
