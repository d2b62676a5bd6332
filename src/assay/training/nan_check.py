"""Where a number that is not finite first appeared: the weights, or the output of a layer."""

import torch
from torch import nn


@torch.no_grad()
def first_bad_tensor(net: nn.Module, pixels: torch.Tensor) -> str:
    """Names the first tensor with a NaN or an infinity, in the order of computation; pixels (N, C, H, W)."""
    if not pixels.isfinite().all():
        return "the input pixels"
    for name, parameter in net.named_parameters():
        if not parameter.isfinite().all():
            return f"the weights '{name}'"
    return _first_bad_output(net, pixels) or "the loss itself"


def _first_bad_output(net: nn.Module, pixels: torch.Tensor) -> str | None:
    found: list[str] = []

    def watch(name: str, module: nn.Module) -> None:
        def check(_module: nn.Module, _inputs: object, output: object) -> None:
            if not found and isinstance(output, torch.Tensor) and not output.isfinite().all():
                found.append(f"the output of layer '{name}' ({module})")

        hooks.append(module.register_forward_hook(check))

    hooks: list[torch.utils.hooks.RemovableHandle] = []
    for name, module in net.named_modules():
        if not list(module.children()):
            watch(name, module)
    try:
        net(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None
