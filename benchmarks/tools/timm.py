"""timm: what its training script train.py does with timm's own parts; tuned, --amp, bfloat16, --channels-last.

timm's wheel has no train.py, and that script takes neither another net nor other images, so this one repeats its steps:
create_loader with the prefetcher, create_optimizer_v2, the loop of train_one_epoch, validate; without logging and
checkpoints. timm augments for ImageNet, so a padded crop replaces the first transform, as DeiT does for CIFAR. The
script reads PIL images only, so the tuned form does too.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from benchmarks.laps import Laps
from benchmarks.task import LR, MOMENTUM, PAD, Task, read_task
from benchmarks.tools.loaders import Pictures

# isort: split
import torchvision.transforms as T
from timm.data import create_loader
from timm.optim import create_optimizer_v2
from timm.utils import AverageMeter, accuracy
from torch import nn


def loaders(task: Task) -> tuple[Any, Any]:
    """Training and validation loaders of timm, with collated uint8 batches normalized by its prefetcher."""
    train, validation = task.parts()
    mean, std = task.constants(train)
    common: dict[str, Any] = {
        "input_size": (3, 32, 32), "mean": mean, "std": std, "num_workers": task.workers, "device": torch.device("cpu"),
        "interpolation": "bilinear",
    }  # fmt: skip
    training = create_loader(
        Pictures(train, None), batch_size=task.batch_size, is_training=True, hflip=0.5, color_jitter=0.0, **common
    )
    transforms = training.dataset.transform.transforms
    transforms[0] = T.RandomCrop(32, padding=PAD)
    return training, create_loader(Pictures(validation, None), batch_size=500, crop_pct=1.0, **common)


def train_one_epoch(net: nn.Module, loader: Any, optimizer: Any, task: Task) -> int:
    """As train.py's function of that name; returns the number of images."""
    losses, n = AverageMeter(), 0
    loss_function = nn.CrossEntropyLoss()
    net.train()
    optimizer.zero_grad()
    for images, labels in loader:
        if task.tuned:
            images = images.contiguous(memory_format=torch.channels_last)
        with autocast(task):
            loss = loss_function(net(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        n += len(labels)
    losses.update(loss.item(), n)
    return n


@torch.inference_mode()
def validate(net: nn.Module, loader: Any, task: Task) -> float:
    """As train.py's function of that name: top-1 accuracy, as a share."""
    top1 = AverageMeter()
    net.eval()
    for images, labels in loader:
        if task.tuned:
            images = images.contiguous(memory_format=torch.channels_last)
        with autocast(task):
            output = net(images)
        top1.update(accuracy(output, labels)[0].item(), len(labels))
    return float(top1.avg) / 100


def autocast(task: Task) -> AbstractContextManager[Any]:
    """`--amp --amp-dtype bfloat16`, or nothing."""
    return torch.autocast("cpu", torch.bfloat16) if task.tuned else nullcontext()


def train(task: Task, laps: Laps) -> None:
    """Train, and validate if the task asks for it."""
    training, validation = loaders(task)
    net = task.module()
    if task.tuned:
        net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = create_optimizer_v2(net, opt="momentum", lr=LR, momentum=MOMENTUM, weight_decay=0.0)
    for _ in range(task.epochs):
        laps.start()
        laps.end_training(train_one_epoch(net, training, optimizer, task))
        if task.validate:
            laps.end_validation(validate(net, validation, task))


if __name__ == "__main__":
    task, laps = read_task(), Laps()
    train(task, laps)
    laps.print("timm", task, ("timm", "torch", "torchvision"))
