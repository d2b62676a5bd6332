"""Losses against values computed by hand and by scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from assay.training.losses import CrossEntropy, NegativeLogLikelihood, hard_labels

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5], [-3.0, 4.0, 1.0], [0.0, 0.0, 9.0]])
LABELS = torch.tensor([0, 2, 1, 0])


def test_cross_entropy_equals_scikit_learn():
    probabilities = LOGITS.double().softmax(1).numpy()
    oracle = log_loss(LABELS.numpy(), probabilities, labels=[0, 1, 2])
    assert CrossEntropy().function()(LOGITS, LABELS).item() == pytest.approx(oracle, rel=1e-6)


def test_label_smoothing_follows_its_definition():
    """Szegedy et al. 2016: the target is (1 - e) on the label plus e / K on every class."""
    smoothing, classes = 0.2, 3
    target = np.full((4, classes), smoothing / classes)
    target[np.arange(4), LABELS.numpy()] += 1 - smoothing
    oracle = -(target * LOGITS.double().log_softmax(1).numpy()).sum(1).mean()
    assert CrossEntropy(label_smoothing=smoothing).function()(LOGITS, LABELS).item() == pytest.approx(oracle, rel=1e-6)


def test_nll_of_log_softmax_is_cross_entropy():
    nll = NegativeLogLikelihood().function()(LOGITS.log_softmax(1), LABELS)
    assert nll.item() == pytest.approx(CrossEntropy().function()(LOGITS, LABELS).item(), rel=1e-6)


def test_loss_is_a_mean_over_images():
    one, both = CrossEntropy().function(), torch.cat([LOGITS, LOGITS])
    assert one(both, torch.cat([LABELS, LABELS])).item() == pytest.approx(one(LOGITS, LABELS).item(), rel=1e-6)


def test_loss_is_computed_in_float32():
    assert CrossEntropy().function()(LOGITS.bfloat16(), LABELS).dtype == torch.float32


def test_uniform_logits_cost_the_log_of_the_number_of_classes():
    assert CrossEntropy().function()(torch.zeros(5, 10), torch.arange(5)).item() == pytest.approx(
        math.log(10), rel=1e-6
    )


SHARES = torch.tensor([[0.7, 0.3, 0.0], [0.0, 0.4, 0.6], [0.0, 1.0, 0.0], [0.25, 0.0, 0.75]])


@pytest.mark.parametrize(
    "loss",
    [CrossEntropy(), CrossEntropy(label_smoothing=0.2), NegativeLogLikelihood()],
    ids=["plain", "smoothed", "nll"],
)
def test_a_mixed_image_costs_the_weighted_sum_of_its_two_labels(loss):
    outputs = LOGITS.log_softmax(1) if loss.name == "nll" else LOGITS
    each = loss.function(reduction="none")
    classes = torch.stack([each(outputs, torch.full((4,), label)) for label in range(3)], 1)
    assert torch.allclose(each(outputs, SHARES), (SHARES * classes).sum(1), atol=1e-6)
    assert loss.function()(outputs, SHARES).item() == pytest.approx((SHARES * classes).sum(1).mean().item())


def test_the_heavier_label_counts():
    assert hard_labels(SHARES).tolist() == [0, 2, 1, 2]
    assert torch.equal(hard_labels(LABELS), LABELS)
    assert hard_labels(SHARES.expand(5, 4, 3)).shape == (5, 4)
