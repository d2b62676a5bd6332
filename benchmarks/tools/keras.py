"""Keras 3 on torch: the net's lines as its layers, `fit`, augmentation by layers; tuned, mixed_bfloat16 and tensors.

Keras stores images as (N, H, W, C), which PyTorch's convolutions read as channels_last: there is no layout to tune.
"""

import os
from collections.abc import Callable
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch
from keras import layers

from benchmarks.laps import Laps
from benchmarks.task import CLASSES, LR, MOMENTUM, PAD, Task, read_task
from benchmarks.tools.loaders import TensorBatches, tensor_loaders

LAYERS = {"relu": lambda: layers.ReLU(), "gelu": lambda: layers.Activation("gelu"), "flatten": layers.Flatten}


def layer(line: str) -> Any:
    """The Keras layer of a line; batch norm with torch's constants."""
    word, *arguments = line.split()
    if word in LAYERS:
        return LAYERS[word]()
    if word == "conv":
        size = int(arguments[1].split("x")[0])
        return layers.Conv2D(int(arguments[0]), size, padding="same" if "same" in arguments else "valid")
    if word == "maxpool":
        return layers.MaxPooling2D(int(arguments[0]))
    if word == "batchnorm":
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    if word == "dropout":
        return layers.Dropout(float(arguments[0]))
    if word == "linear":
        return layers.Dense(int(arguments[0]))
    raise ValueError(f"no Keras layer for '{line}'")


class Timer(keras.callbacks.Callback):
    """Reports the start and end of epochs to the laps."""

    def __init__(self, laps: Laps, images: int) -> None:
        super().__init__()
        self.laps, self.images, self.training = laps, images, False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start an epoch."""
        self.training = True
        self.laps.start()

    def on_test_begin(self, logs: Any = None) -> None:
        """End the training part; validation runs after the last batch of an epoch."""
        self._end_training()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """End an epoch, validation included."""
        self._end_training()
        if logs and "val_accuracy" in logs:
            self.laps.end_validation(logs["val_accuracy"])

    def _end_training(self) -> None:
        if self.training:
            self.laps.end_training(self.images)
        self.training = False


class Batches(keras.utils.PyDataset):
    """Batches in a new order each epoch. take: from indices to images (N, H, W, C)."""

    def __init__(self, take: Callable[[torch.Tensor], Any], labels: torch.Tensor, size: int, shuffle: bool) -> None:
        super().__init__()
        self.take, self.labels, self.size, self.shuffle = take, labels, size, shuffle
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> tuple[Any, torch.Tensor]:
        indices = self.order[index]
        return self.take(indices), self.labels[indices]

    def on_epoch_end(self) -> None:
        """Shuffle training images."""
        n = len(self.labels)
        self.order = (torch.randperm(n) if self.shuffle else torch.arange(n)).split(self.size)


def from_tensors(batches: TensorBatches) -> Batches:
    """The tensors of TensorBatches, which are (N, H, W, C) in memory."""
    return Batches(
        lambda indices: batches.batch(indices).permute(0, 2, 3, 1), batches.labels, batches.batch_size, batches.augment
    )


def model(task: Task, before: list[Any]) -> Any:
    """The compiled model; `before` are the layers between the pixels and the net."""
    net = keras.Sequential([layers.Input((32, 32, 3)), *before, *map(layer, task.lines())])
    if task.tuned:
        net.add(layers.Activation("linear", dtype="float32"))  # as Keras's guide to mixed precision asks
    net.compile(
        optimizer=keras.optimizers.SGD(LR, MOMENTUM),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"] if task.validate else [],
    )
    assert net.output_shape == (None, CLASSES)
    return net


def fit_arrays(task: Task, timer: Timer) -> None:
    """Default: arrays, augmented a batch at a time by Keras layers, and normalized by a layer of the model."""
    train, validation = task.parts()
    mean, std = task.constants(train)
    scale = layers.Normalization(mean=[255 * m for m in mean], variance=[(255 * s) ** 2 for s in std])
    augment = keras.Sequential([layers.ZeroPadding2D(PAD), layers.RandomCrop(32, 32), layers.RandomFlip("horizontal")])
    pixels, validation_pixels = (images.images.transpose(0, 2, 3, 1).copy() for images in (train, validation))
    model(task, [scale]).fit(
        Batches(
            lambda indices: augment(pixels[indices.numpy()], training=True),
            torch.from_numpy(train.labels),
            task.batch_size,
            shuffle=True,
        ),
        epochs=task.epochs,
        validation_data=(validation_pixels, validation.labels) if task.validate else None,
        validation_batch_size=500,
        callbacks=[timer],
        verbose=0,
    )


def fit_tensors(task: Task, timer: Timer) -> None:
    """Tuned: mixed_bfloat16, and whole batches of tensors from a PyDataset."""
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    train, validation = tensor_loaders(task)
    validation_data = from_tensors(validation) if task.validate else None
    model(task, []).fit(
        from_tensors(train), epochs=task.epochs, validation_data=validation_data, callbacks=[timer], verbose=0
    )


def main() -> None:
    """Measure."""
    task, laps = read_task(), Laps()
    timer = Timer(laps, len(task.parts()[0]))
    (fit_tensors if task.tuned else fit_arrays)(task, timer)
    laps.print("keras", task, ("keras", "torch"))


if __name__ == "__main__":
    main()
