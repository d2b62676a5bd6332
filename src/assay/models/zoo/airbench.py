"""Nets for training in a few epochs. Their recipes: `recipes/builtin/fast`."""

from typing import Annotated

from pydantic import Field, PositiveInt

from assay.models.zoo.registry import COLOR, net


@net("airbench", COLOR)
def airbench(
    classes: int,
    widths: tuple[PositiveInt, PositiveInt, PositiveInt] = (64, 256, 256),
    depth: Annotated[int, Field(ge=1, le=8)] = 2,
) -> list[str]:
    """airbench94 (Jordan 2024): whitening, three blocks of two convolutions.

    Identity initialization, GELU, batch norm with fast-moving statistics and no gain, a scaled head. The last pool is
    global instead of 3x3: the same for images of 32 px, but the net also takes other sizes. depth: convolutions per
    block.
    """
    lines = ["whitening 2x2", "gelu"]
    for width in widths:
        norm = ["batchnorm nogain momentum 0.4", "gelu"]
        lines += [f"conv {width} 3x3 same nobias dirac", "maxpool 2", *norm]
        lines += [f"conv {width} 3x3 same nobias dirac", *norm] * (depth - 1)
    return [*lines, "globalmaxpool", f"linear {classes} nobias unit", f"scale {1 / widths[-1]:.6g}"]
