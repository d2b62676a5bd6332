"""Nets made to be trained in a few epochs. Their recipes: `recipes/fast`."""

from pydantic import PositiveInt

from assay.models.named import COLOUR, net


@net("airbench", COLOUR)
def airbench(classes: int, widths: tuple[PositiveInt, PositiveInt, PositiveInt] = (64, 256, 256)) -> list[str]:
    """The net of airbench94 (Jordan 2024): a whitening layer, three blocks of two convolutions, a scaled linear head.

    Whitening, identity initialisation, GELU, batch norm with quick statistics and no gain. For images of 27 to 32 px.
    """
    lines = ["whitening 2x2", "gelu"]
    for width in widths:
        norm = ["batchnorm nogain momentum 0.4", "gelu"]
        lines += [f"conv {width} 3x3 same nobias dirac", "maxpool 2", *norm]
        lines += [f"conv {width} 3x3 same nobias dirac", *norm]
    return [*lines, "maxpool 3", "flatten", f"linear {classes} nobias", f"scale {1 / widths[-1]:.6g}"]
