"""The check, before training, that batch norm gets more than one value per channel."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from assay.core.errors import UsageError
from assay.training.trainer import Trainer


def check_batch_norm(trainer: Trainer) -> None:
    """Raise UsageError if a batch of a single image has no variance for a batch norm.

    A batch norm over images has a value per pixel, so it trains on a single image; one over features has one value.
    """
    name = _first_without_variance(trainer)
    if name is None:
        return
    problem = f"batch norm learns from the variance of a batch, and '{name}' gets one value per channel from"
    if len(trainer.loader) == 1:
        raise UsageError(f"{problem} the only training image; give it at least two", at=("data",))
    raise UsageError(f"{problem} a batch of one image; use batches of at least two", at=("training", "batch_size"))


def _first_without_variance(trainer: Trainer) -> str | None:
    """The first trained batch norm that gets one value per channel from one image."""
    net, frozen, names = trainer.state.net.train(), trainer.frozen, list[str]()
    if frozen:
        frozen.apply(net, frozen.first_trained)

    def hook_of(name: str) -> object:
        def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if inputs[0].numel() == inputs[0].shape[1]:
                names.append(name)

        return note

    layers = [(name, layer) for name, layer in net.named_modules() if isinstance(layer, _BatchNorm) and layer.training]
    handles = [layer.register_forward_pre_hook(hook_of(name)) for name, layer in layers]  # type: ignore[arg-type]
    pixels, _ = next(trainer.iter_batches(0))
    try:
        with torch.no_grad(), trainer.runtime.autocast():
            trainer.trained_net.eval()(pixels[:1])
    finally:
        for handle in handles:
            handle.remove()
    return names[0] if names else None
