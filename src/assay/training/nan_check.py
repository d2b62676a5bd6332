"""Values that are not finite: where the first one appears, and the finding and error for the user."""

import torch
from torch import Tensor, nn

from assay.core.errors import NonFiniteError
from assay.core.finding import Finding, Severity


def divergence(message: str, learning_rate: float) -> Finding:
    """The finding for a loss or weight that is not finite. message: which value, and where."""
    return Finding(
        rule="non-finite",
        severity=Severity.ERROR,
        message=message,
        evidence={"optimizer.lr": learning_rate},
        cause="the updates are too large",
        fix=(
            f"Try a lower learning rate (optimizer.lr is {learning_rate:g}), a warm-up (schedule.warmup_epochs) or "
            "optimizer.clip_norm."
        ),
    )


def divergence_error(message: str, learning_rate: float) -> NonFiniteError:
    """The error that ends a run whose loss or weights are not finite."""
    finding = divergence(message, learning_rate)
    return NonFiniteError(f"{finding.message}. The last good weights are kept. {finding.fix}")


def check_weights(net: nn.Module, epoch: int, learning_rate: float) -> None:
    """Raise NonFiniteError if a trained weight is not finite after an epoch, counted from 0."""
    for name, parameter in net.named_parameters():
        if parameter.requires_grad and not parameter.isfinite().all():
            raise divergence_error(f"the weights '{name}' are not finite after epoch {epoch + 1}", learning_rate)


@torch.no_grad()
def first_bad_tensor(net: nn.Module, pixels: Tensor) -> str:
    """Name the first tensor with a NaN or an infinity, in order of computation, for pixels (N, C, H, W)."""
    if not pixels.isfinite().all():
        return "the input pixels"
    for name, parameter in net.named_parameters():
        if not parameter.isfinite().all():
            return f"the weights '{name}'"
    return _first_bad_output(net, pixels) or "the loss itself"


def _first_bad_output(net: nn.Module, pixels: Tensor) -> str | None:
    bad_outputs: list[str] = []

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def check(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and not output.isfinite().all():
                bad_outputs.append(f"the output of layer '{name}' ({module})")

        return module.register_forward_hook(check)

    leaves = [(name, module) for name, module in net.named_modules() if not list(module.children())]
    hooks = [watch(name, module) for name, module in leaves]
    try:
        net(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    return bad_outputs[0] if bad_outputs else None
