"""The layers of any module, in the order in which it runs them. What lists of lines say of themselves: `layers.py`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from assay.core.errors import ShapeError
from assay.models.layers import Layer


def layers_of(net: nn.Module) -> dict[str, nn.Module]:
    """The modules that do something themselves, by name: with parameters or buffers of their own, or nothing inside."""
    return {name: module for name, module in net.named_modules() if not any(module.children()) or _own(module)}


def in_order(net: nn.Module, shape: tuple[int, int, int]) -> list[str]:
    """The names of the layers in the order of their first run, for images (C, H, W).

    A layer that its module uses without running it stands right behind that module. Raises ShapeError where the net
    does not take such images.
    """
    first: dict[str, int] = {}

    def note(name: str, module: nn.Module, out: Any) -> None:
        first.setdefault(name, len(first))

    with _hooked(net, note, before=True):
        run_once(net, shape)

    def place(name: str) -> int:
        return first[name] if name in first or not name else place(name.rpartition(".")[0])

    return sorted(layers_of(net), key=place)


def walk(net: nn.Module, shape: tuple[int, int, int]) -> list[Layer]:
    """The layers in order as rows of a table, for images (C, H, W); on the device of the net, `meta` will do.

    Raises ShapeError where the net does not take such images.
    """
    found: dict[str, Layer] = {}
    named = layers_of(net)

    def note(name: str, module: nn.Module, out: Any) -> None:
        if name in named and isinstance(out, Tensor):
            found[name] = _row(name, module, out)

    with _hooked(net, note):
        run_once(net, shape)
    return list(found.values())


def run_once(net: nn.Module, shape: tuple[int, int, int]) -> Tensor:
    """The outputs of two black images (C, H, W), in evaluation mode. Raises ShapeError where it does not take them."""
    training, device = net.training, next(net.parameters()).device
    try:
        with torch.no_grad():
            out: Tensor = net.eval()(torch.zeros(2, *shape, device=device))
    except (RuntimeError, ValueError, AssertionError) as error:
        raise ShapeError(
            f"{type(net).__name__} does not take images of {shape[1]} x {shape[2]} px: {error}; "
            "'preprocess: net' enlarges them"
        ) from None
    finally:
        net.train(training)
    return out


@contextmanager
def _hooked(net: nn.Module, note: Callable[[str, nn.Module, Any], None], *, before: bool = False) -> Iterator[None]:
    """Within it, `note(name, module, output)` is called for each module that runs; before: ahead of it, with None."""
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
    kind = type(module).__name__
    words = [kind]
    if isinstance(module, nn.Conv2d):
        words += [str(module.out_channels), "x".join(map(str, module.kernel_size))]
        words += [f"stride {module.stride[0]}"] if module.stride[0] > 1 else []
        words += [f"groups {module.groups}"] if module.groups > 1 else []
    return Layer(
        shape=tuple(out.shape[1:]), how=" ".join(words), make=lambda: module, mult_adds=_mult_adds(module, out),
        line=name, parameters=parameters, statistics=_statistics(module),
    )  # fmt: skip


def _mult_adds(module: nn.Module, out: Tensor) -> int:
    """Of one image: a weight is used once for each place of the output."""
    if isinstance(module, nn.Conv2d):
        return module.weight.numel() * out.shape[2] * out.shape[3]
    if isinstance(module, nn.Linear):
        return module.weight.numel() * (out[0].numel() // module.out_features)
    return 0


def _statistics(module: nn.Module) -> int:
    return 2 * module.num_features if isinstance(module, nn.BatchNorm2d) and module.track_running_stats else 0


def _own(module: nn.Module) -> bool:
    return any(True for _ in module.parameters(recurse=False)) or any(True for _ in module.buffers(recurse=False))
