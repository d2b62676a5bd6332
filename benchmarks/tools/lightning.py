"""Lightning: a LightningModule and a Trainer without logger, progress bar, checkpoints; tuned, its bf16-mixed."""

import warnings
from typing import Any

import torch

from benchmarks.laps import Laps
from benchmarks.task import LR, MOMENTUM, Task, read_task
from benchmarks.tools.loaders import picture_loaders, tensor_loaders

# isort: split
import lightning as L
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


class Classifier(L.LightningModule):
    """The net with its loss and optimizer."""

    def __init__(self, net: nn.Module, is_tuned: bool) -> None:
        super().__init__()
        self.net, self.is_tuned = net, is_tuned

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch."""
        images, labels = batch
        return cross_entropy(self.net(images), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the accuracy; Lightning averages it over the images."""
        images, labels = batch
        hits = (self.net(images).argmax(1) == labels).float()
        self.log("accuracy", hits.mean(), batch_size=len(labels))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """SGD."""
        return torch.optim.SGD(self.parameters(), LR, MOMENTUM, fused=self.is_tuned or None)


class Timer(L.Callback):
    """Reports the start and end of epochs to the laps."""

    def __init__(self, laps: Laps, images: int, validate: bool) -> None:
        self.laps, self.images, self.validate = laps, images, validate

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start an epoch."""
        self.laps.start()

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """End the training part; validation runs after the last batch of an epoch."""
        self.laps.end_training(self.images)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """End an epoch, validation included."""
        if self.validate:
            self.laps.end_validation(float(trainer.callback_metrics["accuracy"]))
        else:
            self.laps.end_training(self.images)


def train(task: Task, laps: Laps) -> None:
    """Train, and validate if the task asks for it."""
    loaders: Any = tensor_loaders(task) if task.tuned else picture_loaders(task)
    classifier = Classifier(task.module(), task.tuned)
    if task.tuned:
        classifier = classifier.to(memory_format=torch.channels_last)
    images = len(loaders[0].labels) if task.tuned else len(loaders[0].dataset)
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=task.epochs,
        precision="bf16-mixed" if task.tuned else "32-true",
        callbacks=[Timer(laps, images, task.validate)],
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(classifier, loaders[0], loaders[1] if task.validate else None)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    task, laps = read_task(), Laps()
    train(task, laps)
    laps.print("lightning", task, ("lightning", "torch", "torchvision"))
