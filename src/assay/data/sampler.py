"""The order in which a run sees its images, as a pure function of seed and epoch, cut into batches. No pixels here."""

import torch
from torch import Tensor

from assay.core.randomness import Stream, stream_seed


def order(n: int, seed: int, epoch: int, shuffle: bool) -> Tensor:
    """The order of one epoch: int64 (n,), a permutation that only the arguments decide; 0..n-1 without `shuffle`."""
    if not shuffle:
        return torch.arange(n)
    return torch.randperm(n, generator=torch.Generator().manual_seed(stream_seed(seed, Stream.ORDER, epoch)))


def batches(order: Tensor, size: int) -> tuple[Tensor, ...]:
    """The order cut into batches of `size` indices; the last one is shorter when `size` does not divide n.

    A last batch of one image would have no variance for batch norm: that image joins the batch before it.
    `images[batch]` then takes a batch from a resident uint8 tensor (N, C, H, W).
    """
    cut = torch.split(order, size)
    if len(cut) > 1 and len(cut[-1]) == 1 < size:
        return (*cut[:-2], torch.cat(cut[-2:]))
    return cut
