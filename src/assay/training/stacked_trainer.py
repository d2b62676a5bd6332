"""The Stack: several Trainers whose recipes differ in seed and rates alone, trained together as one wide net.

Each keeps its own order, augmentation, dropout, schedule and history; what is shared is the work of a step. One after
another is `loop.py`; which recipes fit together, and the run folders, are the stacked engine's.
"""

import time
from collections.abc import Callable, Sequence
from math import isfinite

import torch
from torch import Generator, Tensor

from assay.core.errors import Interrupted, NonFiniteError
from assay.models.sequential import Net
from assay.models.stacked import StackedNet
from assay.training.losses import hard_labels, loss_function
from assay.training.stacked_optimizer import StackedOptimizer
from assay.training.trainer import Trainer


class StackedTrainer:
    """Trains the nets of all trainers at once; their states become what each trainer's own `run` would make of them.

    The trainers share images and batch sizes, and each trains a Net; a head on kept features is one. `failed` has the
    error of those that diverged, by their place; the others go on.
    """

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        self.trainers, first = trainers, trainers[0]
        nets = [one.trained_net for one in trainers if isinstance(one.trained_net, Net)]
        self.wide = StackedNet(nets).train()
        self.forward = self.wide if self.wide.draws else first.runtime.compile(self.wide)
        self.update = StackedOptimizer(
            self.wide, [one.recipe.optimizer for one in trainers], [_decays(one) for one in trainers]
        )
        self.losses = loss_function(first.recipe.loss, reduction="none")
        self.runtime, self.steps, self.look_every = first.runtime, first.steps, first.look_every
        self.failed: dict[int, NonFiniteError] = {}

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or nothing is left to train."""
        return not self._alive or self.trainers[self._alive[0]].finished

    def train_epoch(self, stop_requested: Callable[[], bool]) -> None:
        """Train and validate one epoch. Raises Interrupted when asked to stop."""
        started, count = time.perf_counter(), len(self._alive)
        sums = self._train_epoch(len(self.trainers[self._alive[0]].state.history), stop_requested)
        seconds = (time.perf_counter() - started) / count  # each net's share
        for place in self._alive:
            state = self.trainers[place].state
            state.sums, state.epoch_seconds = (sums[0][place], sums[1][place]), seconds
            self._attempt(place, self.trainers[place].finish_epoch)

    @property
    def _alive(self) -> list[int]:
        return [place for place in range(len(self.trainers)) if place not in self.failed]

    def _train_epoch(self, epoch: int, stop_requested: Callable[[], bool]) -> list[list[float]]:
        """All steps of an epoch; returns the sums of loss and hits over its images, a list over nets of each."""
        precise = torch.float32 if self.runtime.device == "mps" else torch.float64  # MPS has no float64
        sums = torch.zeros(2, len(self.trainers), dtype=precise, device=self.runtime.device)
        walks = {
            one.recipe.seed: one.iter_batches(epoch) for one in self.trainers
        }  # the same seed sees the same batches
        for step in range(self.steps):
            batches = {seed: next(walk) for seed, walk in walks.items()}
            pixels, labels = zip(*(batches[one.recipe.seed] for one in self.trainers), strict=True)
            sums += self._step(epoch, step, self.runtime.batch(torch.cat(pixels, 1)), torch.stack(labels, 1))
            if (step + 1) % self.look_every and step + 1 < self.steps:
                continue
            self._look(epoch, step, sums[0].tolist(), pixels)
            if stop_requested():
                raise Interrupted(f"stopped in epoch {epoch + 1}, after step {step + 1} of {self.steps}")
        for place in self._alive:
            self._hand_back(place)
        found: list[list[float]] = sums.tolist()
        return found

    def _step(self, epoch: int, step: int, pixels: Tensor, labels: Tensor) -> Tensor:
        """One update of all nets: pixels (N, K C, H, W), labels (N, K) or (N, K, classes).

        Returns the sums of loss and hits, (2, K).
        """
        rates = [one.set_rate(epoch, step) for one in self.trainers]
        with self.runtime.autocast():
            out = self.wide(pixels, self._generators(epoch, step)) if self.wide.draws else self.forward(pixels)
        logits = out.unflatten(1, (len(self.trainers), -1))
        losses = self.losses(logits.flatten(0, 1), labels.flatten(0, 1)).view(logits.shape[:2])
        self.update.zero_gradients()
        (losses.sum() / len(labels)).backward()  # type: ignore[no-untyped-call]
        self.update.step(rates)
        hits = (logits.argmax(2) == hard_labels(labels)).sum(0)
        return torch.stack([losses.detach().sum(0), hits.to(losses.dtype)])

    def _generators(self, epoch: int, step: int) -> list[Generator]:
        """Each net's dropout of this step."""
        seeds = [one.dropout_seed(epoch, step) for one in self.trainers]
        each = {seed: Generator(self.runtime.device).manual_seed(seed) for seed in set(seeds)}
        return [each[seed] for seed in seeds]

    def _look(self, epoch: int, step: int, losses: list[float], pixels: Sequence[Tensor]) -> None:
        """Part with the nets whose loss is not finite; the others do not feel them."""
        for place in self._alive:
            if not isfinite(losses[place]):
                self._hand_back(place)
                what = f"the loss became {losses[place]}"
                self.failed[place] = self.trainers[place].non_finite(what, epoch, step, pixels[place])

    def _hand_back(self, place: int) -> None:
        net = self.trainers[place].trained_net
        assert isinstance(net, Net)
        self.wide.hand_back(net, place)

    def _attempt(self, place: int, do: Callable[[], object]) -> None:
        try:
            do()
        except NonFiniteError as error:
            self.failed[place] = error


def _decays(trainer: Trainer) -> dict[str, float]:
    """The weight decay of each parameter, as the trainer's own optimizer has it."""
    groups = trainer.state.optimizer.param_groups
    decays = {id(parameter): group["weight_decay"] for group in groups for parameter in group["params"]}
    return {name: decays[id(p)] for name, p in trainer.trained_net.named_parameters() if id(p) in decays}
