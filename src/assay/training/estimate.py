"""The size of a run, estimated before it starts: parameters, mult-adds, floating-point operations and minutes."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from assay.training.dry_run import seconds_per_epoch
from assay.training.trainer import Trainer


@dataclass(frozen=True)
class RunEstimate:
    """The size of a run. Its cost is in epochs of full-size images; smaller images cost less."""

    parameters: int
    mult_adds: int  # of one image, forward; convolutions and linear layers without their biases
    images: int  # per epoch
    epochs: int
    cost: float  # of all epochs
    seconds_per_epoch: float  # of full-size images

    @property
    def flop(self) -> float:
        """Floating-point operations: forward plus a backward pass of twice that, at two operations per mult-add."""
        return training_flop(self.mult_adds, self.images, self.cost)

    @property
    def minutes(self) -> float:
        """The estimated time of all epochs. Early stopping may end a run sooner."""
        return self.seconds_per_epoch * self.cost / 60

    def text(self) -> str:
        """The estimate as one line for the user."""
        plural = "s" if self.epochs > 1 else ""
        return (
            f"{self.parameters:,} parameters, {self.mult_adds / 1e6:,.2f} M mult-adds per image; "
            f"{self.epochs} epoch{plural} of {self.images:,} images: "
            f"{self.flop / 1e15:.3g} PFLOP, about {self.minutes:.1f} min"
        )


def training_flop(mult_adds: int, images: int, epochs: float) -> float:
    """Operations of a training: forward plus a backward pass of twice that, at two operations per mult-add.

    mult_adds: of one whole image; epochs: in epochs of whole images; an epoch of smaller images is less than one.
    """
    return 3.0 * 2 * mult_adds * images * epochs


def estimate_run(trainer: Trainer) -> RunEstimate:
    """Count the net's parameters and operations, and time a few training steps, which are then undone."""
    loader, net = trainer.loader, trainer.state.net
    cache = loader.feature_cache
    return RunEstimate(
        parameters=sum(p.numel() for p in net.parameters() if p.requires_grad),
        mult_adds=mult_adds(trainer.trained_net, cache.split_model.feature_shape if cache else loader.preprocess.shape),
        images=len(loader),
        epochs=trainer.recipe.training.epochs,
        cost=trainer.cumulative_cost[-1],
        seconds_per_epoch=seconds_per_epoch(trainer),
    )


@torch.no_grad()
def mult_adds(net: nn.Module, shape: tuple[int, ...]) -> int:
    """Mult-adds of a forward pass of one image (C, H, W) or its features, counted by PyTorch for any module."""
    is_training, device = net.training, next(net.parameters()).device
    net.eval()
    counter = FlopCounterMode(display=False)
    with counter:
        net(torch.zeros(1, *shape, device=device))
    net.train(is_training)
    return int(counter.get_total_flops() // 2)
