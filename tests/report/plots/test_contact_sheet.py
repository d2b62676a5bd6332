"""Contact sheets: pixels enlarged exactly, captions, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assay.core.errors import UsageError
from assay.report.plots.contact_sheet import draw_sheet
from assay.report.plots.style import save


def images(n: int, channels: int = 3, height: int = 28, width: int = 28) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, channels, height, width), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_is_enlarged_to_an_exact_square(tmp_path: Path, channels: int):
    few = images(3, channels)
    save(draw_sheet(few, columns=2), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    rgb = few if channels == 3 else few.repeat(3, axis=1)
    for i, (y, x) in enumerate([(12, 12), (12, 12 + 124), (12 + 124, 12)]):
        block = pixels[y : y + 112, x : x + 112]
        np.testing.assert_array_equal(block, rgb[i].transpose(1, 2, 0).repeat(4, axis=0).repeat(4, axis=1))


def test_captions_are_wrapped_and_cut():
    figure = draw_sheet(
        images(2), ["cat\ntaken for dog", "a caption that is much too long for the place under its image"]
    )
    lines = [text.get_text() for text in figure.axes[0].texts]
    assert lines[:2] == ["cat", "taken for dog"]
    assert len(lines) == 4
    assert lines[-1].endswith("…")


def test_any_caption_and_title_can_be_drawn(tmp_path: Path):
    save(
        draw_sheet(images(3, 1), ["猫", r"$\frac$", ""], title="猫 $ and a title longer than the images are wide"),
        tmp_path / "s.png",
    )


def test_large_and_narrow_images_keep_their_shape(tmp_path: Path):
    save(draw_sheet(images(2, 3, 224, 90), ["a", "b"]), tmp_path / "sheet.png")


@pytest.mark.parametrize(
    ("bad", "captions", "message"),
    [
        (images(0), None, "at least one image"),
        (images(2), ["one"], "2 images needs as many captions, not 1"),
        (images(2, 2), None, "1 or 3 channels"),
        (images(2).astype(np.float32), None, "uint8"),
    ],
)
def test_what_is_no_sheet_is_refused(bad, captions, message):
    with pytest.raises(UsageError, match=message):
        draw_sheet(bad, captions)
