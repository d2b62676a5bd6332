"""Features: what the frozen part of a net gives for the images of a set, computed once and kept on disk.

Any run with the same images, preprocessing and frozen weights finds them there: all heads, epochs, rates, batch sizes
and seeds of a study. Where a net is cut: `models/cut.py`. Nothing here deletes what is kept.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
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
from assay.models.backbone import SplitModel, as_lines
from assay.models.pretrained import Head
from assay.training.inference import infer

BATCH = 100  # images at once; also what the random numbers of a view go by
WAIT_SECONDS = 24 * 3600.0  # for another process that computes the same
_FORM = 1  # of what is kept; another number makes all of it anew


@dataclass(frozen=True, eq=False)
class FeatureCache:
    """The front of a net, whose outputs are kept, and its back, which is trained on them.

    Training features are computed in the runtime's precision and kept in it, float32 or bf16, as a run without them
    would compute them; those that are exact are float32.
    """

    split_model: SplitModel
    preprocess: Preprocess
    runtime: Runtime
    folder: Path

    def features(
        self, images: ImageSet, view: "View | None" = None, *, exact: bool = False, progress: ProgressCallback = silent
    ) -> Tensor:
        """Features (N, ...) of all images, memory-mapped, on the CPU; read if they are kept, else computed and kept.

        view: an augmented version of the images. exact: in float32, whatever the runtime's precision.
        """
        runtime = self.runtime.exact() if exact else self.runtime
        path = self.folder / f"{self._key(images, view, runtime)}.npy"
        found = _read(path)
        if found is None:
            with file_lock(
                path.with_suffix(".lock"), WAIT_SECONDS, f"another process has been computing {path} for a day"
            ):
                found = _read(path)  # it may have been that other process
                if found is None:
                    self._compute(path, images, view, runtime, progress)
                    found = _read(path)
        assert found is not None
        return found

    def logits(self, features: Tensor, runtime: Runtime) -> Tensor:
        """Logits float32 (N, classes) on the CPU."""
        return infer(self.split_model.back, features, lambda batch: batch, runtime)

    def _key(self, images: ImageSet, view: "View | None", runtime: Runtime) -> str:
        content = {
            "form": _FORM, "images": images.fingerprint, "preprocess": self.preprocess.to_dict(),
            "view": None if view is None else [*view.lines, view.number], "precision": runtime.precision,
            "front": self.split_model.fingerprint,
        }  # fmt: skip
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def _compute(
        self, path: Path, images: ImageSet, view: "View | None", runtime: Runtime, progress: ProgressCallback
    ) -> None:
        kept = np.float32 if runtime.precision == "fp32" else np.int16  # numpy has no bf16: its bits as whole numbers
        shape = (len(images), *self.split_model.shape)

        def save(temporary: Path) -> None:
            out = np.lib.format.open_memmap(temporary, "w+", kept, shape)
            done = 0
            for part in self._parts(images, view, runtime):
                plain = part.float() if kept is np.float32 else part.bfloat16().view(torch.int16)
                out[done : done + len(part)] = plain.cpu().numpy()
                done += len(part)
                progress(done, len(images))
            out.flush()

        atomic_save(path, save)

    def _parts(self, images: ImageSet, view: "View | None", runtime: Runtime) -> Iterator[Tensor]:
        front = self.split_model.front.eval()
        with torch.inference_mode():
            for number, indices in enumerate(torch.arange(len(images)).split(BATCH)):  # type: ignore[no-untyped-call]
                seen = self.preprocess.pixels(images.take(indices).to(runtime.device))
                seen = view(seen, number) if view else seen
                with runtime.autocast():
                    yield front(runtime.batch(self.preprocess.normalize(seen)))


@dataclass(frozen=True)
class View:
    """One augmented version of the images of a set, the same whenever it is made. lines: the recipe's `augment`."""

    lines: tuple[str, ...]
    number: int

    def __call__(self, pixels: Tensor, batch: int) -> Tensor:
        """This version of the batch with that number."""
        generator = torch.Generator(pixels.device).manual_seed(stream_seed(0, Stream.AUGMENT, self.number, batch))
        indices = torch.arange(batch * BATCH, batch * BATCH + len(pixels), device=pixels.device)
        return Augment.parse(self.lines)(pixels, indices, self.number, generator)


class FeatureLoader:
    """Batches of kept features with their labels: what a `BatchLoader` is for images. Epochs take the views in turn."""

    def __init__(self, cache: FeatureCache, images: ImageSet, views: Sequence[View | None] = (None,)) -> None:
        self.cache, self.preprocess, self.runtime = cache, cache.preprocess, cache.runtime
        self.images, self.views = images, views
        self.labels = torch.from_numpy(images.labels).to(self.runtime.device)

    def __len__(self) -> int:
        return len(self.labels)

    def compute(self, validation: ImageSet | None, progress: ProgressCallback) -> None:
        """Compute what is not kept yet of these images and of those to validate on. progress: over all of them."""
        wanted = [(self.images, view, False) for view in self.views]
        wanted += [(validation, None, True)] if validation else []
        before, total = 0, sum(len(images) for images, _, _ in wanted)

        def tell(done: int, _: int) -> None:
            progress(before + done, total)

        for images, view, exact in wanted:
            self.cache.features(images, view, exact=exact, progress=tell)
            before += len(images)

    @cached_property
    def view_features(self) -> list[Tensor]:
        """The features of each view; computed when they are first asked for, if they are not kept yet."""
        return [self.cache.features(self.images, view) for view in self.views]

    def with_head(self, head: Head) -> "FeatureLoader":
        """The same features for another head."""
        other = copy(self)
        other.cache = replace(self.cache, split_model=replace(self.cache.split_model, back=as_lines(head)))
        return other

    def share(self, epoch: int) -> float:
        """Every epoch is as much work."""
        return 1.0

    def epoch(
        self, batches: Sequence[Tensor], epoch: int, seed: Callable[[int], int], start: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Features and labels of each batch, from the batch with the number `start` on; nothing here is random."""
        features = self.view_features[epoch % len(self.view_features)]
        for indices in batches[start:]:
            yield features.index_select(0, indices.cpu()).to(self.runtime.device), self.labels[indices]


def _read(path: Path) -> Tensor | None:
    """What is kept there; None where there is nothing whole."""
    try:
        array = np.load(path, mmap_mode="c")
    except (OSError, ValueError, EOFError):
        return None
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if tensor.dtype == torch.int16 else tensor
