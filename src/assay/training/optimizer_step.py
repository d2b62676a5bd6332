"""One update of a net: learning rate, gradients, their sum over all processes, clipping, optimizer."""

from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from assay.core.randomness import Stream, stream_seed
from assay.core.runtime import Runtime
from assay.recipes.recipe import Recipe
from assay.training.checkpoint import TrainState, copy_weights
from assay.training.distributed import ProcessGroup
from assay.training.micro_batches import GradientAccumulator
from assay.training.optimizers import build_optimizer
from assay.training.parameter_groups import add_penalties
from assay.training.schedules import Horizon


class OptimizerStep:
    """Updates a TrainState by one batch.

    net: the module that takes the loader's batches. steps: batches per epoch.
    """

    def __init__(
        self, recipe: Recipe, net: nn.Module, steps: int, runtime: Runtime, process_group: ProcessGroup
    ) -> None:
        self.recipe, self.process_group = recipe, process_group
        self.horizon = Horizon(steps, recipe.training.epochs)
        self.gradients = GradientAccumulator(net, recipe.loss.function(), runtime, process_group)

    def prepare_epoch(self, net: nn.Module, epoch: int) -> None:
        """Freeze or unfreeze the parameters that the optimizer's settings train in some epochs only."""
        self.recipe.optimizer.begin_epoch(net, epoch)

    def __call__(self, state: TrainState, epoch: int, step: int, pixels: Tensor, labels: Tensor) -> Tensor:
        """Train on the batch of a step (both counted from 0); returns the sums of loss and hits (2,), on the device."""
        group, clip_norm = self.process_group, self.recipe.optimizer.clip_norm
        self.set_learning_rate(state, epoch, step)
        seed = self.dropout_seed(epoch, step)
        sums = self.gradients(state, group.shard(pixels), group.shard(labels), len(labels), seed)
        sums = group.all_reduce(state.net, sums)
        if clip_norm is not None:
            add_penalties(state.optimizer)
            clip_grad_norm_(state.net.parameters(), clip_norm)
        state.optimizer.step()
        return sums

    def set_learning_rate(self, state: TrainState, epoch: int, step: int) -> float:
        """Set the optimizer's learning rate for a step and return it."""
        peak = self.recipe.optimizer.lr
        losses = [row.validation_loss for row in state.history if row.validation_loss is not None]
        step_of_run = epoch * self.horizon.steps_per_epoch + step
        rate = self.recipe.schedule.learning_rate(peak, step_of_run, self.horizon, losses)
        for group in state.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * (rate / peak)
        return rate

    def dropout_seed(self, epoch: int, step: int) -> int:
        """The seed of a step's dropout in this process."""
        return stream_seed(self.recipe.seed, Stream.DROPOUT, epoch, step, *self.process_group.seed_suffix)


def fresh_state(recipe: Recipe, net: nn.Module, fixed_tensors: frozenset[str] = frozenset()) -> TrainState:
    """The state of a net before its first step. fixed_tensors: those that never change. Raises UsageError."""
    with recipe.blame("optimizer"):
        return TrainState(net, build_optimizer(recipe.optimizer, net), best=copy_weights(net, fixed_tensors))
