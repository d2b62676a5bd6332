"""Checks that a net fits its loss, its images and its classes, made before the first step."""

from torch import nn

from assay.core.errors import ShapeError, UsageError, error_section
from assay.data.augment.parse import Augment
from assay.data.imageset import ImageShape
from assay.models.inspection import run_black_images
from assay.models.layer import parse_lines
from assay.models.sequential import Net
from assay.recipes.named_sections import Loss


def check_model(
    net: nn.Module, label: str, shape: ImageShape, classes: int, augment: Augment, loss: Loss
) -> None:  # fmt: skip
    """Raise UsageError or ShapeError unless the net fits.

    label: the net's name in messages. shape: (C, H, W) of whole images; augmentation may make them smaller at first.
    """
    with error_section("loss"):
        _check_loss(loss, net)
    with error_section("augment"):
        first_shape = augment.shape(shape, 0)
        _check_window(net, shape, first_shape)
    for size in {shape, first_shape}:
        _check_output(net, size, classes, label)


def _check_loss(loss: Loss, net: nn.Module) -> None:
    """NLL of anything but log-probabilities is not a likelihood: it falls without bound."""
    if loss.needs_log_probabilities and isinstance(net, Net) and net.lines[-1] != "log_softmax":
        raise UsageError(f"{loss.name} needs a net that ends in log_softmax; add that layer, or use cross-entropy")


def _check_window(net: nn.Module, whole: ImageShape, window: ImageShape) -> None:
    """A net made for whole images must take images that augmentation makes smaller or larger."""
    if not isinstance(net, Net) or window == whole:
        return
    if _parameter_counts(net, window) != _parameter_counts(net, whole):
        raise UsageError(
            f"images of {window[1]} x {window[2]} px do not fit a net made for {whole[1]} x {whole[2]}; "
            "a net for several sizes ends in globalmaxpool or globalavgpool and linear layers"
        )


def _parameter_counts(net: Net, shape: ImageShape) -> list[int]:
    """The parameters of each layer for images of that shape; empty if the images are too small for the net."""
    try:
        return [layer.parameters for layer in parse_lines(net.lines, shape)]
    except ShapeError:
        return []


def _check_output(net: nn.Module, shape: ImageShape, classes: int, label: str) -> None:
    """Your own module may return anything, and a library's may need larger images."""
    if isinstance(net, Net):
        return
    try:
        output_shape = tuple(run_black_images(net, shape).shape)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ShapeError(f"{label} does not take images (N, {', '.join(map(str, shape))}): {error}") from None
    if output_shape != (2, classes):
        raise ShapeError(f"{label} gives {output_shape} for two images; it should give logits (2, {classes})")
