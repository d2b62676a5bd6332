"""The Feed: training images resident on the device as uint8, turned into the net's input one whole batch at a time."""

import torch

from assay.data.augment import Augment
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.runtime import Runtime


class Feed:
    """Batches of augmented, normalised pixels with their labels, from one uint8 tensor (N, C, H, W)."""

    def __init__(self, images: ImageSet, preprocess: Preprocess, augment: Augment, runtime: Runtime) -> None:
        self.images = torch.from_numpy(images.images).to(runtime.device)
        self.labels = torch.from_numpy(images.labels).to(runtime.device)
        self.preprocess, self.augment, self.runtime = preprocess, augment, runtime

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: torch.Tensor, epoch: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixels float32 (B, C, H, W) and labels int64 (B,) of these images; `seed` decides all the augmentation.

        indices: int64 (B,), on the runtime's device.
        """
        generator = torch.Generator(self.runtime.device).manual_seed(seed)
        pixels = self.preprocess.pixels(self.images[indices])
        pixels = self.augment(pixels, indices, epoch, generator)
        return self.runtime.batch(self.preprocess.normalise(pixels)), self.labels[indices]
