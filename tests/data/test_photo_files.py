"""Photographs in folders: which, upright, blurred as the report did, shrunk in two ways."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from assay.core.errors import DataError, UsageError
from assay.data.blur import opencv_sigma
from assay.data.photo_files import kernel_side, photographs, report_blur, shrunk
from assay.data.preprocess import Preprocess

NAMES = ("left", "middle", "right")
GRAY = Preprocess((1, 8, 8))


def test_each_folder_is_a_class(bars_photos):
    found = photographs(bars_photos)
    assert (found.name, found.class_names, len(found)) == ("mine", NAMES, 30)
    assert [path.parent.name for path in found.paths] == [NAMES[label] for label in found.labels]
    assert all(image.mode == "L" for image in found)


def test_hidden_files_and_loose_files_are_no_photographs(bars_photos):
    (bars_photos / "manifest.csv").write_text("x")
    (bars_photos / ".cache").mkdir()
    (bars_photos / "left" / ".DS_Store").write_bytes(b"x")
    assert len(photographs(bars_photos)) == 30


def test_other_files_among_them_are_left_out(bars_photos):
    (bars_photos / "left" / "notes.txt").write_text("x")
    assert len(photographs(bars_photos)) == 30


def test_what_hides_under_transparency_is_not_seen(tmp_path):
    (tmp_path / "cat").mkdir()
    Image.new("RGBA", (9, 9), (200, 0, 0, 0)).save(tmp_path / "cat" / "one.png")
    (image,) = photographs(tmp_path)
    assert np.array_equal(np.asarray(image), np.full((9, 9, 3), 255))


def test_sixteen_bits_are_not_all_white(tmp_path):
    (tmp_path / "cat").mkdir()
    Image.fromarray(np.full((9, 9), 257 * 100, np.uint16)).save(tmp_path / "cat" / "one.png")
    (image,) = photographs(tmp_path)
    assert np.array_equal(np.asarray(image), np.full((9, 9), 100))


def test_a_damaged_one_is_named(bars_photos):
    (bars_photos / "left" / "bad.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"bad.png"):
        list(photographs(bars_photos))


@pytest.mark.parametrize(("make", "told"), [(False, "there is no folder or table"), (True, "holds no labeled image")])
def test_a_folder_without_photographs_is_refused(tmp_path, make, told):
    if make:
        (tmp_path / "none" / "cat").mkdir(parents=True)
    with pytest.raises(UsageError, match=told):
        photographs(tmp_path / "none")


def test_they_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (30, 20)).save(tmp_path / "cat" / "one.jpg", exif=exif)
    (image,) = photographs(tmp_path)
    assert image.size == (20, 30)


def test_labels_are_those_of_the_runs_classes(bars_photos):
    found = photographs(bars_photos)
    other = ("up", "right", "middle", "left")
    labels = shrunk(found, GRAY, other).labels
    assert [other[label] for label in labels] == [NAMES[label] for label in found.labels]


def test_classes_that_the_run_does_not_know_are_named(bars_photos):
    with pytest.raises(UsageError, match="does not know the classes left, right; its own are middle"):
        shrunk(photographs(bars_photos), GRAY, ("middle",))


def test_shrunk_they_are_what_the_net_is_given_of_any_picture(bars_photos):
    found = photographs(bars_photos)
    images = shrunk(found, GRAY, NAMES)
    assert images.images.shape == (30, 1, 8, 8)
    for image, small in zip(found, images.images, strict=True):
        assert np.array_equal(GRAY.read_pil(image)[0].numpy(), small)


def test_without_antialias_every_pixel_is_one_of_the_photographs(bars_photos):
    found = photographs(bars_photos)
    for image, small in zip(found, shrunk(found, GRAY, NAMES, antialias=False).images, strict=True):
        assert set(np.unique(small)) <= set(np.unique(np.asarray(image)))


@pytest.mark.parametrize(
    ("width", "side"), [(32, 1), (112, 1), (113, 3), (150, 3), (256, 3), (300, 5), (375, 5), (500, 7)]
)
def test_the_reports_kernel_is_a_75th_of_the_width_and_odd(width, side):
    assert kernel_side(width) == side


@pytest.mark.parametrize("shape", [(40, 300), (40, 300, 3)])
def test_the_reports_blur_is_a_gaussian_of_opencvs_spread(shape):
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    seen = np.asarray(report_blur(Image.fromarray(values))).astype(float)
    sigma = (opencv_sigma(5), opencv_sigma(5), 0)[: len(shape)]
    expected = ndimage.gaussian_filter(values.astype(float), sigma, mode="mirror", radius=(2, 2, 0)[: len(shape)])
    assert np.abs(seen - expected).max() <= 0.51


def test_a_small_photograph_is_not_blurred():
    image = Image.new("L", (100, 50))
    assert report_blur(image) is image
