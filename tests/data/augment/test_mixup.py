"""Mixed images and labels, by images whose pixels say which class they are."""

import numpy as np
import pytest
import torch
from scipy import stats

from assay.core.errors import UsageError
from assay.data.augment.mixup import beta, cutmix
from assay.data.augment.parse import Augment

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


def test_cutmix_cuts_the_area_that_was_drawn_where_no_edge_is_near():
    """Of 1 - Beta(2, 2), mean a half; the paper's own rule cuts a rectangle off at the edge, which makes it smaller."""
    own = cutmix(2.0)(20_000, 64, 64, seeded()).mean((1, 2, 3))
    generator = np.random.default_rng(0)
    side = 64 * np.sqrt(1 - generator.beta(2, 2, 200_000))
    lengths = [
        np.minimum(64, c + side / 2) - np.maximum(0, c - side / 2) for c in generator.uniform(0, 64, (2, 200_000))
    ]
    assert own.mean().item() == pytest.approx(1 - (lengths[0] * lengths[1]).mean() / 64**2, abs=0.01)


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
