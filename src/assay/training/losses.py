"""The losses. Each is the mean over the images of a batch, computed in float32 whatever the net computes in."""

from collections.abc import Callable

import torch
from torch.nn import functional

from assay.recipes.schema import Loss

LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def loss_function(loss: Loss, reduction: str = "mean") -> LossFunction:
    """The recipe's loss: logits (N, K) and labels to one number in nats, or with "none" to those of (N,).

    labels: int64 (N,), or the classes' shares of mixed images, float32 (N, K): then the sum of the classes' losses,
    weighted by their shares. `nll` takes the net's outputs as log-probabilities; after a log_softmax layer it equals
    cross-entropy.
    """
    if loss.name == "nll":
        return lambda outputs, labels: _nll(outputs.float(), labels, reduction)
    smoothing = loss.label_smoothing
    return lambda logits, labels: functional.cross_entropy(
        logits.float(), labels, reduction=reduction, label_smoothing=smoothing
    )


def hard_labels(labels: torch.Tensor) -> torch.Tensor:
    """The label of each image, of a mixed one the class with the greater share: int64."""
    return labels.argmax(-1) if labels.is_floating_point() else labels


def _nll(outputs: torch.Tensor, labels: torch.Tensor, reduction: str) -> torch.Tensor:
    if not labels.is_floating_point():
        return functional.nll_loss(outputs, labels, reduction=reduction)
    losses = -(labels * outputs).sum(1)
    return losses.mean() if reduction == "mean" else losses
