"""The layers of any module in the order they run, found by running it once on two black images."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from assay.core.errors import ShapeError
from assay.models.layer import Layer


def leaf_layers(net: nn.Module) -> dict[str, nn.Module]:
    """The modules that compute something, by name: those with direct parameters or buffers, or without children."""
    return {name: m for name, m in net.named_modules() if not any(m.children()) or _has_tensors(m)}


def execution_order(net: nn.Module, shape: tuple[int, int, int]) -> list[str]:
    """The names of the layers in the order of their first run, for images (C, H, W).

    A layer that its module uses without running it follows that module. Raises ShapeError for images that the net does
    not take.
    """
    first: dict[str, int] = {}

    def note(name: str, module: nn.Module, out: Any) -> None:
        first.setdefault(name, len(first))

    with _hooks(net, note, before=True):
        _probe(net, shape)

    def place(name: str) -> int:
        return first[name] if name in first or not name else place(name.rpartition(".")[0])

    return sorted(leaf_layers(net), key=place)


def trace_layers(net: nn.Module, shape: tuple[int, int, int]) -> list[Layer]:
    """The layers in order with their shapes and costs, for images (C, H, W). The net may be on the device `meta`.

    Raises ShapeError for images that the net does not take.
    """
    rows: dict[str, Layer] = {}
    layers = leaf_layers(net)

    def note(name: str, module: nn.Module, out: Any) -> None:
        if name in layers and isinstance(out, Tensor):
            rows[name] = _row(name, module, out)

    with _hooks(net, note):
        _probe(net, shape)
    return list(rows.values())


def run_black_images(net: nn.Module, shape: tuple[int, int, int]) -> Any:
    """The net's output for two black images (C, H, W), in eval mode, without gradients, on the net's device.

    The net's mode is restored. Raises whatever the net raises.
    """
    training, parameter = net.training, next(net.parameters(), None)
    device = None if parameter is None else parameter.device
    try:
        with torch.no_grad():
            return net.eval()(torch.zeros(2, *shape, device=device))
    finally:
        net.train(training)


def _probe(net: nn.Module, shape: tuple[int, int, int]) -> None:
    try:
        run_black_images(net, shape)
    except (RuntimeError, ValueError, AssertionError) as error:
        raise ShapeError(
            f"{type(net).__name__} does not take images of {shape[1]} x {shape[2]} px: {error}; "
            "'preprocess: net' enlarges them"
        ) from None


@contextmanager
def _hooks(net: nn.Module, note: Callable[[str, nn.Module, Any], None], *, before: bool = False) -> Iterator[None]:
    """Within it, `note(name, module, output)` is called after each module has run; before: ahead of it, with None."""
    handles = []
    for name, module in net.named_modules():
        if before:
            hook = module.register_forward_pre_hook(lambda m, _, name=name: note(name, m, None))
        else:
            hook = module.register_forward_hook(lambda m, _, out, name=name: note(name, m, out))
        handles.append(hook)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _row(name: str, module: nn.Module, out: Tensor) -> Layer:
    parameters = sum(p.numel() for p in module.parameters(recurse=False))
    words = [type(module).__name__]
    if isinstance(module, nn.Conv2d):
        words += [str(module.out_channels), "x".join(map(str, module.kernel_size))]
        words += [f"stride {module.stride[0]}"] if module.stride[0] > 1 else []
        words += [f"groups {module.groups}"] if module.groups > 1 else []
    return Layer(
        shape=tuple(out.shape[1:]), how=" ".join(words), make=lambda: module, mult_adds=_mult_adds(module, out),
        line=name, parameters=parameters, statistics=_statistics(module),
    )  # fmt: skip


def _mult_adds(module: nn.Module, out: Tensor) -> int:
    """For one image: each weight is used once per output position."""
    if isinstance(module, nn.Conv2d):
        return module.weight.numel() * out.shape[2] * out.shape[3]
    if isinstance(module, nn.Linear):
        return module.weight.numel() * (out[0].numel() // module.out_features)
    return 0


def _statistics(module: nn.Module) -> int:
    return 2 * module.num_features if isinstance(module, nn.BatchNorm2d) and module.track_running_stats else 0


def _has_tensors(module: nn.Module) -> bool:
    """Whether it has parameters or buffers itself, not only in its children."""
    return any(True for _ in module.parameters(recurse=False)) or any(True for _ in module.buffers(recurse=False))
