"""The blur of the paper `own-photos`: its strength grows with the width of the photo."""

import numpy as np
import torch
from PIL import Image

from assay.data.blur import blur, gaussian, opencv_sigma


def kernel_side(width_px: int) -> int:
    """The side of the kernel: width / 75, rounded, made odd by adding one where needed."""
    return max(1, round(width_px / 75)) | 1


def paper_blur(image: Image.Image) -> Image.Image:
    """Blur with a Gaussian of `kernel_side` pixels, sigma by OpenCV's rule, edges reflected."""
    side = kernel_side(image.width)
    if side == 1:
        return image
    values = torch.from_numpy(np.array(image)).float()
    planes = values[None, None] if values.ndim == 2 else values.permute(2, 0, 1)[None]
    output = blur(planes, gaussian(opencv_sigma(side), side // 2)).round().clamp(0, 255).to(torch.uint8)[0]
    return Image.fromarray(output[0].numpy() if len(output) == 1 else output.permute(1, 2, 0).contiguous().numpy())
