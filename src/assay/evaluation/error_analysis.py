"""Misclassified images: how many of each class, and which."""

import numpy as np
from numpy.typing import NDArray

from assay.evaluation.predictions import Predictions


def errors_per_class(predictions: Predictions) -> NDArray[np.int64]:
    """Number of misclassified images of each class, int64 (K,)."""
    wrong = predictions.predicted != predictions.labels
    return np.bincount(predictions.labels[wrong], minlength=len(predictions.class_names)).astype(np.int64)


def wrong_by_confidence(predictions: Predictions) -> NDArray[np.int64]:
    """Rows of all misclassified images, int64, in order of falling probability of the predicted class."""
    positions = np.flatnonzero(predictions.predicted != predictions.labels)
    confidence = predictions.probabilities[positions, predictions.predicted[positions]]
    return positions[np.argsort(-confidence, kind="stable")].astype(np.int64)
