"""Inference: from images to logits in evaluation mode, a batch at a time."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from assay.core.errors import AssayError
from assay.core.runtime import Runtime
from assay.training.memory import MEMORY_ERRORS, free_memory, is_out_of_memory
from assay.training.tta import view_logits

Transform = Callable[[Tensor], Tensor]

BATCH = 500  # images at once: enough to use all cores, few enough for any net here


@torch.inference_mode()
def infer(net: nn.Module, images: Tensor, preprocess: Transform, runtime: Runtime, views: int = 1) -> Tensor:
    """Logits float32 (N, K) on the CPU for uint8 images (N, C, H, W). The net's training mode is restored.

    preprocess: a Preprocess, or another function from a batch to the net's input. views: as of `view_logits`. Where
    memory runs out, batches are halved. Raises AssayError if a single image does not fit.
    """
    is_training = net.training
    net.eval()
    try:
        logits = [_batch_logits(net, batch, preprocess, runtime, views) for batch in images.split(BATCH)]  # type: ignore[no-untyped-call]
    finally:
        net.train(is_training)
    return torch.cat(logits).cpu()


def _batch_logits(net: nn.Module, images: Tensor, preprocess: Transform, runtime: Runtime, views: int) -> Tensor:
    """Logits of a batch, in halves where memory runs out."""
    try:
        return _whole_batch_logits(net, images, preprocess, runtime, views)
    except MEMORY_ERRORS as error:
        if not is_out_of_memory(error):
            raise
        if len(images) == 1:
            raise AssayError("memory ran out with a single image; use a smaller net or smaller images") from None
    free_memory(runtime.device)
    return torch.cat([_batch_logits(net, half, preprocess, runtime, views) for half in images.tensor_split(2)])


def _whole_batch_logits(net: nn.Module, images: Tensor, preprocess: Transform, runtime: Runtime, views: int) -> Tensor:
    pixels = runtime.batch(preprocess(images.to(runtime.device)))
    with runtime.autocast():
        return view_logits(net, pixels, views).float()
