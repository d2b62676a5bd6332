"""The training loop: one net, one recipe, epoch by epoch. It reads and writes no files and prints nothing."""

import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from math import isfinite

import torch
from torch import Tensor, nn

from assay.core.errors import Interrupted
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.models.freezing import FreezePlan
from assay.recipes.recipe import Recipe
from assay.training.callbacks import NO_HOOKS, Callback, EpochHooks
from assay.training.checkpoint import TrainState, copy_weights
from assay.training.distributed import SINGLE_PROCESS, ProcessGroup
from assay.training.early_stopping import best_epoch, is_out_of_patience
from assay.training.history import Epoch
from assay.training.loader import Loader
from assay.training.nan_check import check_weights, divergence_error, first_bad_tensor
from assay.training.optimizer_step import OptimizerStep, fresh_state
from assay.training.step_monitor import StepMonitor
from assay.training.validation import validate

SaveState = Callable[[TrainState], None]
ShouldStop = Callable[[], bool]


class Trainer:
    """Trains a net on a loader's batches. Only `state` changes, so a saved state resumes exactly where it was."""

    def __init__(
        self, recipe: Recipe, net: nn.Module, loader: Loader, validation: ImageSet | None, runtime: Runtime,
        hooks: EpochHooks = NO_HOOKS,
        process_group: ProcessGroup = SINGLE_PROCESS,
        frozen: FreezePlan | None = None,
    ) -> None:  # fmt: skip
        """hooks: where fault injection changes an epoch. frozen: the layers that are not trained.

        process_group: the processes that train this net together.
        """
        self.recipe, self.loader, self.validation, self.runtime = recipe, loader, validation, runtime
        self.hooks, self.process_group, self.frozen = hooks, process_group, frozen
        if frozen:
            frozen.apply(net.train(), frozen.first_trained)  # the optimizer holds every parameter that is ever trained
        self.fixed_tensors = frozen.fixed_tensors(net) if frozen else frozenset[str]()
        net = process_group.synchronize(runtime.place(net))
        self.state = fresh_state(recipe, net, self.fixed_tensors)
        self.trained_net = loader.trained_part(net)
        self.steps = len(loader.batch_indices(recipe, 0))
        self.optimizer_step = OptimizerStep(recipe, self.trained_net, self.steps, runtime, process_group)
        # The cost of all epochs before each epoch and after the last, in epochs of full-size images.
        costs = (loader.epoch_cost(epoch) for epoch in range(recipe.training.epochs))
        self.cumulative_cost = list(accumulate(costs, initial=0.0))
        # Reading the loss makes a GPU wait, so there it is rarely read; a NaN stays in the sum until then.
        self.check_every = 1 if runtime.device == "cpu" else 50
        self.monitor = StepMonitor(runtime, process_group, len(loader), self.cumulative_cost)

    def run(self, callback: Callback, save: SaveState, should_stop: ShouldStop) -> None:
        """Train to the end of the recipe and call `save` after every epoch.

        Raises NonFiniteError when a loss or weight is not finite; Interrupted, after a save, when a stop is requested.
        """
        while not self.finished:
            self._train_epoch(callback, save, should_stop)
            is_best = self.finish_epoch()
            save(self.state)
            callback.on_epoch_end(self.state.history[-1], is_best)

    @property
    def finished(self) -> bool:
        """Whether all epochs are trained or patience has run out."""
        history, stopping = self.state.history, self.recipe.stopping
        return len(history) >= self.recipe.training.epochs or is_out_of_patience(stopping, self.hooks.select(history))

    @property
    def best_epoch(self) -> int:
        """The epoch, from 1, of the weights in `state.best`."""
        return best_epoch(self.recipe.stopping, self.hooks.select(self.state.history))

    def iter_batches(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Pixels and labels of each step of an epoch, from step `start` on."""
        return self.loader.iter_batches(self.recipe, epoch, start)

    def prepare_epoch(self, epoch: int) -> None:
        """Put the net into training mode, except for the layers that are frozen in this epoch."""
        self.state.net.train()
        self.trained_net.train()
        if self.frozen:
            self.frozen.apply(self.state.net, self.frozen.start_at(epoch))
        self.optimizer_step.prepare_epoch(self.state.net, epoch)

    def step(self, epoch: int, step: int, pixels: Tensor, labels: Tensor) -> Tensor:
        """Train on one batch; returns the sums of loss and hits over its images, (2,), on the device."""
        return self.optimizer_step(self.state, epoch, step, pixels, labels)

    def _train_epoch(self, callback: Callback, save: SaveState, should_stop: ShouldStop) -> None:
        state, epoch = self.state, len(self.state.history)
        self.prepare_epoch(epoch)
        self.monitor.begin_epoch(epoch)
        images = state.step * self.recipe.training.images_a_step  # trained before the run was interrupted
        seconds, start = state.epoch_seconds, time.perf_counter()
        sums = torch.tensor(state.sums, dtype=sum_dtype(self.runtime), device=self.runtime.device)
        for step, (pixels, labels) in enumerate(self.iter_batches(epoch, state.step), state.step):
            images += len(labels)
            sums += self.step(epoch, step, pixels, labels)
            self.optimizer_step.gradients.announce(callback, state, len(labels))
            state.step = step + 1
            self.monitor.watch_threads(callback, state, len(labels))
            if state.step % self.check_every and state.step < self.steps:
                continue
            state.sums = (sums[0].item(), sums[1].item())
            state.epoch_seconds = seconds + time.perf_counter() - start
            self.check_loss(state.sums[0], epoch, step, pixels)
            callback.on_step(self.monitor.progress(state, images))
            if self.process_group.reduce_any(should_stop()):
                save(state)
                raise Interrupted(f"stopped in epoch {epoch + 1}, after step {state.step} of {self.steps}")

    def check_loss(self, loss: float, epoch: int, step: int, pixels: Tensor) -> None:
        """Raise NonFiniteError, with the first bad tensor, if a sum of losses is not finite."""
        if isfinite(loss):
            return
        bad_tensor = first_bad_tensor(self.trained_net, pixels)
        message = f"the loss became {loss} in epoch {epoch + 1}, step {step + 1}; the first bad tensor is {bad_tensor}"
        raise divergence_error(message, self.recipe.optimizer.lr)

    def finish_epoch(self) -> bool:
        """Validate, add the epoch to the history and keep its weights if they are the best; returns whether they are.

        Raises NonFiniteError.
        """
        state, n = self.state, len(self.loader)
        rate = state.optimizer.param_groups[0]["lr"]
        train_seconds, start = state.epoch_seconds, time.perf_counter()
        loss, accuracy = self._validate()
        row = Epoch(
            epoch=len(state.history) + 1,
            seconds=train_seconds + time.perf_counter() - start,
            lr=rate,
            train_loss=state.sums[0] / n,
            train_accuracy=state.sums[1] / n,
            validation_loss=loss,
            validation_accuracy=accuracy,
            images_per_second=n / train_seconds,
        )
        state.history.append(self.hooks.record(row))
        state.step, state.sums, state.epoch_seconds = 0, (0.0, 0.0), 0.0
        is_best = self.best_epoch == row.epoch
        if is_best:
            state.best = copy_weights(state.net, self.fixed_tensors)
        return is_best

    def _validate(self) -> tuple[float | None, float | None]:
        epoch, rate = len(self.state.history), self.recipe.optimizer.lr
        check_weights(self.state.net, epoch, rate)
        if self.validation is None:
            return None, None
        loss, accuracy = validate(self.state.net, self.validation, self.loader, self.process_group)
        if not isfinite(loss):
            raise divergence_error(f"the validation loss is {loss} after epoch {epoch + 1}", rate)
        return loss, accuracy


def sum_dtype(runtime: Runtime) -> torch.dtype:
    """The type for sums over an epoch: float64, which MPS does not have."""
    return torch.float32 if runtime.device == "mps" else torch.float64
