"""The StackedTrainer: trains several nets at once as one stacked net. Their recipes differ in seed and rates only.

Each net keeps its own order of images, augmentation, dropout, schedule and history; the nets share the work of a step.
The stacked engine decides which recipes fit together and writes the run folders.
"""

import time
from collections.abc import Callable, Sequence
from math import isfinite

import torch
from torch import Generator, Tensor

from assay.core.errors import Interrupted, NonFiniteError
from assay.models.sequential import Net
from assay.models.stacked import StackedNet
from assay.training.losses import hard_labels
from assay.training.stacked_optimizer import StackedOptimizer
from assay.training.trainer import ShouldStop, Trainer, sum_dtype


class StackedTrainer:
    """Trains the nets of all trainers at once. Each trainer's state becomes what its own `run` would give.

    The trainers share images and batch sizes, and each trains a Net, such as a head on cached features. `errors` holds
    the error of each diverged net by its place among the trainers; the other nets train on.
    """

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        self.trainers, first = trainers, trainers[0]
        nets = [trainer.trained_net for trainer in trainers if isinstance(trainer.trained_net, Net)]
        self.stacked_net = StackedNet(nets).train()
        self.forward = self.stacked_net if self.stacked_net.has_dropout else first.runtime.compile(self.stacked_net)
        specs = [trainer.recipe.optimizer for trainer in trainers]
        decays, penalties = ([_factors(trainer, key) for trainer in trainers] for key in ("weight_decay", "penalty"))
        clips = first.recipe.optimizer.clip_norm is not None
        self.optimizer = StackedOptimizer(self.stacked_net, specs, decays, penalties if clips else ())
        self.loss = first.recipe.loss.function(reduction="none")
        self.runtime, self.steps, self.check_every = first.runtime, first.steps, first.check_every
        self.errors: dict[int, NonFiniteError] = {}

    @property
    def finished(self) -> bool:
        """Whether all epochs are trained or every net has diverged."""
        return not self._healthy or self.trainers[self._healthy[0]].finished

    def train_epoch(self, should_stop: ShouldStop) -> None:
        """Train and validate one epoch. Raises Interrupted when a stop is requested."""
        start, count = time.perf_counter(), len(self._healthy)
        epoch = len(self.trainers[self._healthy[0]].state.history)
        losses, hits = self._train_steps(epoch, should_stop)
        seconds = (time.perf_counter() - start) / count  # each net's share
        for place in self._healthy:
            state = self.trainers[place].state
            state.sums, state.epoch_seconds = (losses[place], hits[place]), seconds
            self._attempt(place, self.trainers[place].finish_epoch)

    @property
    def _healthy(self) -> list[int]:
        """The places of the nets that have not diverged."""
        return [place for place in range(len(self.trainers)) if place not in self.errors]

    def _train_steps(self, epoch: int, should_stop: ShouldStop) -> list[list[float]]:
        """Train all steps of an epoch; returns the sums of loss and of hits over its images, one per net."""
        sums = torch.zeros(2, len(self.trainers), dtype=sum_dtype(self.runtime), device=self.runtime.device)
        seeds = [trainer.recipe.seed for trainer in self.trainers]
        # Trainers with the same seed see the same batches.
        iterators = {trainer.recipe.seed: trainer.iter_batches(epoch) for trainer in self.trainers}
        for step in range(self.steps):
            batches = {seed: next(iterator) for seed, iterator in iterators.items()}
            pixels, labels = zip(*(batches[seed] for seed in seeds), strict=True)
            sums += self._step(epoch, step, self.runtime.batch(torch.cat(pixels, 1)), torch.stack(labels, 1))
            if (step + 1) % self.check_every and step + 1 < self.steps:
                continue
            self.drop_diverged(epoch, step, sums[0].tolist(), pixels)
            if should_stop():
                raise Interrupted(f"stopped in epoch {epoch + 1}, after step {step + 1} of {self.steps}")
        for place in self._healthy:
            self._copy_weights_back(place)
        loss_and_hit_sums: list[list[float]] = sums.tolist()
        return loss_and_hit_sums

    def _step(self, epoch: int, step: int, pixels: Tensor, labels: Tensor) -> Tensor:
        """Update all nets: pixels (N, K C, H, W), labels (N, K) or (N, K, classes).

        Returns the sums of loss and hits, (2, K).
        """
        rates = [trainer.optimizer_step.set_learning_rate(trainer.state, epoch, step) for trainer in self.trainers]
        with self.runtime.autocast():
            if self.stacked_net.has_dropout:
                outputs = self.stacked_net(pixels, self._generators(epoch, step))
            else:
                outputs = self.forward(pixels)
        logits = outputs.unflatten(1, (len(self.trainers), -1))
        losses = self.loss(logits.flatten(0, 1), labels.flatten(0, 1)).view(logits.shape[:2])
        self.optimizer.zero_grad()
        (losses.sum() / len(labels)).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step(rates)
        hits = (logits.argmax(2) == hard_labels(labels)).sum(0)
        return torch.stack([losses.detach().sum(0), hits.to(losses.dtype)])

    def _generators(self, epoch: int, step: int) -> list[Generator]:
        """The generator of each net's dropout in a step; nets with the same seed share one."""
        seeds = [trainer.optimizer_step.dropout_seed(epoch, step) for trainer in self.trainers]
        by_seed = {seed: Generator(self.runtime.device).manual_seed(seed) for seed in set(seeds)}
        return [by_seed[seed] for seed in seeds]

    def drop_diverged(self, epoch: int, step: int, losses: list[float], pixels: Sequence[Tensor]) -> None:
        """Drop diverged nets; the rest are unaffected."""
        for place in self._healthy:
            if not isfinite(losses[place]):
                self._copy_weights_back(place)
                check_loss = self.trainers[place].check_loss
                self._attempt(place, check_loss, losses[place], epoch, step, pixels[place])

    def _copy_weights_back(self, place: int) -> None:
        net = self.trainers[place].trained_net
        assert isinstance(net, Net)
        self.stacked_net.copy_to(net, place)

    def _attempt(self, place: int, function: Callable[..., object], *arguments: object) -> None:
        """Call a function and record a NonFiniteError as that of the net at `place`."""
        try:
            function(*arguments)
        except NonFiniteError as error:
            self.errors[place] = error


def _factors(trainer: Trainer, key: str) -> dict[str, float]:
    """The `weight_decay` or `penalty` of each parameter, as in the trainer's own optimizer."""
    groups = trainer.state.optimizer.param_groups
    factors = {id(parameter): group.get(key, 0.0) for group in groups for parameter in group["params"]}
    return {name: factors[id(p)] for name, p in trainer.trained_net.named_parameters() if id(p) in factors}
