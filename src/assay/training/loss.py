"""The losses. Each is the mean over the images of a batch, computed in float32 whatever the net computes in."""

from collections.abc import Callable

import torch
from torch.nn import functional

from assay.sections import Loss

LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def loss_function(loss: Loss, reduction: str = "mean") -> LossFunction:
    """The recipe's loss: logits (N, K) and int64 labels (N,) to one number in nats, or with "none" to those of (N,).

    `nll` takes the net's outputs as log-probabilities; after a log_softmax layer it equals cross-entropy.
    """
    if loss.name == "nll":
        return lambda outputs, labels: functional.nll_loss(outputs.float(), labels, reduction=reduction)
    smoothing = loss.label_smoothing
    return lambda logits, labels: functional.cross_entropy(
        logits.float(), labels, reduction=reduction, label_smoothing=smoothing
    )
