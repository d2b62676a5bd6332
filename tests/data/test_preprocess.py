"""One definition of how a pixel reaches the net: against Pillow, numpy and hand-computed values."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from assay.core.errors import DataError, UsageError
from assay.data.decode import open_image
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.recipes.schema import MeanStd, Preprocessing

RANDOM = np.random.default_rng(0).integers(0, 256, (2300, 3, 8, 8), np.uint8)


def image_set(images=RANDOM):
    return ImageSet(images, np.zeros(len(images), np.int64), ("one",), "toy/train")


def smooth(height, width):
    """A colorful picture without noise, (H, W, 3)."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 9) * np.cos(y / 7), np.cos(x / 5 + y / 11), np.sin((x - y) / 6)]
    return np.round(127.5 + 127.5 * np.stack(waves, -1)).astype(np.uint8)


@pytest.mark.parametrize(("scale", "ends"), [("unit", (0.0, 1.0)), ("centered", (-0.5, 0.5)), ("signed", (-1.0, 1.0))])
def test_scale_reaches_its_ends_exactly(scale, ends):
    levels = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2)
    output = Preprocess((1, 1, 2), scale=scale)(levels)
    assert output.dtype == torch.float32
    assert tuple(output.flatten().tolist()) == ends


@pytest.mark.parametrize("scale", ["unit", "centered", "signed"])
def test_normalized_training_images_have_mean_0_and_std_1(scale):
    output = Preprocess.fit(Preprocessing(scale=scale, normalize="train"), image_set())(
        torch.from_numpy(RANDOM)
    ).double()
    assert torch.allclose(output.mean((0, 2, 3)), torch.zeros(3, dtype=torch.float64), atol=1e-6)
    assert torch.allclose(output.std((0, 2, 3), correction=0), torch.ones(3, dtype=torch.float64), atol=1e-6)


def test_train_statistics_are_those_of_numpy():
    fitted = Preprocess.fit(Preprocessing(scale="signed", normalize="train"), image_set())
    scaled = RANDOM / 127.5 - 1
    assert fitted.mean == pytest.approx(scaled.mean((0, 2, 3)), abs=1e-7)
    assert fitted.std == pytest.approx(scaled.std((0, 2, 3)), abs=1e-7)


def test_constants_apply_to_the_scaled_pixels():
    constants = MeanStd(mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
    output = Preprocess.fit(Preprocessing(scale="centered", normalize=constants), image_set())(torch.from_numpy(RANDOM))
    mean, std = np.array(constants.mean).reshape(3, 1, 1), np.array(constants.std).reshape(3, 1, 1)
    assert output.numpy() == pytest.approx((RANDOM / 255 - 0.5 - mean) / std, abs=1e-6)


@pytest.mark.parametrize("name", ["mean", "std"])
def test_a_wrong_number_of_constants_says_where(name):
    values = {"mean": (0.1, 0.1, 0.1), "std": (1.0, 1.0, 1.0), name: (0.5,)}
    with pytest.raises(UsageError, match="1 values for images of 3 channel") as error:
        Preprocess.fit(Preprocessing(normalize=MeanStd(**values)), image_set())
    assert error.value.at == ("normalize", name)


def test_a_channel_that_never_varies_cannot_be_normalized():
    flat = RANDOM.copy()
    flat[:, 1] = 77
    with pytest.raises(UsageError, match="channel 1 of toy/train never varies") as error:
        Preprocess.fit(Preprocessing(normalize="train"), image_set(flat))
    assert error.value.at == ("normalize",)


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(UsageError, match="crop of 9 px does not fit into 8 x 8 px") as error:
        Preprocess.fit(Preprocessing(crop=9), image_set())
    assert error.value.at == ("crop",)


@pytest.mark.parametrize(("height", "width", "resize"), [(64, 64, 32), (90, 60, 24), (50, 75, 33), (32, 32, 80)])
def test_resize_is_pillows_antialiased_one(height, width, resize):
    picture = smooth(height, width)
    preprocess = Preprocess((3, height, width), resize=resize)
    output = preprocess.pixels(torch.from_numpy(picture).permute(2, 0, 1)[None])[0]
    assert min(preprocess.shape[1:]) == resize
    expected = Image.fromarray(picture).resize((output.shape[2], output.shape[1]), Image.Resampling.BILINEAR)
    assert output.permute(1, 2, 0).numpy() == pytest.approx(np.asarray(expected) / 255, abs=1.1 / 255)


def test_crop_is_the_center():
    images = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8)
    preprocess = Preprocess((1, 8, 8), crop=4)
    assert preprocess.shape == (1, 4, 4)
    assert torch.equal((preprocess.pixels(images) * 255).round()[0, 0].to(torch.uint8), images[0, 0, 2:6, 2:6])


def test_an_image_looks_the_same_in_any_batch():
    preprocess = Preprocess.fit(Preprocessing(resize=12, crop=10, scale="centered", normalize="train"), image_set())
    batch = torch.from_numpy(RANDOM[:16])
    assert torch.allclose(preprocess(batch)[3:4], preprocess(batch[3:4]), atol=1e-6)
    assert torch.equal(batch, torch.from_numpy(RANDOM[:16]))


def test_it_comes_back_from_json_equal():
    fitted = Preprocess.fit(Preprocessing(resize=12, crop=10, scale="centered", normalize="train"), image_set())
    assert Preprocess.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted


def test_a_damaged_description_is_refused():
    with pytest.raises(DataError, match="not a stored preprocess"):
        Preprocess.from_dict({"source_shape": [3, 8, 8], "blurr": 2})


# Pictures from outside

RGB, GRAY = Preprocess((3, 32, 32)), Preprocess((1, 28, 28))


