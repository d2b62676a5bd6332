"""Validation during training: loss and accuracy on the validation images after an epoch."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from assay.data.imageset import ImageSet
from assay.training.distributed import ProcessGroup
from assay.training.loader import Loader


def validate(net: nn.Module, images: ImageSet, loader: Loader, process_group: ProcessGroup) -> tuple[float, float]:
    """Mean cross-entropy in nats and accuracy over all images; each process evaluates its shard."""
    labels = process_group.shard(torch.from_numpy(images.labels))
    logits = loader.logits(net, images, process_group.shard)
    loss = cross_entropy(logits, labels).item()
    accuracy = (logits.argmax(1) == labels).double().mean().item()
    return process_group.reduce_mean(loss, len(labels)), process_group.reduce_mean(accuracy, len(labels))
