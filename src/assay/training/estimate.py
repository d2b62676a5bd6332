"""What a run is going to cost: parameters, mult-adds, total work and minutes, said before it starts."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from assay.training.trainer import Trainer


@dataclass(frozen=True)
class RunEstimate:
    """The size of a run."""

    parameters: int
    mult_adds: int  # one image, one forward pass; convolutions and linear layers without their biases
    images: int  # in an epoch
    epochs: int
    work: float  # of all epochs, in epochs of whole images: a window is less
    seconds_per_epoch: float  # of whole images

    @property
    def flop(self) -> float:
        """Floating-point operations: 3 x forward (the backward pass costs two more), 2 for each mult-add."""
        return 3.0 * 2 * self.mult_adds * self.images * self.work

    @property
    def minutes(self) -> float:
        """The estimated time of all epochs; patience may end a run earlier."""
        return self.seconds_per_epoch * self.work / 60

    def text(self) -> str:
        """One line for people."""
        return (
            f"{self.parameters:,} parameters, {self.mult_adds / 1e6:,.2f} M mult-adds an image; "
            f"{self.epochs} epoch{'s' if self.epochs > 1 else ''} of {self.images:,} images: "
            f"{self.flop / 1e15:.3g} PFLOP, about {self.minutes:.1f} min"
        )


def estimate_run(trainer: Trainer) -> RunEstimate:
    """Counts the net and times a few real steps of it, which leave no trace."""
    net, cache = trainer.state.net, trainer.feature_cache
    return RunEstimate(
        parameters=sum(p.numel() for p in net.parameters() if p.requires_grad),
        mult_adds=mult_adds(trainer.trained_net, cache.split_model.shape if cache else trainer.loader.preprocess.shape),
        images=len(trainer.loader),
        epochs=trainer.recipe.training.epochs,
        work=trainer.work[-1],
        seconds_per_epoch=trainer.seconds_per_epoch(),
    )


@torch.no_grad()
def mult_adds(net: nn.Module, shape: tuple[int, ...]) -> int:
    """Mult-adds of one forward pass of one image (C, H, W) or its features, counted by torch itself on any module."""
    training, device = net.training, next(net.parameters()).device
    net.eval()
    counter = FlopCounterMode(display=False)
    with counter:
        net(torch.zeros(1, *shape, device=device))
    net.train(training)
    return int(counter.get_total_flops() // 2)
