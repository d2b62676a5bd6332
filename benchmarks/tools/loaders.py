"""Loaders for PyTorch loops: one PIL image at a time through torchvision's transforms, or whole batches of tensors."""

from collections.abc import Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from assay.data.imageset import ImageSet
from assay.models.torchvision_hub import import_torchvision
from benchmarks.task import PAD, Task

import_torchvision()  # before the first plain import: it repairs torchvision's CUDA wheel beside a CPU torch
import torchvision.transforms as T  # noqa: E402

MeanStd = tuple[tuple[float, ...], tuple[float, ...]]


class Pictures(Dataset[tuple[Any, int]]):
    """As torchvision.datasets.CIFAR10: a PIL image from an array in memory, then the transform."""

    def __init__(self, images: ImageSet, transform: T.Compose | None) -> None:
        self.data, self.targets = images.images.transpose(0, 2, 3, 1).copy(), images.labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = Image.fromarray(self.data[index])
        return (self.transform(image) if self.transform else image), self.targets[index]


def picture_loaders(task: Task) -> tuple[DataLoader[tuple[Any, int]], DataLoader[tuple[Any, int]]]:
    """Training and validation loaders, as in the examples of PyTorch and torchvision."""
    train, validation = task.parts()
    plain = [T.ToTensor(), T.Normalize(*task.constants(train))]
    augmentation = T.Compose([T.RandomCrop(32, padding=PAD), T.RandomHorizontalFlip(), *plain])
    return (
        DataLoader(Pictures(train, augmentation), task.batch_size, shuffle=True, num_workers=task.workers),
        DataLoader(Pictures(validation, T.Compose(plain)), 500, num_workers=task.workers),
    )


class TensorBatches:
    """uint8 images in memory, cropped, flipped and normalized a batch at a time, as a skilled user would write it."""

    def __init__(self, images: ImageSet, constants: MeanStd, batch_size: int, augment: bool) -> None:
        pixels = torch.from_numpy(images.images)
        self.labels, self.batch_size, self.augment = torch.from_numpy(images.labels), batch_size, augment
        self.size = pixels.shape[2]
        padding = (PAD,) * 4 if augment else (0,) * 4
        # pixels are (N, H, W, C) in memory, so a row of a window is one copy and batches are channels_last
        canvas = torch.nn.functional.pad(pixels, padding).permute(0, 2, 3, 1).contiguous()
        self.windows = canvas.unfold(1, self.size, 1).unfold(2, self.size, 1)  # (N, places, places, C, H, W), a view
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in constants)
        self.gain, self.offset = 1 / (255 * std), -mean / std

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        n = len(self.labels)
        for indices in (torch.randperm(n) if self.augment else torch.arange(n)).split(self.batch_size):
            yield self.batch(indices), self.labels[indices]

    def batch(self, indices: Tensor) -> Tensor:
        """The images at `indices`: float32 (N, C, H, W), channels_last."""
        rows, columns = torch.randint(self.windows.shape[1], (2, len(indices)))
        pixels = self.windows[indices, rows, columns].contiguous(memory_format=torch.channels_last)
        if self.augment:
            pixels = torch.where((torch.rand(len(indices)) < 0.5).view(-1, 1, 1, 1), pixels.flip(3), pixels)
        return torch.addcmul(self.offset, pixels, self.gain)


def tensor_loaders(task: Task) -> tuple[TensorBatches, TensorBatches]:
    """Training and validation batches as tensors."""
    train, validation = task.parts()
    constants = task.constants(train)
    return (
        TensorBatches(train, constants, task.batch_size, augment=True),
        TensorBatches(validation, constants, 500, augment=False),
    )
