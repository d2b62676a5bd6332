"""Domain shift: how photos differ from the images that a net was trained on, and which difference costs accuracy.

The statistics of an image, and how one is matched without labels, are in `image_statistics`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from assay.core.numbers import Interval, p_statement, points, points_interval
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.evaluation.classifier import Classifier
from assay.evaluation.image_statistics import Values, match_statistic, measure
from assay.evaluation.intervals import image_interval, wilson_interval
from assay.evaluation.overlap import Overlap
from assay.evaluation.predictions import Predictions
from assay.evaluation.statistics import LEVEL, holm, mcnemar

MAX_TRAINING_IMAGES = 5000  # evenly spaced; enough for means and spreads
DRAWS = 2000
SEED = 0  # of the bootstrap, so that the same data always give the same interval
ORIGINAL = "as they are"
PAPER_BLUR = "report's blur"  # a name in stored files
ALL_MATCHES = "all of these"
MATCHABLE = ("sharpness", "contrast", "brightness", "saturation", "red cast", "blue cast")
BLUR_DESCRIPTION = "Gaussian of round(width / 75) px, made odd, before shrinking"


@dataclass(frozen=True)
class StatisticDifference:
    """A statistic's means in both sets, and the photos' minus the training images' mean over the common spread.

    standardized: Cohen's d with the root of the mean variance (Cohen 1988); interval: 95 %, a bootstrap over images.
    """

    statistic: str
    training: float
    photographs: float
    standardized: float
    interval: Interval


@dataclass(frozen=True)
class ChangedPhotos:
    """Accuracy on the photos after one change, and its gain over the unchanged photos.

    left: the standardized difference that remains. interval: Wilson's. gain_interval: 95 %, over images. p:
    McNemar's, adjusted for the number of changes (Holm).
    """

    name: str
    how: str
    left: float | None
    accuracy: float
    interval: Interval
    gain: float
    gain_interval: Interval
    p: float


@dataclass(frozen=True)
class DomainShift:
    """Photos compared with the training images of a run.

    report_blur: the blur of the fourth paper, which was chosen by its accuracy, so the verdict does not consider it.
    overlap: of the photos as they are with the images of the training.
    """

    data: str
    n: int
    training: str
    training_n: int
    size: str
    training_size: str
    accuracy: float
    interval: Interval
    differences: tuple[StatisticDifference, ...]
    variants: tuple[ChangedPhotos, ...]
    report_blur: ChangedPhotos
    overlap: Overlap | None = None

    @property
    def verdict(self) -> str:
        """Which shift matters most, as a sentence without a full stop."""
        single = [change for change in self.variants if change.name != ALL_MATCHES]
        best = max(single, key=lambda change: change.gain)
        gain = f"{points(best.gain, 1)} points {points_interval(best.gain_interval, 1)}"
        evidence = f"{gain}, {p_statement(best.p)} after Holm, n = {self.n}"
        if best.p < LEVEL and best.gain > 0:
            return f"{best.name} matters most: matched to the training images, accuracy moves by {evidence}"
        best_of = f"the best of {len(single)}, {best.name}"
        return f"no single shift is shown to matter: {best_of}, moves accuracy by {evidence}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "verdict": self.verdict}


def sample_images(training: ImageSet) -> ImageSet:
    """At most MAX_TRAINING_IMAGES images, evenly spaced."""
    step = -(-len(training) // MAX_TRAINING_IMAGES)
    return training.subset(np.arange(0, len(training), step))


def statistics_at_net(preprocess: Preprocess, images: NDArray[np.uint8]) -> dict[str, Values]:
    """The statistics of uint8 images (N, C, H, W) at the size that reaches the net, float64 (N,) each."""
    chunks = torch.from_numpy(np.array(images)).split(500)  # type: ignore[no-untyped-call]
    parts = [measure(preprocess.pixels(chunk)) for chunk in chunks]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def measure_domain_shift(
    classifier: Classifier, photos: ImageSet, blurry_photos: ImageSet, training: ImageSet, sizes: tuple[str, str]
) -> tuple[DomainShift, dict[str, Predictions], Mapping[str, tuple[Values, Values]]]:
    """Compare photos with training images, and match one statistic after another.

    blurry_photos: the photos through the fourth paper's blur; sizes: of the photos and of the training images, as text.
    Returns the result, the predictions by change, and each statistic's values in training images and photos.
    """
    preprocess, training = classifier.preprocess, sample_images(training)
    train_values = statistics_at_net(preprocess, training.images)
    photo_values = statistics_at_net(preprocess, photos.images)
    images, how = _changes(photos, blurry_photos, preprocess, train_values)
    predictions = {
        name: classifier.predictions(replace(photos, images=pixels), f"{photos.source}, {name}")
        for name, pixels in images.items()
    }
    hits = {name: answers.predicted == answers.labels for name, answers in predictions.items()}
    p_values = {name: mcnemar(hits[name], hits[ORIGINAL]) for name in hits if name != ORIGINAL}
    p_values = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    changes = {}
    for name in how:
        left = _remaining_difference(name, train_values, statistics_at_net(preprocess, images[name]))
        changes[name] = _changed_photos(name, how[name], left, hits, p_values[name])
    plain = hits[ORIGINAL]
    result = DomainShift(
        data=photos.source,
        n=len(photos),
        training=training.source,
        training_n=len(training),
        size=sizes[0],
        training_size=sizes[1],
        accuracy=float(plain.mean()),
        interval=wilson_interval(int(plain.sum()), len(plain)),
        differences=tuple(compare_statistic(name, train_values[name], photo_values[name]) for name in train_values),
        variants=tuple(change for name, change in changes.items() if name != PAPER_BLUR),
        report_blur=changes[PAPER_BLUR],
    )
    return result, predictions, {name: (train_values[name], photo_values[name]) for name in train_values}


def compare_statistic(name: str, training: Values, photos: Values) -> StatisticDifference:
    """The difference of a statistic between training images, (T,), and photos, (N,)."""
    value = standardized_difference(photos, training)
    draws = stats.bootstrap(
        (photos, training), standardized_difference, n_resamples=DRAWS, batch=100, vectorized=True,
        method="percentile", rng=np.random.default_rng(SEED),
    ).confidence_interval  # fmt: skip
    interval = (float(draws.low), float(draws.high))
    return StatisticDifference(name, float(training.mean()), float(photos.mean()), float(value), interval)


def standardized_difference(photos: Values, training: Values, axis: int = -1) -> Any:
    """Cohen's d along an axis."""
    spread = np.sqrt((photos.var(axis=axis) + training.var(axis=axis)) / 2)
    return (photos.mean(axis=axis) - training.mean(axis=axis)) / np.maximum(spread, 1e-9)


