"""Plain PyTorch: the loop of its tutorials; tuned, with channels_last, bf16 autocast, a fused optimizer and tensors."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.laps import Laps
from benchmarks.task import LR, MOMENTUM, Task, read_task
from benchmarks.tools.loaders import picture_loaders, tensor_loaders


def train(task: Task, laps: Laps) -> None:
    """Train, and validate if the task asks for it."""
    train_loader, validation_loader = tensor_loaders(task) if task.tuned else picture_loaders(task)
    net = task.module()
    if task.tuned:
        net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(net.parameters(), LR, MOMENTUM, fused=task.tuned or None)
    for _ in range(task.epochs):
        laps.start()
        net.train()
        n = 0
        for images, labels in train_loader:
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=task.tuned):
                loss = cross_entropy(net(images), labels)
            loss.backward()
            optimizer.step()
            n += len(labels)
        laps.end_training(n)
        if task.validate:
            laps.end_validation(accuracy(net, validation_loader, task))


@torch.inference_mode()
def accuracy(net: nn.Module, loader: object, task: Task) -> float:
    """The net's accuracy on the loader's images."""
    net.eval()
    hits = n = 0
    for images, labels in loader:  # type: ignore[attr-defined]
        with torch.autocast("cpu", torch.bfloat16, enabled=task.tuned):
            hits += int((net(images).argmax(1) == labels).sum())
        n += len(labels)
    return hits / n


if __name__ == "__main__":
    task, laps = read_task(), Laps()
    train(task, laps)
    laps.print("torch", task, ("torch", "torchvision"))
