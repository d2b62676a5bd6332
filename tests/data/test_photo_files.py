"""Photographs in folders: which, upright, blurred as the report did, shrunk in two ways."""

import numpy as np
import pytest
from PIL import Image

from assay.core.errors import DataError, UsageError
from assay.data.photo_files import describe_shrinking, find_photos, shrink_photos
from assay.data.preprocess import Preprocess

NAMES = ("left", "middle", "right")
GRAY = Preprocess((1, 8, 8))


def test_each_folder_is_a_class(bars_photos):
    photos = find_photos(bars_photos)
    assert (photos.name, photos.class_names, len(photos)) == ("mine", NAMES, 30)
    assert [path.parent.name for path in photos.paths] == [NAMES[label] for label in photos.labels]
    assert all(image.mode == "L" for image in photos)


def test_hidden_files_and_loose_files_are_no_photographs(bars_photos):
    (bars_photos / "manifest.csv").write_text("x")
    (bars_photos / ".cache").mkdir()
    (bars_photos / "left" / ".DS_Store").write_bytes(b"x")
    assert len(find_photos(bars_photos)) == 30


def test_other_files_among_them_are_left_out(bars_photos):
    (bars_photos / "left" / "notes.txt").write_text("x")
    assert len(find_photos(bars_photos)) == 30


def test_what_hides_under_transparency_is_not_seen(tmp_path):
    (tmp_path / "cat").mkdir()
    Image.new("RGBA", (9, 9), (200, 0, 0, 0)).save(tmp_path / "cat" / "one.png")
    (image,) = find_photos(tmp_path)
    assert np.array_equal(np.asarray(image), np.full((9, 9, 3), 255))


def test_sixteen_bits_are_not_all_white(tmp_path):
    (tmp_path / "cat").mkdir()
    Image.fromarray(np.full((9, 9), 257 * 100, np.uint16)).save(tmp_path / "cat" / "one.png")
    (image,) = find_photos(tmp_path)
    assert np.array_equal(np.asarray(image), np.full((9, 9), 100))


def test_a_damaged_one_is_named(bars_photos):
    (bars_photos / "left" / "bad.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"bad.png"):
        list(find_photos(bars_photos))


@pytest.mark.parametrize(
    ("make", "message"), [(False, "there is no folder or table"), (True, "holds no labeled image")]
)
def test_a_folder_without_photographs_is_refused(tmp_path, make, message):
    if make:
        (tmp_path / "none" / "cat").mkdir(parents=True)
    with pytest.raises(UsageError, match=message):
        find_photos(tmp_path / "none")


def test_they_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (30, 20)).save(tmp_path / "cat" / "one.jpg", exif=exif)
    (image,) = find_photos(tmp_path)
    assert image.size == (20, 30)


def test_labels_are_those_of_the_runs_classes(bars_photos):
    photos = find_photos(bars_photos)
    class_names = ("up", "right", "middle", "left")
    labels = shrink_photos(photos, GRAY, class_names).labels
    assert [class_names[label] for label in labels] == [NAMES[label] for label in photos.labels]


def test_classes_that_the_run_does_not_know_are_named(bars_photos):
    with pytest.raises(UsageError, match="does not know the classes left, right; its classes are middle"):
        shrink_photos(find_photos(bars_photos), GRAY, ("middle",))


def test_shrunk_they_are_what_the_net_is_given_of_any_picture(bars_photos):
    photos = find_photos(bars_photos)
    images = shrink_photos(photos, GRAY, NAMES)
    assert images.images.shape == (30, 1, 8, 8)
    for image, small in zip(photos, images.images, strict=True):
        assert np.array_equal(GRAY.read_pil(image)[0].numpy(), small)


@pytest.fixture
def wide(tmp_path):
    """A photo of 90 x 60 pixels, each another shade."""
    (tmp_path / "wide" / "left").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "wide" / "left" / "one.png")
    return find_photos(tmp_path / "wide")


@pytest.mark.parametrize("size", [(8, 8), (60, 60), (30, 45), (90, 60)])
def test_squeezed_to_the_nearest_pixel_a_photo_is_that_of_kerass_load_img(wide, size):
    """Keras 3 load_img(path, target_size=(H, W)): PIL's `resize((W, H), NEAREST)` of the whole RGB image."""
    expected = Image.open(wide.paths[0]).convert("RGB").resize(size[::-1], Image.Resampling.NEAREST)
    preprocess = Preprocess((3, *size))
    images = shrink_photos(wide, preprocess, NAMES, antialias=False, squeeze=True)
    assert np.array_equal(images.images[0].transpose(1, 2, 0), np.asarray(expected))


def test_squeezed_with_antialias_a_photo_is_resized_as_a_whole(wide):
    images = shrink_photos(wide, Preprocess((3, 8, 8)), NAMES, squeeze=True)
    whole = Image.open(wide.paths[0]).resize((8, 8), Image.Resampling.BILINEAR)
    middle = Image.open(wide.paths[0]).crop((15, 0, 75, 60)).resize((8, 8), Image.Resampling.BILINEAR)
    difference = [np.abs(images.images[0].transpose(1, 2, 0) - np.asarray(one, int)).max() for one in (whole, middle)]
    assert difference[0] <= 1 < difference[1]


@pytest.mark.parametrize("antialias", [True, False])
def test_a_square_photo_is_the_same_squeezed_or_cropped(tmp_path, antialias):
    (tmp_path / "left").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (61, 61, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "left" / "one.png")
    photos = find_photos(tmp_path)
    squeezed, cropped = (
        shrink_photos(photos, Preprocess((3, 8, 8)), NAMES, antialias=antialias, squeeze=squeeze).images
        for squeeze in (True, False)
    )
    assert np.array_equal(squeezed, cropped)


@pytest.mark.parametrize(
    ("antialias", "squeeze", "words"),
    [
        (True, False, "the middle of each, shrunk with antialiasing"),
        (False, True, "each squeezed to the net's proportions, to the nearest pixel"),
    ],
)
def test_how_photos_are_shrunk_is_said(antialias, squeeze, words):
    assert describe_shrinking(antialias, squeeze) == words


def test_without_antialias_every_pixel_is_one_of_the_photographs(bars_photos):
    photos = find_photos(bars_photos)
    for image, small in zip(photos, shrink_photos(photos, GRAY, NAMES, antialias=False).images, strict=True):
        assert set(np.unique(small)) <= set(np.unique(np.asarray(image)))