def _changes(
    photos: ImageSet, blurry_photos: ImageSet, preprocess: Preprocess, target: Mapping[str, Values]
) -> tuple[dict[str, NDArray[np.uint8]], dict[str, str]]:
    """The photos after each change, uint8 (N, C, H, W), and how each change was made."""
    images = {ORIGINAL: photos.images, PAPER_BLUR: blurry_photos.images}
    how = {PAPER_BLUR: BLUR_DESCRIPTION}
    all_matches = photos.images
    for name in MATCHABLE:
        if name in target:
            images[name], how[name] = _match_uint8(name, photos.images, preprocess, target)
            all_matches, _ = _match_uint8(name, all_matches, preprocess, target)
    images[ALL_MATCHES], how[ALL_MATCHES] = all_matches, "one after another"
    return images, how


def _match_uint8(
    name: str, images: NDArray[np.uint8], preprocess: Preprocess, target: Mapping[str, Values]
) -> tuple[NDArray[np.uint8], str]:
    """Match in 8 bits, at the data set's size, by the statistic of what reaches the net."""

    def measure_at_net(pixels: torch.Tensor) -> dict[str, Values]:
        return measure(preprocess.pixels((pixels * 255).round().to(torch.uint8)))

    pixels, how = match_statistic(name, torch.from_numpy(np.array(images)).float() / 255, measure_at_net, target)
    return (pixels * 255).round().clamp(0, 255).to(torch.uint8).numpy(), how


def _remaining_difference(name: str, target: Mapping[str, Values], values: Mapping[str, Values]) -> float | None:
    """The standardized difference after a change; for the paper's blur that of the sharpness."""
    statistic = "sharpness" if name == PAPER_BLUR else name
    if statistic not in target:
        return None
    return float(standardized_difference(values[statistic], target[statistic]))


def _changed_photos(
    name: str, how: str, left: float | None, hits: Mapping[str, NDArray[np.bool_]], p: float
) -> ChangedPhotos:
    gains = hits[name].astype(np.float64) - hits[ORIGINAL]
    return ChangedPhotos(
        name=name,
        how=how,
        left=left,
        accuracy=float(hits[name].mean()),
        interval=wilson_interval(int(hits[name].sum()), len(hits[name])),
        gain=float(gains.mean()),
        gain_interval=image_interval(gains),
        p=p,
    )
