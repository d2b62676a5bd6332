"""Channel shift: one random number added to every channel of an image, as in Keras."""

from torch import Generator, Tensor

from assay.data.augment.registry import augmentation, parse_number
from assay.data.augment.step import Step, uniform


def channel_shift(reach: float) -> Step:
    """Add one number from [-reach, reach] to all channels of an image, clipped to that image's own range (Keras)."""

    def step(pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        amount = uniform(len(pixels), -reach, reach, generator).to(pixels.device).view(-1, 1, 1, 1)
        low, high = pixels.amin((1, 2, 3), keepdim=True), pixels.amax((1, 2, 3), keepdim=True)
        return (pixels + amount).clamp(low, high)

    return step


@augmentation("channel-shift", form="channel-shift AMOUNT, of pixels in [0, 1]")
def _build_channel_shift(amount: str) -> Step:
    return channel_shift(parse_number(amount, 0, 1))
