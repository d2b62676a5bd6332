"""Domain shift: how photographs differ from the images that a net was trained on, and which difference costs accuracy.

What is measured of an image, and how it is changed without labels: `appearance`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from assay.core.numbers import Interval
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.evaluation.classifier import Classifier
from assay.evaluation.image_statistics import Values, matched, measure
from assay.evaluation.predictions import Predictions
from assay.evaluation.statistics import LEVEL, SEED, holm, image_interval, mcnemar, wilson_interval

TRAINING_IMAGES = 5000  # at most, spread evenly; enough for means and spreads
DRAWS = 2000
TOGETHER = "all of these"
MATCHED = ("sharpness", "contrast", "brightness", "saturation", "red cast", "blue cast")


@dataclass(frozen=True)
class Difference:
    """A statistic of both sets: means, and the photographs' minus the training images' over their common spread.

    standardized: Cohen's d with the root of the mean variance (Cohen 1988); interval: 95 %, a bootstrap over images.
    """

    statistic: str
    training: float
    photographs: float
    standardized: float
    interval: Interval


@dataclass(frozen=True)
class Variant:
    """The photographs changed in one way: the accuracy, and by how much it moved.

    left: the standardized difference that is still there. interval: Wilson's; gain_interval: a paired bootstrap over
    images; p: McNemar's, adjusted for the number of variants (Holm).
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
class Shift:
    """Photographs beside a run's training images; `report_blur` is the fourth report's, which it chose by accuracy."""

    data: str
    n: int
    training: str
    training_n: int
    size: str
    training_size: str
    accuracy: float
    interval: Interval
    differences: tuple[Difference, ...]
    variants: tuple[Variant, ...]
    report_blur: Variant

    @property
    def verdict(self) -> str:
        """Which shift matters most, as a sentence."""
        single = [one for one in self.variants if one.name != TOGETHER]
        best = max(single, key=lambda one: one.gain)
        low, high = (100 * value for value in best.gain_interval)
        p = "< 0.001" if best.p < 0.001 else f"= {best.p:.3f}"
        moved = f"{100 * best.gain:+.1f} points [{low:+.1f}, {high:+.1f}], p {p} after Holm, n = {self.n}"
        if best.p < LEVEL and best.gain > 0:
            return f"{best.name} matters most: matched to the training images, accuracy moves by {moved}"
        return f"no single shift is shown to matter: the best of {len(single)}, {best.name}, moves accuracy by {moved}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "verdict": self.verdict}


def sample(training: ImageSet) -> ImageSet:
    """At most TRAINING_IMAGES of them, spread evenly."""
    step = -(-len(training) // TRAINING_IMAGES)
    return training.subset(np.arange(0, len(training), step))


def seen(preprocess: Preprocess, images: NDArray[np.uint8]) -> dict[str, Values]:
    """The statistics of uint8 images (N, C, H, W) at the size that reaches the net."""
    chunks = torch.from_numpy(np.array(images)).split(500)  # type: ignore[no-untyped-call]
    parts = [measure(preprocess.pixels(chunk)) for chunk in chunks]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def shift(
    classifier: Classifier, photographs: ImageSet, blurred: ImageSet, training: ImageSet, sizes: tuple[str, str]
) -> tuple[Shift, dict[str, Predictions], Mapping[str, tuple[Values, Values]]]:
    """Compare photographs with training images, and match one statistic after another.

    blurred: the photographs through the report's blur; sizes: of the photographs and of the training images, in words.
    Returns the result, the predictions by variant, and each statistic's values, of training images and photographs.
    """
    preprocess, training = classifier.preprocess, sample(training)
    theirs, ours = seen(preprocess, training.images), seen(preprocess, photographs.images)
    images = {"as they are": photographs.images, "report's blur": blurred.images}
    how = {"report's blur": "Gaussian of round(width / 75) px, made odd, before shrinking"}
    everything = photographs.images
    for name in (name for name in MATCHED if name in theirs):
        images[name], how[name] = _matched(name, photographs.images, preprocess, theirs)
        everything, _ = _matched(name, everything, preprocess, theirs)
    images[TOGETHER], how[TOGETHER] = everything, "one after another"
    found = {
        name: classifier.predictions(replace(photographs, images=one), f"{photographs.source}, {name}")
        for name, one in images.items()
    }
    hits = {name: one.predicted == one.labels for name, one in found.items()}
    p_values = {name: mcnemar(hit, hits["as they are"]) for name, hit in hits.items() if name != "as they are"}
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    variants = {
        name: _variant(name, how[name], _left(name, theirs, seen(preprocess, images[name])), hits, adjusted[name])
        for name in how
    }
    plain = hits["as they are"]
    result = Shift(
        photographs.source, len(photographs), training.source, len(training), *sizes,
        float(plain.mean()), wilson_interval(int(plain.sum()), len(plain)),
        tuple(difference(name, theirs[name], ours[name]) for name in theirs),
        tuple(one for name, one in variants.items() if name != "report's blur"), variants["report's blur"],
    )  # fmt: skip
    return result, found, {name: (theirs[name], ours[name]) for name in theirs}


def difference(name: str, training: Values, photographs: Values) -> Difference:
    """A statistic of both sets, (T,) and (N,)."""
    value = standardized(photographs, training)
    draws = stats.bootstrap(
        (photographs, training), standardized, n_resamples=DRAWS, batch=100, vectorized=True, method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval  # fmt: skip
    interval = (float(draws.low), float(draws.high))
    return Difference(name, float(training.mean()), float(photographs.mean()), float(value), interval)


def standardized(photographs: Values, training: Values, axis: int = -1) -> Any:
    """Cohen's d along an axis."""
    spread = np.sqrt((photographs.var(axis=axis) + training.var(axis=axis)) / 2)
    return (photographs.mean(axis=axis) - training.mean(axis=axis)) / np.maximum(spread, 1e-9)


def _matched(
    name: str, images: NDArray[np.uint8], preprocess: Preprocess, wanted: Mapping[str, Values]
) -> tuple[NDArray[np.uint8], str]:
    """In 8 bits, at the data set's size, by what reaches the net."""

    def through(pixels: torch.Tensor) -> dict[str, Values]:
        return measure(preprocess.pixels((pixels * 255).round().to(torch.uint8)))

    pixels, how = matched(name, torch.from_numpy(np.array(images)).float() / 255, through, wanted)
    return (pixels * 255).round().clamp(0, 255).to(torch.uint8).numpy(), how


def _left(name: str, theirs: Mapping[str, Values], now: Mapping[str, Values]) -> float | None:
    """What is left of the difference; of the report's blur that in sharpness."""
    statistic = "sharpness" if name == "report's blur" else name
    return float(standardized(now[statistic], theirs[statistic])) if statistic in theirs else None


def _variant(name: str, how: str, left: float | None, hits: Mapping[str, NDArray[np.bool_]], p: float) -> Variant:
    hit, plain = hits[name], hits["as they are"]
    gains = hit.astype(np.float64) - plain
    return Variant(
        name,
        how,
        left,
        float(hit.mean()),
        wilson_interval(int(hit.sum()), len(hit)),
        float(gains.mean()),
        image_interval(gains),
        p,
    )
