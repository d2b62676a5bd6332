"""The order in which a run sees its images: a pure function of seed and epoch, cut into batches."""

import torch
from torch import Tensor

from assay.core.randomness import Stream, stream_seed


def epoch_order(n: int, seed: int, epoch: int, shuffle: bool) -> Tensor:
    """The order of one epoch, int64 (n,): a permutation given by the arguments alone; 0..n-1 without `shuffle`."""
    if not shuffle:
        return torch.arange(n)
    return torch.randperm(n, generator=torch.Generator().manual_seed(stream_seed(seed, Stream.ORDER, epoch)))


def cut_batches(order: Tensor, size: int) -> tuple[Tensor, ...]:
    """Cut the order into batches of `size` indices; the last one is shorter if `size` does not divide n.

    A last batch of one image would have no variance for batch norm, so that image joins the batch before it.
    """
    cuts = torch.split(order, size)
    if len(cuts) > 1 and len(cuts[-1]) == 1 < size:
        return (*cuts[:-2], torch.cat(cuts[-2:]))
    return cuts
