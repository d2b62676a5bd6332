"""Finds the test images of CIFAR-10 that show the same picture as a training image, and draws sheets to check them.

    python -m benchmarks.cifar10_duplicates FOLDER

1. Candidates: for each test image and its mirror image the 3 training images with the highest correlation of 16 x 16
   color averages, if that is above 0.7.
2. Score: the highest correlation of the brightness gradients over shifts of up to 3 px; above 0.35 also over 5 sizes
   (0.85 to 1.17) and shifts of up to 4 px.
3. Pairs above 0.7, the best for each test image, go to FOLDER/pairs.csv and side by side onto FOLDER/sheet-*.png.

src/assay/data/datasets/cifar10_near_duplicates.csv holds these pairs, with what was seen on the sheets. About ten
minutes on one core.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import zoom

from assay.data.datasets.catalog import load_dataset

CANDIDATES, MIN_COLOR, MIN_SCREEN, MIN_SCORE = 3, 0.7, 0.35, 0.7
SIZES, SHIFT_PX, SCREEN_SHIFT_PX, SIDE_PX = (0.85, 0.92, 1.0, 1.08, 1.17), 4, 3, 32
LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]
Pair = tuple[int, int, int, float]  # test index, training index, whether the test image is mirrored, score


def main(folder: Path) -> None:
    """Write pairs.csv and the sheets."""
    train, test = load_dataset("cifar10", "train").images, load_dataset("cifar10", "test").images
    best: dict[int, Pair] = {}
    for mirrored in (0, 1):
        images = test[..., ::-1] if mirrored else test
        for i, j in find_candidates(images, train):
            score = float(screen(images[i], train[j]))
            if score > MIN_SCREEN:
                score = max(score, align(images[i], train[j]))
            if score > MIN_SCORE and score > best.get(i, (0, 0, 0, 0.0))[3]:
                best[i] = (i, j, mirrored, score)
    pairs = sorted(best.values())
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "pairs.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["test", "train", "mirrored", "correlation"])
        writer.writerows((i, j, mirrored, f"{score:.3f}") for i, j, mirrored, score in pairs)
    draw_sheets(sorted(pairs, key=lambda pair: -pair[3]), test, train, folder)
    print(f"{len(pairs)} of {len(test)} test images have a pair above {MIN_SCORE}")


def find_candidates(images: Pixels, train: Pixels) -> list[tuple[int, int]]:
    """The pairs of step 1."""
    queries, keys = color_averages(images), color_averages(train)
    pairs = []
    for start in range(0, len(queries), 500):
        correlations = queries[start : start + 500] @ keys.T
        nearest = np.argpartition(-correlations, CANDIDATES, axis=1)[:, :CANDIDATES]
        pairs += [(start + i, int(j)) for i, row in enumerate(nearest) for j in row if correlations[i, j] > MIN_COLOR]
    return pairs


def color_averages(images: Pixels) -> Values:
    """Standardized 16 x 16 color averages, float32 (N, 768) of unit length."""
    averages = images.reshape(len(images), 3, 16, 2, 16, 2).astype(np.float32).mean((3, 5)).reshape(len(images), -1)
    averages -= averages.mean(1, keepdims=True)
    return np.asarray(averages / np.maximum(np.linalg.norm(averages, axis=1, keepdims=True), 1e-3))


def gradients(gray: Values) -> Values:
    """Horizontal and vertical central differences, float32 (2, H, W)."""
    steps = np.zeros((2, *gray.shape), np.float32)
    steps[0, :, 1:-1] = (gray[:, 2:] - gray[:, :-2]) / 2
    steps[1, 1:-1] = (gray[2:] - gray[:-2]) / 2
    return steps


def to_gray(image: Pixels) -> Values:
    """Brightness, float32 (H, W)."""
    return np.asarray((image.astype(np.float32) * LUMA[:, None, None]).sum(0), np.float32)


def screen(first: Pixels, second: Pixels) -> float:
    """The highest correlation of the gradients over small shifts."""
    return best_shift(gradients(to_gray(first)), gradients(to_gray(second)), SCREEN_SHIFT_PX)


def align(first: Pixels, second: Pixels) -> float:
    """The highest correlation of the gradients over sizes and shifts of the first image."""
    target = gradients(to_gray(second))
    return max(best_shift(gradients(resize(to_gray(first), size)), target, SHIFT_PX) for size in SIZES)


def resize(gray: Values, size: float) -> Values:
    """The image enlarged or shrunk; of a larger one the middle."""
    scaled = gray if size == 1 else zoom(gray, size, order=1)
    start = max(0, (len(scaled) - SIDE_PX) // 2)
    return np.asarray(scaled[start : start + SIDE_PX, start : start + SIDE_PX])


def best_shift(patch: Values, target: Values, shift_px: int) -> float:
    """The highest cosine between a patch (2, h, h) and the part of the target that it covers."""
    side, best = patch.shape[1], -1.0
    middle = (SIDE_PX - side) // 2
    for top in range(middle - shift_px, middle + shift_px + 1):
        rows = slice(max(0, top), min(SIDE_PX, top + side))
        for left in range(middle - shift_px, middle + shift_px + 1):
            columns = slice(max(0, left), min(SIDE_PX, left + side))
            a = patch[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left].ravel()
            b = target[:, rows, columns].ravel()
            norm = float(np.sqrt((a @ a) * (b @ b)))
            best = max(best, float(a @ b) / norm if norm else -1.0)
    return best


def draw_sheets(pairs: list[Pair], test: Pixels, train: Pixels, folder: Path, columns: int = 9, rows: int = 12) -> None:
    """Pairs side by side at twice their size, best first."""
    for start in range(0, len(pairs), columns * rows):
        sheet = Image.new("RGB", (columns * 138, rows * 80), "white")
        for place, (i, j, mirrored, score) in enumerate(pairs[start : start + columns * rows]):
            x, y = place % columns * 138, place // columns * 80
            first = test[i][..., ::-1] if mirrored else test[i]
            for k, image in enumerate((first, train[j])):
                sheet.paste(Image.fromarray(image.transpose(1, 2, 0)).resize((64, 64), 0), (x + 65 * k, y + 12))
            ImageDraw.Draw(sheet).text((x, y), f"{i} {score:.2f}{' mirrored' if mirrored else ''}", fill="black")
        sheet.save(folder / f"sheet-{start // (columns * rows):02}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
