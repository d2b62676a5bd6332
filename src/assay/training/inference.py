"""From images to logits, without learning: whole batches through Preprocess and the net in evaluation mode."""

from collections.abc import Callable

import torch
from torch import nn

from assay.core.errors import AssayError
from assay.core.runtime import Runtime
from assay.training.memory import ERRORS, ran_out, release
from assay.training.tta import view_logits

Prepare = Callable[[torch.Tensor], torch.Tensor]

BATCH = 500  # images at once; large enough to fill the cores, small enough for any net here


@torch.inference_mode()
def infer(net: nn.Module, images: torch.Tensor, preprocess: Prepare, runtime: Runtime, views: int = 1) -> torch.Tensor:
    """Logits float32 (N, K) on the CPU, for uint8 images (N, C, H, W); the net's training mode is put back.

    preprocess: a Preprocess, or what else gives a batch the form that the net takes.
    """
    training = net.training
    net.eval()
    try:
        parts = [_logits(net, batch, preprocess, runtime, views) for batch in images.split(BATCH)]  # type: ignore[no-untyped-call]
    finally:
        net.train(training)
    return torch.cat(parts).cpu()


def _logits(net: nn.Module, images: torch.Tensor, preprocess: Prepare, runtime: Runtime, views: int) -> torch.Tensor:
    """Of all images at once, or in halves where memory runs out."""
    try:
        return _at_once(net, images, preprocess, runtime, views)
    except ERRORS as error:
        if not ran_out(error):
            raise
        if len(images) == 1:
            raise AssayError("memory ran out with a single image; use a smaller net or smaller images") from None
    release(runtime.device)
    return torch.cat([_logits(net, half, preprocess, runtime, views) for half in images.tensor_split(2)])


def _at_once(net: nn.Module, images: torch.Tensor, preprocess: Prepare, runtime: Runtime, views: int) -> torch.Tensor:
    pixels = runtime.batch(preprocess(images.to(runtime.device)))
    with runtime.autocast():
        return view_logits(net, pixels, views).float()
