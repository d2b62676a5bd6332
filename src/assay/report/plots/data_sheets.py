"""Contact sheets of a data set: samples of each class, and what a net will see of its training images."""

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from assay.core.randomness import Stream, stream_seed
from assay.data.augment.parse import Augment
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.report.plots.contact_sheet import draw_sheet

_PER_CLASS = 10
_ROWS, _EPOCHS = 8, 6  # images, and augmented views of each


def class_sheet(images: ImageSet) -> Figure:
    """Some images of each class, one row per class; the same ones every time."""
    generator = np.random.default_rng(0)
    rows = [np.flatnonzero(images.labels == label) for label in range(len(images.class_names))]
    sample = images.subset(np.concatenate([generator.permutation(row)[:_PER_CLASS] for row in rows]))
    captions = [sample.class_names[label] for label in sample.labels]
    return draw_sheet(sample.images, captions, columns=_PER_CLASS)


def preview_sheet(images: ImageSet, preprocess: Preprocess, augment: Augment, seed: int) -> Figure:
    """Some training images, one per row: original, preprocessed, and augmented as in the first epochs."""
    rows = np.random.default_rng(seed).permutation(len(images))[:_ROWS]
    sample = images.subset(rows)
    pixels = preprocess.pixels(torch.from_numpy(sample.images))
    views = _augment(pixels, torch.from_numpy(rows), sample, augment, seed)
    columns = [sample.images, *((view * 255).round().to(torch.uint8).numpy() for view in (pixels, *views))]
    height, width = (max(column.shape[axis] for column in columns) for axis in (2, 3))
    tiles = np.stack([_center_on_white(column, height, width) for column in columns], axis=1)
    captions = []
    for label in sample.labels:
        captions += [f"{sample.class_names[label]}, original", "preprocessed", *(f"epoch {k}" for k in range(_EPOCHS))]
    return draw_sheet(tiles.reshape(-1, *tiles.shape[2:]), captions, columns=len(columns))


def _augment(
    pixels: torch.Tensor, indices: torch.Tensor, sample: ImageSet, augment: Augment, seed: int
) -> list[torch.Tensor]:
    """The augmented images (N, C, H, W) of each epoch, mixing included."""
    generator = torch.Generator().manual_seed(stream_seed(seed, Stream.AUGMENT))
    labels, classes = torch.from_numpy(sample.labels), len(sample.class_names)
    views = []
    for epoch in range(_EPOCHS):
        view = augment(pixels, indices, epoch, generator)
        views.append(augment.mix(view, labels, classes, generator)[0])
    return views


def _center_on_white(images: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Images (N, C, H, W) centered on a white canvas, so that tiles of different sizes have one scale."""
    canvas = np.full((*images.shape[:2], height, width), 255, np.uint8)
    top, left = (height - images.shape[2]) // 2, (width - images.shape[3]) // 2
    canvas[:, :, top : top + images.shape[2], left : left + images.shape[3]] = images
    return canvas
