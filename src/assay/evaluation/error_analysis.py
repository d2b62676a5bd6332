"""The wrong answers: how many of each class, and which images. (Exceptions are in `assay.core.errors`.)"""

import numpy as np
from numpy.typing import NDArray

from assay.evaluation.predictions import Predictions


def errors_per_class(predictions: Predictions) -> NDArray[np.int64]:
    """Wrong answers to the images of each class, int64 (K,)."""
    wrong = predictions.predicted != predictions.labels
    return np.bincount(predictions.labels[wrong], minlength=len(predictions.class_names)).astype(np.int64)


def wrong_by_confidence(predictions: Predictions) -> NDArray[np.int64]:
    """Positions (rows of the logits) of all wrong answers, int64, the greatest probability of the wrong class first."""
    positions = np.flatnonzero(predictions.predicted != predictions.labels)
    confidence = predictions.probabilities[positions, predictions.predicted[positions]]
    return positions[np.argsort(-confidence, kind="stable")].astype(np.int64)
