"""Dry runs: real training steps whose effects are undone, to measure time and memory before a run starts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from assay.training.checkpoint import TrainState, copy_weights
from assay.training.optimizers import build_optimizer
from assay.training.trainer import Trainer

PROBE_STEPS, PROBE_SECONDS = 5, 1.0


@contextmanager
def dry_run(trainer: Trainer) -> Iterator[None]:
    """Undo all training within the context. Only the number of micro-batches that memory requires is kept."""
    state, weights = trainer.state, copy_weights(trainer.state.net, trainer.fixed_tensors)
    optimizer = build_optimizer(trainer.recipe.optimizer, state.net)
    trainer.state = TrainState(state.net, optimizer, best={}, micro_batches=state.micro_batches)
    try:
        yield
    finally:
        state.micro_batches = trainer.state.micro_batches
        trainer.state = state
        optimizer.zero_grad(set_to_none=True)
        state.net.load_state_dict(weights)


def seconds_per_epoch(trainer: Trainer) -> float:
    """Estimate the time of an epoch of full-size images, validation included, from a few steps of a dry run.

    A forward pass takes a third of a training step.
    """
    epoch = trainer.recipe.training.epochs - 1
    trainer.prepare_epoch(epoch)
    with dry_run(trainer):
        trainer.step(0, 0, *next(trainer.iter_batches(epoch)))  # the first step includes one-time set-up
        start, images = time.perf_counter(), 0
        for step, (pixels, labels) in zip(range(PROBE_STEPS), trainer.iter_batches(epoch), strict=False):
            trainer.step(0, step, pixels, labels).sum().item()  # makes a GPU finish before the clock is read
            images += len(labels)
            if trainer.process_group.reduce_any(time.perf_counter() - start > PROBE_SECONDS):
                break
        seconds = time.perf_counter() - start
    validation = len(trainer.validation) / 3 if trainer.validation else 0.0
    return (len(trainer.loader) + validation) * seconds / images


def try_batch(trainer: Trainer, size: int) -> None:
    """Train on one batch of `size` images, whole, within a dry run. Raises one of MEMORY_ERRORS if it does not fit."""
    state, update, epoch = trainer.state, trainer.optimizer_step, trainer.recipe.training.epochs - 1
    indices = torch.arange(size, device=trainer.runtime.device)
    pixels, labels = next(trainer.loader.iter_epoch((indices,), epoch, lambda group: 0))
    gradients = update.gradients
    gradients.accumulate(gradients.eager, state, pixels, labels, size, update.dropout_seed(0, 0))
    state.optimizer.step()
