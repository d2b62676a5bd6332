"""The training loop: one net, one recipe, epoch by epoch, from any point on. Files and screens belong to others."""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from math import isfinite

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from assay.core.errors import AssayError, Interrupted, NonFiniteError
from assay.core.randomness import Stream, seeded, stream_seed
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.data.sampler import cut_batches, epoch_order
from assay.models.freezing import Frozen
from assay.models.fused import fuse
from assay.recipes.recipe import Recipe
from assay.training.callbacks import NO_HOOKS, Callback, EpochHooks, Progress
from assay.training.checkpoint import TrainState, copy_weights
from assay.training.distributed import SINGLE_PROCESS, ProcessGroup
from assay.training.early_stopping import best_epoch, should_stop
from assay.training.feature_cache import FeatureLoader
from assay.training.history import Epoch
from assay.training.inference import infer
from assay.training.loader import BatchLoader
from assay.training.losses import hard_labels, loss_function
from assay.training.memory import ERRORS, ran_out, release
from assay.training.nan_check import first_bad_tensor
from assay.training.optimizers import build_optimizer, choose_trained
from assay.training.schedules import Horizon, learning_rate

PROBE_STEPS, PROBE_SECONDS = 5, 1.0


class Trainer:
    """Trains a net on the images of a BatchLoader; only `state` changes, so a saved state resumes where it was."""

    def __init__(
        self, recipe: Recipe, net: nn.Module, loader: BatchLoader | FeatureLoader, validation: ImageSet | None,
        runtime: Runtime,
        hooks: EpochHooks = NO_HOOKS,
        process_group: ProcessGroup = SINGLE_PROCESS,
        frozen: Frozen | None = None,
    ) -> None:  # fmt: skip
        """hooks: what fault injection changes about an epoch.

        process_group: the processes that train this net together. frozen: the layers that are not trained.
        """
        self.hooks, self.process_group = hooks, process_group
        self.recipe, self.loader, self.validation, self.runtime = recipe, loader, validation, runtime
        self.frozen = frozen
        if frozen:
            frozen.apply(net.train(), frozen.widest)  # the optimizer holds all that is ever trained
        self.fixed = frozen.fixed(net) if frozen else frozenset[str]()
        net = process_group.synchronize(runtime.place(net))
        with recipe.blame("optimizer"):
            self.state = TrainState(net, build_optimizer(recipe.optimizer, net), best=copy_weights(net, self.fixed))
        self.feature_cache = loader.cache if isinstance(loader, FeatureLoader) else None
        self.trained_net = (
            self.feature_cache.split_model.back if self.feature_cache else net
        )  # what takes the batches of the loader
        self.eager = fuse(self.trained_net)
        self.forward = runtime.compile(self.eager)
        self.has_batch_norm = any(
            isinstance(one, nn.modules.batchnorm._BatchNorm) for one in self.trained_net.modules()
        )
        self.told_parts = 1  # whoever watches has been told of them
        self.loss = loss_function(recipe.loss)
        self.steps = len(self._batches(0))
        shares = (loader.share(epoch) for epoch in range(recipe.training.epochs))
        self.work = list(accumulate(shares, initial=0.0))  # before each epoch and after the last, in whole epochs
        # Looking at a loss makes a GPU wait, so there only now and then; the sum keeps any NaN until then.
        self.look_every = 1 if runtime.device == "cpu" else 50

    def run(self, callback: Callback, save: Callable[[TrainState], None], stop_requested: Callable[[], bool]) -> None:
        """Train to the recipe's end, calling `save` after every epoch.

        Raises NonFiniteError when a loss or weight is not finite; Interrupted, after a save, when asked to stop.
        """
        while not self.finished:
            self._train_epoch(callback, save, stop_requested)
            is_best = self.finish_epoch()
            save(self.state)
            callback.on_epoch_end(self.state.history[-1], is_best)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or patience ran out."""
        history = self.state.history
        return len(history) >= self.recipe.training.epochs or should_stop(
            self.recipe.stopping, self.hooks.select(history)
        )

    @property
    def best_epoch(self) -> int:
        """The epoch, from 1, whose weights `state.best` holds."""
        return best_epoch(self.recipe.stopping, self.hooks.select(self.state.history))

    def seconds_per_epoch(self) -> float:
        """An estimate from a few real steps on whole images, validation included (a forward pass is a third).

        Afterwards all is as it was.
        """
        last = self.recipe.training.epochs - 1
        self._choose_trained(last)
        with self.dry_run() as twin:
            twin._step(0, 0, *next(self.iter_batches(last)))  # the first step pays for set-up
            started, images = time.perf_counter(), 0
            for step, (pixels, labels) in zip(range(PROBE_STEPS), self.iter_batches(last), strict=False):
                twin._step(0, step, pixels, labels).sum().item()  # a GPU has to finish before the clock is read
                images += len(labels)
                if self.process_group.reduce_any(time.perf_counter() - started > PROBE_SECONDS):
                    break
            seconds = time.perf_counter() - started
        validation = len(self.validation) / 3 if self.validation else 0.0
        return (len(self.loader) + validation) * seconds / images

    @contextmanager
    def dry_run(self) -> Iterator["Trainer"]:
        """A trainer whose steps leave no trace but what they told of memory."""
        net, before = self.state.net, copy_weights(self.state.net, self.fixed)
        twin = copy.copy(self)
        twin.state = TrainState(
            net, build_optimizer(self.recipe.optimizer, net), best={}, micro_batches=self.state.micro_batches
        )
        try:
            yield twin
        finally:
            twin.state.optimizer.zero_grad(set_to_none=True)
            net.load_state_dict(before)
            self.state.micro_batches = twin.state.micro_batches

    def try_batch(self, size: int) -> None:
        """One update on so many images at once, whatever the recipe's batches are; for a dry_run."""
        indices = torch.arange(size, device=self.runtime.device)
        pixels, labels = next(self.loader.epoch((indices,), self.recipe.training.epochs - 1, lambda group: 0))
        self._backward(self.eager, 0, 0, pixels, labels, size)
        self.state.optimizer.step()

    def _batches(self, epoch: int) -> tuple[torch.Tensor, ...]:
        training = self.recipe.training
        indices = epoch_order(len(self.loader), self.recipe.seed, epoch, training.shuffle)
        return cut_batches(indices.to(self.runtime.device), training.images_a_step)  # moved once, not once a step

    def iter_batches(self, epoch: int, start: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Pixels and labels of each step of an epoch."""
        seed = partial(stream_seed, self.recipe.seed, Stream.AUGMENT, epoch)
        return self.loader.epoch(self._batches(epoch), epoch, seed, start)

    def _train_epoch(
        self, callback: Callback, save: Callable[[TrainState], None], stop_requested: Callable[[], bool]
    ) -> None:
        state, epoch = self.state, len(self.state.history)
        self._choose_trained(epoch)
        seen = state.step * self.recipe.training.images_a_step  # before the run was stopped
        before, started = state.epoch_seconds, time.perf_counter()
        wide = torch.float32 if self.runtime.device == "mps" else torch.float64  # MPS has no float64
        sums = torch.tensor(state.sums, dtype=wide, device=self.runtime.device)
        for step, (pixels, labels) in enumerate(self.iter_batches(epoch, state.step), state.step):
            seen += len(labels)
            sums += self._step(epoch, step, pixels, labels)
            self._tell_parts(callback, len(labels))
            state.step = step + 1
            if state.step % self.look_every and state.step < self.steps:
                continue
            state.sums = (sums[0].item(), sums[1].item())
            state.epoch_seconds = before + time.perf_counter() - started
            if not isfinite(state.sums[0]):
                raise self.non_finite(f"the loss became {state.sums[0]}", epoch, step, pixels)
            callback.on_step(self._progress(epoch, seen))
            if self.process_group.reduce_any(stop_requested()):
                save(state)
                raise Interrupted(f"stopped in epoch {epoch + 1}, after step {state.step} of {self.steps}")

    def _choose_trained(self, epoch: int) -> None:
        """Put the net into training mode, but for what of it is not trained in this epoch."""
        self.state.net.train()
        self.trained_net.train()
        if self.frozen:
            self.frozen.apply(self.state.net, self.frozen.at(epoch))
        choose_trained(self.recipe.optimizer, self.state.net, epoch)

    def _step(self, epoch: int, step: int, pixels: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """One update; returns the sums over the batch of loss and hits, float64 (2,), still on the device."""
        state, process_group, clip_norm = self.state, self.process_group, self.recipe.optimizer.clip_norm
        self.set_rate(epoch, step)
        sums = self._gradients(epoch, step, process_group.shard(pixels), process_group.shard(labels), len(labels))
        sums = process_group.all_reduce(state.net, sums)
        if clip_norm is not None:
            clip_grad_norm_(state.net.parameters(), clip_norm)
        state.optimizer.step()
        return sums

    def _gradients(self, epoch: int, step: int, pixels: torch.Tensor, labels: torch.Tensor, n: int) -> torch.Tensor:
        """The gradients of a batch; where memory runs out, in twice as many parts."""
        while True:
            # A step in parts has other sizes than the one that a GPU's graphs were recorded for.
            forward = self.forward if self.state.micro_batches == 1 else self.eager
            try:
                return self._backward(forward, epoch, step, pixels, labels, n)
            except ERRORS as error:
                if not ran_out(error):
                    raise
                self._double_parts(len(labels), str(error).partition("\n")[0])
            release(self.runtime.device)  # only here is the error gone, and with it all that it kept alive

    def _backward(
        self, forward: Callable[[torch.Tensor], torch.Tensor],
        epoch: int, step: int, pixels: torch.Tensor, labels: torch.Tensor, n: int,
    ) -> torch.Tensor:  # fmt: skip
        """Add up the gradients of a batch's parts; `n` is its size in all processes. Returns the sums as `_step`."""
        self.state.optimizer.zero_grad(set_to_none=True)
        parts, sums = self._parts_of(len(labels)), []
        with seeded(self.dropout_seed(epoch, step), self.runtime.device):
            for some, theirs in zip(pixels.tensor_split(parts), labels.tensor_split(parts), strict=True):
                with self.runtime.autocast():
                    logits = forward(some)
                loss = self.process_group.scale_loss(self.loss(logits, theirs), len(theirs), n)
                loss.backward()  # type: ignore[no-untyped-call]
                hits = (logits.argmax(1) == hard_labels(theirs)).sum()
                sums.append(torch.stack([loss.detach() * n, hits.to(loss.dtype)]))
        return sums[0] if parts == 1 else torch.stack(sums).sum(0)

    def _parts_of(self, n: int) -> int:
        """Batch norm cannot do with one image."""
        return max(1, min(self.state.micro_batches, n // (2 if self.has_batch_norm else 1)))

    def _double_parts(self, n: int, reason: str) -> None:
        parts = self._parts_of(n)
        self.state.micro_batches = 2 * parts
        if self.process_group.size > 1:  # the others do not know, and batch norm waits for them
            raise AssayError(f"memory ran out with {n} images in a process; lower training.batch_size")
        if self._parts_of(n) == parts:
            size = -(-n // parts)
            raise AssayError(
                f"memory ran out with {size} images at once ({reason}); use a smaller net or smaller images"
            )

    def _tell_parts(self, callback: Callback, n: int) -> None:
        if self.state.micro_batches == self.told_parts:
            return
        self.told_parts = self.state.micro_batches
        size = -(-n // self._parts_of(n))
        norm = "; batch norm sees each by itself, as it would in batches of that size" if self.has_batch_norm else ""
        callback.on_message(f"memory ran out: batches are trained in parts of {size} images, gradients added up{norm}")

    def set_rate(self, epoch: int, step: int) -> float:
        """Give the optimizer the learning rate of this step; returns it."""
        peak, schedule, step = self.recipe.optimizer.lr, self.recipe.schedule, epoch * self.steps + step
        rate = learning_rate(schedule, peak, step, self._horizon, self._validation_losses)
        for group in self.state.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * (rate / peak)
        return rate

    def dropout_seed(self, epoch: int, step: int) -> int:
        """What decides the dropout of a step."""
        return stream_seed(self.recipe.seed, Stream.DROPOUT, epoch, step, *self.process_group.seed_suffix)

    @property
    def _horizon(self) -> Horizon:
        return Horizon(self.steps, self.recipe.training.epochs)

    @property
    def _validation_losses(self) -> list[float]:
        return [row.validation_loss for row in self.state.history if row.validation_loss is not None]

    def finish_epoch(self) -> bool:
        """Validate, write the epoch's row and keep the weights if they are the best; returns whether they are."""
        state, n = self.state, len(self.loader)
        rate = state.optimizer.param_groups[0]["lr"]
        train_seconds, started = state.epoch_seconds, time.perf_counter()
        loss, accuracy = self._validate()
        row = Epoch(
            epoch=len(state.history) + 1,
            seconds=train_seconds + time.perf_counter() - started,
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
            state.best = copy_weights(state.net, self.fixed)
        return is_best

    def _validate(self) -> tuple[float | None, float | None]:
        net, epoch = self.state.net, len(self.state.history)
        for name, parameter in net.named_parameters():
            if parameter.requires_grad and not parameter.isfinite().all():
                raise NonFiniteError(self._advice(f"the weights '{name}' are not finite after epoch {epoch + 1}"))
        if self.validation is None:
            return None, None
        labels = self.process_group.shard(torch.from_numpy(self.validation.labels))
        if self.feature_cache:
            logits = self.feature_cache.logits(
                self.process_group.shard(self.feature_cache.features(self.validation, exact=True)), self.runtime
            )
        else:
            images = self.process_group.shard(torch.from_numpy(self.validation.images))
            logits = infer(net, images, self.loader.preprocess, self.runtime)
        loss = self.process_group.reduce_mean(cross_entropy(logits, labels).item(), len(labels))
        if not isfinite(loss):
            raise NonFiniteError(self._advice(f"the validation loss is {loss} after epoch {epoch + 1}"))
        return loss, self.process_group.reduce_mean((logits.argmax(1) == labels).double().mean().item(), len(labels))

    def non_finite(self, what: str, epoch: int, step: int, pixels: torch.Tensor) -> NonFiniteError:
        """The error for a loss that is not finite, with the first bad tensor and advice."""
        bad = first_bad_tensor(self.trained_net, pixels)
        return NonFiniteError(
            self._advice(f"{what} in epoch {epoch + 1}, step {step + 1}; the first bad tensor is {bad}")
        )

    def _advice(self, what: str) -> str:
        return (
            f"{what}. The last good weights are kept. Try a lower learning rate (optimizer.lr is "
            f"{self.recipe.optimizer.lr:g}), a warm-up (schedule.warmup_epochs) or optimizer.clip_norm."
        )

    def _progress(self, epoch: int, seen: int) -> Progress:
        state, epochs, n = self.state, self.recipe.training.epochs, len(self.loader)
        done = self.work[epoch] + (self.work[epoch + 1] - self.work[epoch]) * seen / n
        seconds = sum(row.seconds for row in state.history) + state.epoch_seconds
        left = max(0.0, seconds * (self.work[-1] - done) / done)
        rate = seen / state.epoch_seconds
        return Progress(epoch + 1, epochs, seen, n, state.sums[0] / seen, state.sums[1] / seen, rate, left)
