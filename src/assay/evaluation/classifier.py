"""The Classifier: a trained net with its Preprocess and class names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.evaluation.predictions import Predictions
from assay.training.feature_cache import FeatureCache
from assay.training.inference import infer


@dataclass(frozen=True)
class Prediction:
    """The predicted class of one image."""

    image: str
    class_name: str
    probability: float  # of that class, from the softmax; not calibrated
    probabilities: dict[str, float]  # by class, most probable first


@dataclass(frozen=True, eq=False)
class Classifier:
    """Classifies images: in float32, or in the runtime's precision where it averages several views."""

    net: nn.Module
    preprocess: Preprocess
    class_names: tuple[str, ...]
    runtime: Runtime
    features: FeatureCache | None = None  # cached outputs of the frozen part of the same net

    def predict(self, *images: Path | str | Image.Image) -> list[Prediction]:
        """Classify files or PIL images of any size. Raises DataError for a file that is not an image."""
        if not images:
            return []
        logits = self._logits(torch.cat([self._read(image) for image in images]))
        rows = torch.from_numpy(logits).softmax(1).tolist()
        predictions = []
        for number, (image, row) in enumerate(zip(images, rows, strict=True), 1):
            name = f"picture {number}" if isinstance(image, Image.Image) else str(image)
            predictions.append(self._prediction(name, row))
        return predictions

    def predictions(
        self, images: ImageSet, data: str, indices: np.ndarray | None = None, views: int = 1
    ) -> Predictions:
        """Predictions for a whole ImageSet.

        indices: position of each image in its data set, int64 (N,); 0, 1, ... by default. views: 1, or 2 or 6 for
        test-time augmentation, computed in the runtime's precision. Classes are matched by name: they may come in
        another order, or be fewer. Raises as `ImageSet.check_fits`.
        """
        images.check_fits(self.preprocess.source_shape, self.class_names)
        images = images.with_class_names(self.class_names)
        if indices is None:
            indices = np.arange(len(images), dtype=np.int64)
        if self.features and views == 1:
            cache = replace(self.features, preprocess=self.preprocess)
            logits = cache.logits(cache.features(images, exact=True), self.runtime.exact()).numpy()
        else:
            logits = self._logits(torch.from_numpy(images.images), views)
        return Predictions(logits, images.labels, indices, self.class_names, data)

    def _read(self, image: Path | str | Image.Image) -> torch.Tensor:
        if isinstance(image, Image.Image):
            return self.preprocess.read_pil(image)
        return self.preprocess.read_file(Path(image))

    def _logits(self, images: torch.Tensor, views: int = 1) -> np.ndarray:
        runtime = self.runtime.exact() if views == 1 else self.runtime  # with views it is six times the work
        return infer(self.net, images, self.preprocess, runtime, views).numpy()

    def _prediction(self, image: str, probabilities: Sequence[float]) -> Prediction:
        pairs = sorted(zip(self.class_names, probabilities, strict=True), key=lambda pair: -pair[1])
        return Prediction(image, *pairs[0], dict(pairs))
