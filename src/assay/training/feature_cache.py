"""A cache of features: the outputs of a net's frozen part, computed once and stored on disk.

Every run with the same images, preprocessing and frozen weights reads the same files, so all heads, epochs, learning
rates, batch sizes and seeds of a study share them. `models/backbone.py` decides where a net is split. Nothing here
deletes files.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from assay.core.files import atomic_save, file_lock
from assay.core.progress import ProgressCallback, silent
from assay.core.randomness import Stream, stream_seed
from assay.core.runtime import Runtime
from assay.data.augment.parse import Augment
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.models.backbone import SplitModel
from assay.training.inference import infer

BATCH = 100  # images at once; each batch of a view has its own random numbers
WAIT_SECONDS = 24 * 3600.0  # for another process that computes the same features
# Of the files and of assay's code that computes them: preprocessing, views, the split of a net. Raise it whenever a
# change there alters a feature's bits: files of other versions are never read.
FEATURE_VERSION = 2


@dataclass(frozen=True)
class View:
    """One augmented version of a set of images, the same every time. lines: the recipe's `augment`."""

    lines: tuple[str, ...]
    number: int

    def __call__(self, pixels: Tensor, batch: int) -> Tensor:
        """This view of the pixels (B, C, H, W) of a batch; `batch` is its number."""
        generator = torch.Generator(pixels.device).manual_seed(stream_seed(0, Stream.AUGMENT, self.number, batch))
        indices = torch.arange(batch * BATCH, batch * BATCH + len(pixels), device=pixels.device)
        return Augment.parse(self.lines)(pixels, indices, self.number, generator)


@dataclass(frozen=True, eq=False)
class FeatureCache:
    """The stored features of a net's frozen part, and the rest of the net, which is trained on them.

    Training features are computed and stored in the runtime's precision, float32 or bf16, as in a run without a cache.
    Features for evaluation are float32.
    """

    split_model: SplitModel
    preprocess: Preprocess
    runtime: Runtime
    folder: Path

    def features(
        self, images: ImageSet, view: View | None = None, *, exact: bool = False, progress: ProgressCallback = silent
    ) -> Tensor:
        """Features (N, ...) of all images, memory-mapped, on the CPU; computed and stored if they are not there yet.

        view: an augmented version of the images. exact: in float32, whatever the runtime's precision.
        """
        runtime = self.runtime.exact() if exact else self.runtime
        path = self.folder / f"{self._key(images, view, runtime)}.npy"
        features = _read(path)
        if features is not None:
            return features
        with file_lock(path.with_suffix(".lock"), WAIT_SECONDS, f"another process has been computing {path} for a day"):
            features = _read(path)  # another process may have computed it meanwhile
            if features is None:
                self.compute(path, images, view, runtime, progress)
                features = _read(path)
        assert features is not None
        return features

    def logits(self, features: Tensor, runtime: Runtime) -> Tensor:
        """Logits float32 (N, classes) on the CPU."""
        return infer(self.split_model.head, features, lambda batch: batch, runtime)

    def _key(self, images: ImageSet, view: View | None, runtime: Runtime) -> str:
        content = {
            "version": FEATURE_VERSION, "torch": torch.__version__,
            "images": images.fingerprint, "preprocess": self.preprocess.to_dict(),
            "view": None if view is None else [*view.lines, view.number], "precision": runtime.precision,
            "backbone": self.split_model.fingerprint,
        }  # fmt: skip
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def compute(
        self, path: Path, images: ImageSet, view: View | None, runtime: Runtime, progress: ProgressCallback
    ) -> None:
        """Compute the features of all images and store them at `path`, whole or not at all."""
        dtype = np.float32 if runtime.precision == "fp32" else np.int16  # numpy has no bf16, so its bits as integers
        shape = (len(images), *self.split_model.feature_shape)

        def save(temporary: Path) -> None:
            out = np.lib.format.open_memmap(temporary, "w+", dtype, shape)
            n = 0
            for features in self._iter_features(images, view, runtime):
                values = features.float() if dtype is np.float32 else features.bfloat16().view(torch.int16)
                out[n : n + len(values)] = values.cpu().numpy()
                n += len(values)
                progress(n, len(images))
            out.flush()

        atomic_save(path, save)

    def _iter_features(self, images: ImageSet, view: View | None, runtime: Runtime) -> Iterator[Tensor]:
        backbone = self.split_model.backbone.eval()
        with torch.inference_mode():
            for number, indices in enumerate(torch.arange(len(images)).split(BATCH)):  # type: ignore[no-untyped-call]
                pixels = self.preprocess.pixels(images.take(indices).to(runtime.device))
                pixels = view(pixels, number) if view else pixels
                with runtime.autocast():
                    yield backbone(runtime.batch(self.preprocess.normalize(pixels)))


def _read(path: Path) -> Tensor | None:
    """The stored features; None if the file is missing or damaged."""
    try:
        array = np.load(path, mmap_mode="c")
    except (OSError, ValueError, EOFError):
        return None
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if tensor.dtype == torch.int16 else tensor
