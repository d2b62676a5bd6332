"""What a line of augmentation becomes: a `Step` that changes pixels, or a `Mixing` that changes labels too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

# (pixels float32 (N, C, H, W), indices int64 (N,), epoch, generator) -> pixels
Step = Callable[[Tensor, Tensor, int, Generator], Tensor]

# (N, H, W, generator) -> the share of each pixel that stays, float32 (N, 1, H, W), or (N, 1, 1, 1) if all are alike
Mask = Callable[[int, int, int, Generator], Tensor]


@dataclass(frozen=True)
class Mixing:
    """Mixes pairs of images. With several masks, each image picks one at random; with none, nothing changes."""

    masks: tuple[Mask, ...] = ()

    def __call__(
        self, pixels: Tensor, labels: Tensor, classes: int, generator: Generator, batch_sizes: Sequence[int] = ()
    ) -> tuple[Tensor, Tensor]:
        """Mix each image (N, C, H, W) with another one of its batch.

        labels: int64 (N,). batch_sizes: of the batches that the images are, one after the other; none: a single batch.
        Returns the images and their targets, float32 (N, classes), whose rows sum to 1: the target of a class is the
        share of the pixels that come from its image.
        """
        if not self.masks:
            return pixels, labels
        n, _, height, width = pixels.shape
        mask = self._draw_mask(n, height, width, generator).to(pixels.device)
        partners = _permute_batches(batch_sizes or (n,), generator).to(pixels.device)
        share = mask.mean((1, 2, 3))[:, None]
        targets = one_hot(labels, classes).float()
        return pixels[partners].lerp(pixels, mask), targets[partners].lerp(targets, share)

    def _draw_mask(self, n: int, height: int, width: int, generator: Generator) -> Tensor:
        masks = [draw(n, height, width, generator) for draw in self.masks]
        picks = torch.randint(len(masks), (n,), generator=generator, device=generator.device).view(-1, 1, 1, 1)
        result = masks[0]
        for number, mask in enumerate(masks[1:], start=1):
            result = mask.where(picks == number, result)
        return result


def _permute_batches(sizes: Sequence[int], generator: Generator) -> Tensor:
    """The places of the images of several batches in a random order within each batch, int64 (N,)."""
    order = torch.randperm(sum(sizes), generator=generator, device=generator.device)
    numbers = torch.arange(len(sizes), device=generator.device)
    batch = numbers.repeat_interleave(torch.tensor(sizes, device=generator.device))  # of each image
    return order[batch[order].argsort(stable=True)]


def uniform(n: int, low: float, high: float, generator: Generator) -> Tensor:
    """Draw n numbers from [low, high), on the generator's device."""
    return torch.rand(n, generator=generator, device=generator.device) * (high - low) + low
