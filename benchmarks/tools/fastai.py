"""fastai: a DataBlock and a Learner without progress bar; tuned, its ChannelsLast, bf16 and DataLoaders of tensors.

fastai's MixedPrecision needs a GPU, so bf16 on a CPU is a callback of four lines, as a skilled user would write it.
"""

import warnings
from typing import Any

import torch

from benchmarks.laps import Laps
from benchmarks.task import LR, MOMENTUM, PAD, Task, read_task
from benchmarks.tools.loaders import tensor_loaders

# isort: split
from fastai.callback.channelslast import ChannelsLast
from fastai.callback.core import Callback
from fastai.data.block import CategoryBlock, DataBlock
from fastai.data.core import DataLoaders
from fastai.data.transforms import IndexSplitter, Normalize
from fastai.learner import Learner
from fastai.metrics import accuracy
from fastai.optimizer import OptimWrapper
from fastai.vision.augment import CropPad, FlipItem, PadMode, RandomCrop
from fastai.vision.core import PILImage
from fastai.vision.data import ImageBlock
from torch.nn.functional import cross_entropy


class Timer(Callback):
    """Reports the start and end of epochs to the laps."""

    order = 90  # after all other callbacks

    def __init__(self, laps: Laps, images: int, validate: bool) -> None:
        self.laps, self.images, self.validate = laps, images, validate

    def before_train(self) -> None:
        """Start an epoch."""
        self.laps.start()

    def after_train(self) -> None:
        """End the training of an epoch."""
        self.laps.end_training(self.images)

    def after_validate(self) -> None:
        """End the validation of an epoch."""
        if self.validate:
            self.laps.end_validation(float(self.recorder.metrics[0].value))


class Bf16(Callback):
    """Autocast around the forward pass and the loss, as fastai's MixedPrecision does on a GPU."""

    order = 10

    def before_batch(self) -> None:
        """Enter autocast."""
        self.autocast = torch.autocast("cpu", torch.bfloat16)
        self.autocast.__enter__()

    def after_loss(self) -> None:
        """Leave autocast."""
        self.autocast.__exit__(None, None, None)


def picture_data(task: Task) -> tuple[Any, int]:
    """DataLoaders of PIL images with fastai's transforms, as in its documentation; and the number of images."""
    train, validation = task.parts()
    pixels, labels = train.images.transpose(0, 2, 3, 1).copy(), train.labels.tolist()
    if len(validation):
        pixels = torch.cat([torch.from_numpy(pixels), torch.from_numpy(validation.images).permute(0, 2, 3, 1)]).numpy()
        labels = labels + validation.labels.tolist()
    block = DataBlock(
        (ImageBlock, CategoryBlock(vocab=list(range(10)))),
        get_x=lambda i: PILImage.create(pixels[i]),
        get_y=lambda i: labels[i],
        splitter=IndexSplitter(list(range(len(train), len(labels)))),
        item_tfms=[CropPad(32 + 2 * PAD, pad_mode=PadMode.Zeros), RandomCrop(32), FlipItem(0.5)],
        batch_tfms=[Normalize.from_stats(*task.constants(train), cuda=False)],
    )
    loaders = block.dataloaders(list(range(len(labels))), bs=task.batch_size, val_bs=500, num_workers=task.workers)
    return loaders, len(train)


def tensor_data(task: Task) -> tuple[Any, int]:
    """fastai DataLoaders around tensor loaders; and the number of images."""
    train, validation = tensor_loaders(task)
    return DataLoaders(train, validation, device=torch.device("cpu")), len(train.labels)


def train(task: Task, laps: Laps) -> None:
    """Train, and validate if the task asks for it."""
    loaders, images = tensor_data(task) if task.tuned else picture_data(task)
    learner = Learner(
        loaders,
        task.module(),
        loss_func=cross_entropy,
        opt_func=lambda groups, **_: (
            OptimWrapper(groups, torch.optim.SGD, lr=LR, momentum=MOMENTUM, fused=True)
            if task.tuned
            else OptimWrapper(groups, torch.optim.SGD, lr=LR, momentum=MOMENTUM)
        ),
        metrics=accuracy if task.validate else None,
        cbs=[Timer(laps, images, task.validate), *([ChannelsLast(), Bf16()] if task.tuned else [])],
    )
    with learner.no_bar(), learner.no_logging():
        learner.fit(task.epochs, LR)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    task, laps = read_task(), Laps()
    train(task, laps)
    laps.print("fastai", task, ("fastai", "torch", "torchvision"))
