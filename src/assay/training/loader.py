"""The BatchLoader: uint8 training images, resident on a GPU, turned into the net's input a whole batch at a time."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import prod

import torch

from assay.core.runtime import Runtime
from assay.data.augment.parse import Augment
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess

GROUP = 1_500_000  # numbers in what is made ready at once, 6 MB: small batches share the cost of each operation


class BatchLoader:
    """Batches of augmented, normalized pixels with their labels, from uint8 images (N, C, H, W)."""

    def __init__(self, images: ImageSet, preprocess: Preprocess, augment: Augment, runtime: Runtime) -> None:
        self.images, self.take = images, images.take
        if runtime.device != "cpu":
            self.take = partial(torch.from_numpy(images.images).to(runtime.device).index_select, 0)
        self.labels = torch.from_numpy(images.labels).to(runtime.device)
        self.preprocess, self.augment, self.runtime = preprocess, augment, runtime
        self.classes = len(images.class_names)

    def __len__(self) -> int:
        return len(self.labels)

    def share(self, epoch: int) -> float:
        """The size of this epoch's images over that of whole ones: less than 1 where `augment` has a window."""
        shape = self.preprocess.shape
        return prod(self.augment.shape(shape, epoch)) / prod(shape)

    def batch(self, indices: torch.Tensor, epoch: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixels float32 (B, C, H, W) and labels of these images; `seed` decides all the augmentation.

        indices: int64 (B,), on the runtime's device. Labels are int64 (B,); where images are mixed they are the
        classes' shares, float32 (B, K).
        """
        generator = torch.Generator(self.runtime.device).manual_seed(seed)
        pixels = self.preprocess.pixels(self.take(indices))
        pixels = self.augment(pixels, indices, epoch, generator)
        pixels, labels = self.augment.mix(pixels, self.labels[indices], self.classes, generator)
        return self.runtime.batch(self.preprocess.normalize(pixels)), labels

    def epoch(
        self, batches: Sequence[torch.Tensor], epoch: int, seed: Callable[[int], int], start: int = 0
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Pixels and labels of each batch, as of `batch`, from the batch with the number `start` on.

        Small batches are made ready several at a time; `seed` gives the seed of each such group from its number.
        """
        size = max(1, GROUP // (len(batches[0]) * prod(self.preprocess.shape)))
        for first in range(start - start % size, len(batches), size):
            group = batches[first : first + size]
            pixels, labels = self.batch(torch.cat(list(group)), epoch, seed(first // size))
            lengths = [len(batch) for batch in group]
            yield from list(zip(pixels.split(lengths), labels.split(lengths), strict=True))[max(0, start - first) :]  # type: ignore[no-untyped-call]
