"""The built-in losses. Each is the mean over the images of a batch, computed in float32 whatever the net computes in.

To add one: write a class with the decorator `@loss(NAME)`, as below, and a test against a formula.
"""

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from assay.recipes.named_sections import Loss, LossFunction, loss
from assay.recipes.schema import Fraction

if TYPE_CHECKING:  # reading a recipe needs no torch
    from torch import Tensor


@loss("cross-entropy")
class CrossEntropy(Loss):
    """Cross-entropy of logits, as torch's cross_entropy."""

    label_smoothing: Fraction = 0.0

    def function(self, reduction: str = "mean") -> LossFunction:
        """For mixed images, the sum of the losses of the classes, weighted by their shares."""
        from torch.nn import functional

        def cross_entropy(logits: "Tensor", labels: "Tensor") -> "Tensor":
            return functional.cross_entropy(
                logits.float(), labels, reduction=reduction, label_smoothing=self.label_smoothing
            )

        return cross_entropy


@loss("nll")
class NegativeLogLikelihood(Loss):
    """The negative log-likelihood of a net that ends in log_softmax, where it equals cross-entropy."""

    needs_log_probabilities: ClassVar[bool] = True

    label_smoothing: Fraction = 0.0

    @model_validator(mode="after")
    def _refuse_smoothing(self) -> Self:
        if self.label_smoothing:
            raise ValueError("label_smoothing goes with cross-entropy, not with nll")
        return self

    def function(self, reduction: str = "mean") -> LossFunction:
        """Takes the net's outputs as log-probabilities."""
        from torch.nn import functional

        def nll(outputs: "Tensor", labels: "Tensor") -> "Tensor":
            log_probabilities = outputs.float()
            if not labels.is_floating_point():
                return functional.nll_loss(log_probabilities, labels, reduction=reduction)
            losses = -(labels * log_probabilities).sum(1)
            return losses.mean() if reduction == "mean" else losses

        return nll


def hard_labels(labels: "Tensor") -> "Tensor":
    """The label of each image, for a mixed one the class with the greater share: int64."""
    return labels.argmax(-1) if labels.is_floating_point() else labels