def test_a_picture_of_the_source_size_stays_as_it_is():
    picture = smooth(32, 32)
    assert np.array_equal(RGB.read_pil(Image.fromarray(picture))[0].permute(1, 2, 0), picture)


def test_the_shorter_side_decides_and_the_middle_is_kept():
    wide = smooth(64, 128)
    middle = Image.fromarray(wide).crop((32, 0, 96, 64))
    expected = np.asarray(middle.resize((32, 32), Image.Resampling.BILINEAR))
    output = RGB.read_pil(Image.fromarray(wide))[0].permute(1, 2, 0).numpy()
    assert output.shape == (32, 32, 3)
    assert output.astype(int) == pytest.approx(expected.astype(int), abs=1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "I"])
@pytest.mark.parametrize("preprocess", [RGB, GRAY], ids=["rgb", "gray"])
def test_every_color_mode_becomes_the_sources(mode, preprocess):
    white = (
        Image.new(mode, (50, 40), 65535 if mode.startswith("I") else 255)
        if mode in ("I;16", "I")
        else (Image.new("RGB", (50, 40), "white").convert(mode))
    )
    output = preprocess.read_pil(white)
    assert output.shape == (1, *preprocess.source_shape)
    assert output.dtype == torch.uint8
    assert output.min() == 255


def test_gray_is_pillows_luminance():
    picture = Image.fromarray(smooth(28, 28))
    assert np.array_equal(GRAY.read_pil(picture)[0, 0], np.asarray(picture.convert("L")))


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bit_gray_is_scaled_and_not_clipped(tmp_path, suffix):
    levels = np.linspace(0, 65535, 28 * 28).reshape(28, 28).astype(np.uint16)
    Image.fromarray(levels).save(tmp_path / f"deep.{suffix}")
    output = GRAY.read_pil(open_image(tmp_path / f"deep.{suffix}"))[0, 0].numpy()
    assert np.array_equal(output, np.round(levels / 257).astype(np.uint8))


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pixels_without_a_white_are_refused(mode):
    with pytest.raises(DataError, match="no agreed white"):
        RGB.read_pil(Image.new(mode, (32, 32), 70_000))


def test_transparent_pixels_are_white_and_hide_their_color():
    layer = np.zeros((32, 32, 4), np.uint8)
    layer[:, :, 0] = 200  # red below, everywhere
    layer[:16, :, 3] = 255  # the upper half opaque
    output = RGB.read_pil(Image.fromarray(layer))[0]
    assert torch.equal(output[:, 0, 0], torch.tensor([200, 0, 0], dtype=torch.uint8))
    assert output[:, 31].min() == 255


def test_transparency_of_a_palette_counts(tmp_path):
    picture = Image.new("P", (32, 32), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.save(tmp_path / "hole.png", transparency=0)
    assert RGB.read_pil(open_image(tmp_path / "hole.png")).min() == 255


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff"])
def test_exif_orientation_is_applied_once(tmp_path, kind):
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:16] = 255  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me 90 degrees clockwise": the upper edge becomes the right one
    Image.fromarray(picture).save(tmp_path / f"turned.{kind}", exif=exif)
    output = RGB.read_pil(open_image(tmp_path / f"turned.{kind}"))[0].float().mean(0)
    assert output[:, 20:].min() > 200
    assert output[:, :12].max() < 55


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (3000, 2)])
def test_pictures_of_any_size_fit(size):
    assert RGB.read_pil(Image.new("RGB", size, "white")).shape == (1, 3, 32, 32)


def test_gray_images_become_three_equal_channels_for_a_net_that_takes_no_others():
    gray = image_set(RANDOM[:, :1])
    spec = Preprocessing(normalize=MeanStd(mean=(0.1, 0.2, 0.3), std=(1, 2, 4)))
    made = Preprocess.fit(spec, gray, color=True)
    output, plain = made(torch.from_numpy(gray.images)), torch.from_numpy(gray.images).float() / 255
    assert made.shape == tuple(output.shape[1:]) == (3, 8, 8)
    for channel, (mean, std) in enumerate(((0.1, 1), (0.2, 2), (0.3, 4))):
        torch.testing.assert_close(output[:, channel], (plain[:, 0] - mean) / std)
    assert Preprocess.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert len(Preprocess.fit(Preprocessing(normalize="train"), gray, color=True).mean) == 3


def test_color_images_stay_as_they_are():
    assert Preprocess.fit(Preprocessing(), image_set(), color=True) == Preprocess.fit(Preprocessing(), image_set())


def test_bicubic_resizing_is_pillows():
    picture = smooth(60, 80)
    made = Preprocess.for_shape(Preprocessing(resize=30, interpolation="bicubic"), (3, 60, 80))
    output = made.pixels(torch.from_numpy(picture.transpose(2, 0, 1).copy())[None])[0]
    reference = np.array(Image.fromarray(picture).resize((40, 30), Image.Resampling.BICUBIC)).transpose(2, 0, 1) / 255
    assert np.abs(output.numpy() - reference).max() < 1.5 / 255


@pytest.mark.parametrize(("margin", "first"), [(1, 0), (3, 2), (5, 2), (4, 2)])
def test_an_odd_margin_is_halved_as_torchvision_does(margin, first):
    """torchvision.transforms.v2.functional.center_crop: int(round(margin / 2)), to the even side."""
    side = 4 + margin
    columns = torch.arange(side, dtype=torch.uint8).expand(1, 1, side, side)
    assert int(Preprocess((1, side, side), crop=4).pixels(columns)[0, 0, 0, 0] * 255 + 0.5) == first


def test_the_word_net_without_a_net_is_refused():
    with pytest.raises(UsageError, match="'net' is for a pretrained net"):
        Preprocess.fit(Preprocessing(crop="net"), image_set())
