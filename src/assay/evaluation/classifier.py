"""The Classifier: a trained net with its Preprocess and class names, ready to judge images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from assay.core.errors import UsageError
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.evaluation.predictions import Predictions
from assay.training.feature_cache import FeatureCache
from assay.training.inference import infer


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of one picture."""

    image: str
    class_name: str
    probability: float  # of that class, by the net itself; not calibrated
    probabilities: dict[str, float]  # of every class, most probable first


@dataclass(frozen=True, eq=False)
class Classifier:
    """Judges images in float32, whatever precision the net was trained in; further views of them in that one."""

    net: nn.Module
    preprocess: Preprocess
    class_names: tuple[str, ...]
    runtime: Runtime
    features: FeatureCache | None = None  # of the same net, where its frozen part's outputs are kept

    def predict(self, *pictures: Path | str | Image.Image) -> list[Prediction]:
        """An answer for each picture: a file or a PIL image, of any size. Raises DataError for any other file."""
        if not pictures:
            return []
        made = self.preprocess
        pixels = [made.read_pil(p) if isinstance(p, Image.Image) else made.read_file(Path(p)) for p in pictures]
        logits = self._logits(torch.cat(pixels))
        names = [str(p) if isinstance(p, (str, Path)) else f"picture {i}" for i, p in enumerate(pictures, 1)]
        return [
            self._answer(name, row)
            for name, row in zip(names, torch.from_numpy(logits).softmax(1).tolist(), strict=True)
        ]

    def predictions(
        self, images: ImageSet, data: str, indices: np.ndarray | None = None, views: int = 1
    ) -> Predictions:
        """Predictions for a whole ImageSet; `indices` are the images' places in their data set (default 0, 1, ...).

        views: 1, or 2 or 6 for test-time augmentation, which is computed in the runtime's precision. Classes go by
        their names: they may come in another order, or be fewer.

        Raises UsageError where size or classes differ from what the net was trained on.
        """
        if not set(images.class_names) <= set(self.class_names):
            raise UsageError(
                f"the classes of {images.source} differ from the run's: {_difference(images, self.class_names)}"
            )
        if images.shape != self.preprocess.source_shape:
            raise UsageError(
                f"the images of {images.source} are {_size(images.shape)}, the run was trained on "
                f"{_size(self.preprocess.source_shape)}"
            )
        images = images.with_class_names(self.class_names)
        where = np.arange(len(images), dtype=np.int64) if indices is None else indices
        if self.features and views == 1:
            cache = replace(self.features, preprocess=self.preprocess)
            logits = cache.logits(cache.features(images, exact=True), self.runtime.exact()).numpy()
        else:
            logits = self._logits(torch.from_numpy(images.images), views)
        return Predictions(logits, images.labels, where, self.class_names, data)

    def _logits(self, images: torch.Tensor, views: int = 1) -> np.ndarray:
        runtime = self.runtime.exact() if views == 1 else self.runtime  # six times the work, for a second figure
        return infer(self.net, images, self.preprocess, runtime, views).numpy()

    def _answer(self, image: str, probabilities: Sequence[float]) -> Prediction:
        ranked = sorted(zip(self.class_names, probabilities, strict=True), key=lambda pair: -pair[1])
        return Prediction(image, *ranked[0], dict(ranked))


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in shape)


def _difference(images: ImageSet, class_names: tuple[str, ...]) -> str:
    extra, missing = set(images.class_names) - set(class_names), set(class_names) - set(images.class_names)
    parts = [
        f"new: {', '.join(sorted(extra))}" if extra else "",
        f"missing: {', '.join(sorted(missing))}" if missing else "",
    ]
    return "; ".join(filter(None, parts))
