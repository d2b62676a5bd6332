"""Loaders turn training images into the batches that a net is trained on, a whole batch at a time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from math import prod

import torch
from torch import Tensor, nn

from assay.core.randomness import Stream, stream_seed
from assay.core.runtime import Runtime
from assay.data.augment.parse import Augment
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.data.sampler import cut_batches, epoch_order
from assay.recipes.recipe import Recipe
from assay.training.feature_cache import FeatureCache
from assay.training.inference import infer

GROUP_VALUES = 1_500_000  # values prepared at once, 6 MB: small batches share the cost of each operation

Batches = Iterator[tuple[Tensor, Tensor]]


class Loader(ABC):
    """Gives inputs and labels for batches of images. Labels live on the runtime's device: int64 (N,)."""

    feature_cache: FeatureCache | None = None

    def __init__(self, images: ImageSet, preprocess: Preprocess, runtime: Runtime) -> None:
        self.images, self.preprocess, self.runtime = images, preprocess, runtime
        self.labels = torch.from_numpy(images.labels).to(runtime.device)

    def __len__(self) -> int:
        return len(self.labels)

    def batch_indices(self, recipe: Recipe, epoch: int) -> tuple[Tensor, ...]:
        """The places of the images of each batch of an epoch, int64 (B,), on the device."""
        indices = epoch_order(len(self), recipe.seed, epoch, recipe.training.shuffle)
        return cut_batches(indices.to(self.runtime.device), recipe.training.images_a_step)  # one transfer per epoch

    def iter_batches(self, recipe: Recipe, epoch: int, start: int = 0) -> Batches:
        """Inputs and labels of each batch of an epoch, from batch `start` on; the recipe's seed decides everything."""
        seed = partial(stream_seed, recipe.seed, Stream.AUGMENT, epoch)
        return self.iter_epoch(self.batch_indices(recipe, epoch), epoch, seed, start)

    @abstractmethod
    def iter_epoch(self, batches: Sequence[Tensor], epoch: int, seed: Callable[[int], int], start: int = 0) -> Batches:
        """Inputs and labels of these batches of indices, from batch `start` on.

        seed: from the number of a group of batches to the seed of its augmentation.
        """

    @abstractmethod
    def epoch_cost(self, epoch: int) -> float:
        """The work of an epoch, relative to one of full-size images."""

    @abstractmethod
    def trained_part(self, net: nn.Module) -> nn.Module:
        """The part of the net that takes this loader's inputs."""

    @abstractmethod
    def logits(self, net: nn.Module, images: ImageSet, shard: Callable[[Tensor], Tensor]) -> Tensor:
        """Logits float32 (N, K) on the CPU, without augmentation. shard: picks this process's part of the images."""


class BatchLoader(Loader):
    """Batches of augmented, normalized pixels from uint8 images (N, C, H, W), which stay on the GPU if there is one."""

    def __init__(self, images: ImageSet, preprocess: Preprocess, augment: Augment, runtime: Runtime) -> None:
        super().__init__(images, preprocess, runtime)
        self.take = images.take
        if runtime.device != "cpu":
            self.take = partial(torch.from_numpy(images.images).to(runtime.device).index_select, 0)
        self.augment = augment
        self.classes = len(images.class_names)

    def epoch_cost(self, epoch: int) -> float:
        """The pixels of this epoch's images relative to full-size ones: below 1 while `augment` has a window."""
        return self.augment.epoch_cost(self.preprocess.shape, epoch)

    def batch(self, indices: Tensor, epoch: int, seed: int, sizes: Sequence[int] = ()) -> tuple[Tensor, Tensor]:
        """Pixels float32 (B, C, H, W) and labels of the images at `indices`; `seed` decides all augmentation.

        indices: int64 (B,), on the runtime's device. sizes: of several batches one after the other, which are prepared
        together and mixed each by itself. Labels are int64 (B,), or for mixed images the share of each class, float32
        (B, K).
        """
        generator = torch.Generator(self.runtime.device).manual_seed(seed)
        pixels = self.preprocess.pixels(self.take(indices))
        pixels = self.augment(pixels, indices, epoch, generator)
        pixels, labels = self.augment.mix(pixels, self.labels[indices], self.classes, generator, sizes)
        return self.runtime.batch(self.preprocess.normalize(pixels)), labels

    def iter_epoch(self, batches: Sequence[Tensor], epoch: int, seed: Callable[[int], int], start: int = 0) -> Batches:
        """Pixels and labels of each batch, as `batch` gives them. Small batches are prepared several at a time."""
        size = max(1, GROUP_VALUES // (len(batches[0]) * prod(self.preprocess.shape)))
        for first in range(start - start % size, len(batches), size):
            group = batches[first : first + size]
            sizes = [len(batch) for batch in group]
            pixels, labels = self.batch(torch.cat(list(group)), epoch, seed(first // size), sizes)
            pairs = zip(pixels.split(sizes), labels.split(sizes), strict=True)  # type: ignore[no-untyped-call]
            yield from islice(pairs, max(0, start - first), None)

    def trained_part(self, net: nn.Module) -> nn.Module:
        """The whole net."""
        return net

    def logits(self, net: nn.Module, images: ImageSet, shard: Callable[[Tensor], Tensor]) -> Tensor:
        """Logits float32 (N, K) on the CPU, in the runtime's precision."""
        return infer(net, shard(torch.from_numpy(images.images)), self.preprocess, self.runtime)
