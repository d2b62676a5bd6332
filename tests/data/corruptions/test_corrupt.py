"""Corruptions against Pillow, scipy, colorsys and the definitions of their noise."""

import colorsys
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from assay.core.errors import UsageError
from assay.data.corruptions import blurs, weather
from assay.data.corruptions.corrupt import SEVERITIES, corrupt, corruption_names
from assay.data.corruptions.registry import CORRUPTIONS, GROUPS
from assay.data.imageset import ImageSet


def smooth(n=40, channels=3, side=32):
    """Smooth pictures with some texture, uint8."""
    generator = np.random.default_rng(0)
    fields = ndimage.gaussian_filter(generator.normal(size=(n, channels, side, side)), (0, 0, 2.5, 2.5), mode="wrap")
    values = 128 + 55 * fields / fields.std() + generator.normal(0, 4, fields.shape)
    return ImageSet(values.clip(0, 255).astype(np.uint8), np.zeros(n, np.int64), ("a",), "smooth/test")


@pytest.fixture(scope="module")
def pictures():
    return smooth()


def difference(pictures, name, severity):
    return np.abs(corrupt(pictures, name, severity).images.astype(float) - pictures.images).mean()


# What holds for all


@pytest.mark.parametrize("name", list(CORRUPTIONS))
def test_shape_type_and_labels_stay_and_the_source_says_what_was_done(name, pictures):
    output = corrupt(pictures, name, 3)
    assert (output.images.dtype, output.images.shape) == (np.uint8, pictures.images.shape)
    assert np.array_equal(output.labels, pictures.labels)
    assert output.source == f"smooth/test, {name} 3"


@pytest.mark.parametrize("name", list(CORRUPTIONS))
def test_everybody_gets_the_same_images(name, pictures):
    state = torch.get_rng_state()
    assert np.array_equal(corrupt(pictures, name, 2).images, corrupt(pictures, name, 2).images)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", [name for name in CORRUPTIONS if name not in ("elastic", "saturate", "frost-like")])
def test_a_higher_severity_changes_more(name, pictures):
    """Not so elastic (shift against roughness), saturate (down, then up) and frost-like, which darkens too."""
    changes = [difference(pictures, name, severity) for severity in SEVERITIES]
    assert changes[0] > 0
    assert all(a <= 1.1 * b for a, b in pairwise(changes))
    assert changes[-1] > 1.2 * changes[0]


@pytest.mark.parametrize("name", list(CORRUPTIONS))
@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 64)])
def test_other_sizes_and_gray_images_are_taken(name, channels, side):
    pictures = smooth(3, channels, side)
    if name in corruption_names(channels):
        assert corrupt(pictures, name, 5).images.shape == pictures.images.shape
    else:
        assert (name, channels) == ("saturate", 1)


def test_they_come_group_by_group():
    groups = [CORRUPTIONS[name].group for name in corruption_names(3)]
    assert groups == sorted(groups, key=GROUPS.index)
    assert len(groups) >= 16
    assert set(groups) == set(GROUPS)


def test_unknown_names_and_severities_are_refused(pictures):
    with pytest.raises(UsageError, match="unknown corruption 'smog'; did you mean"):
        corrupt(pictures, "smog", 1)
    with pytest.raises(UsageError, match="severities are 1 to 5, not 6"):
        corrupt(pictures, "fog", 6)


# Noise, by its definition


def gray_field(value=102, n=60):
    return ImageSet(np.full((n, 3, 32, 32), value, np.uint8), np.zeros(n, np.int64), ("a",), "field")


def test_gaussian_noise_has_its_standard_deviation():
    output = corrupt(gray_field(), "gaussian-noise", 3).images / 255
    assert output.mean() == pytest.approx(0.4, abs=1e-3)
    assert output.std() == pytest.approx(0.08, rel=0.01)


def test_shot_noise_has_the_variance_of_photons():
    output = corrupt(gray_field(), "shot-noise", 4).images / 255
    assert output.mean() == pytest.approx(0.4, abs=1e-3)
    assert output.var() == pytest.approx(0.4 / 75, rel=0.02)


def test_impulse_noise_hits_its_share_black_and_white_alike():
    output = corrupt(gray_field(), "impulse-noise", 5).images
    assert (output == 0).mean() == pytest.approx(0.035, abs=0.002)
    assert (output == 255).mean() == pytest.approx(0.035, abs=0.002)
    assert (output == 102).mean() == pytest.approx(0.93, abs=0.003)


# Blur, by scipy


@pytest.mark.parametrize(("severity", "sigma"), list(enumerate((0.4, 0.6, 0.7, 0.8, 1.0), start=1)))
def test_gaussian_blur_is_scipys(severity, sigma, pictures):
    expected = ndimage.gaussian_filter(pictures.images / 255, (0, 0, sigma, sigma), mode="nearest") * 255
    assert np.abs(corrupt(pictures, "gaussian-blur", severity).images - expected).max() <= 0.51


@pytest.mark.parametrize("factor", [1.0, 1.01, 1.04, 1.1, 1.25, 1.75])
def test_enlarging_is_scipys_zoom(factor):
    image = np.random.default_rng(0).uniform(size=(32, 32)).astype(np.float32)
    side = int(np.ceil(32 / factor))
    top = (32 - side) // 2
    whole = ndimage.zoom(image[top : top + side, top : top + side], factor, order=1)
    cut = (whole.shape[0] - 32) // 2
    output = blurs.enlarge(torch.from_numpy(image)[None, None], factor)[0, 0]
    np.testing.assert_allclose(output.numpy(), whole[cut : cut + 32, cut : cut + 32], atol=1e-5)


def test_a_disc_of_no_size_is_the_smoothing_alone_and_one_of_one_pixel_a_cross():
    small, cross = blurs.disc(0.3, 0.4), blurs.disc(1.0, 1e-3)
    weights = np.exp(-(np.arange(-1, 2) ** 2) / (2 * 0.4**2))
    weights /= weights.sum()
    np.testing.assert_allclose(small.numpy()[1:4, 1:4], np.outer(weights, weights), atol=1e-6)
    np.testing.assert_allclose(cross.numpy(), np.pad([[0, 0.2, 0], [0.2] * 3, [0, 0.2, 0]], 1), atol=1e-6)
    assert blurs.disc(1.5, 0.1).sum().item() == pytest.approx(1)


@pytest.mark.parametrize(("degrees", "step"), [(0, (0, 1)), (90, (1, 0)), (180, (0, -1)), (-90, (-1, 0))])
def test_motion_smears_a_point_along_its_angle(degrees, step):
    point = torch.zeros(1, 1, 41, 41)
    point[0, 0, 20, 20] = 1
    output = blurs.motion(point, 6, 2.0, torch.tensor([degrees]).deg2rad())[0, 0]
    weights = np.exp(-(np.arange(13) ** 2) / 8)
    weights /= weights.sum()
    for k in range(13):  # the point is read from that many steps further on
        assert output[20 - k * step[0], 20 - k * step[1]].item() == pytest.approx(weights[k], abs=1e-5)
    assert output.sum().item() == pytest.approx(1, abs=1e-5)


def test_motion_off_the_axes_stays_on_its_line():
    point = torch.zeros(2, 1, 41, 41)
    point[:, 0, 20, 20] = 1
    output = blurs.motion(point, 6, 2.0, torch.tensor([45.0, -45.0]).deg2rad())[:, 0]
    assert output[0].diagonal().sum().item() == pytest.approx(1, abs=1e-5)
    assert output[1].flip(1).diagonal().sum().item() == pytest.approx(1, abs=1e-5)
    assert output[0, 18, 18] > 0.05
    assert output[0, 22, 22] == 0


# Weather


def hsv(images):
    return np.array([[colorsys.rgb_to_hsv(*pixel) for pixel in image.reshape(3, -1).T / 255] for image in images])


@pytest.fixture(scope="module")
def small_set():
    """Two small pictures with gray and black pixels among them."""
    chunk = smooth(2, 3, 32).images
    chunk[0, :, 0, :8], chunk[0, :, 1, :8] = 0, 90
    return ImageSet(chunk, np.zeros(2, np.int64), ("a",), "few")


def by_colorsys(images, change):
    pixels = [[colorsys.hsv_to_rgb(*change(*pixel)) for pixel in image] for image in hsv(images)]
    return np.array(pixels).transpose(0, 2, 1).reshape(images.shape) * 255


@pytest.mark.parametrize(("severity", "amount"), list(enumerate((0.05, 0.1, 0.15, 0.2, 0.3), start=1)))
def test_brightness_raises_the_value_of_hsv(severity, amount, small_set):
    expected = by_colorsys(small_set.images, lambda h, s, v: (h, s, min(1.0, v + amount)))
    assert np.abs(corrupt(small_set, "brightness", severity).images - expected).max() <= 0.51


@pytest.mark.parametrize(
    ("severity", "factor", "offset"), [(1, 0.3, 0), (2, 0.1, 0), (3, 1.5, 0), (4, 2, 0.1), (5, 2.5, 0.2)]
)
def test_saturate_changes_the_saturation_of_hsv(severity, factor, offset, small_set):
    expected = by_colorsys(small_set.images, lambda h, s, v: (h, min(1.0, s * factor + offset), v))
    assert np.abs(corrupt(small_set, "saturate", severity).images - expected).max() <= 0.51


def test_fog_keeps_the_brightest_value_within_reach(pictures):
    output = corrupt(pictures, "fog", 5).images
    assert (output.max((1, 2, 3)) <= pictures.images.max((1, 2, 3))).all()


def test_a_cloud_is_smoother_with_a_faster_decay():
    like, generator = torch.zeros(50, 3, 32, 32), torch.Generator().manual_seed(0)
    rough, gentle = (weather.cloud(like, decay, generator) for decay in (1.75, 3.0))
    for cloud in (rough, gentle):
        assert cloud.shape == (50, 1, 32, 32)
        assert torch.allclose(cloud.amin((1, 2, 3)), torch.zeros(50))
        assert torch.allclose(cloud.amax((1, 2, 3)), torch.ones(50))
    assert rough.diff(dim=3).abs().mean() > 1.25 * gentle.diff(dim=3).abs().mean()


# Digital, by Pillow


def by_pillow(pictures, change):
    return np.stack(
        [np.asarray(change(Image.fromarray(one.transpose(1, 2, 0)))).transpose(2, 0, 1) for one in pictures.images]
    )


@pytest.mark.parametrize(("severity", "quality"), list(enumerate((80, 65, 58, 50, 40), start=1)))
def test_jpeg_is_pillows(severity, quality, pictures):
    def compressed(image):
        file = BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file)

    assert np.array_equal(corrupt(pictures, "jpeg", severity).images, by_pillow(pictures, compressed))


@pytest.mark.parametrize(("severity", "side"), [(1, 30), (3, 27), (5, 20)])
def test_pixelate_is_pillows_box(severity, side, pictures):
    box = Image.Resampling.BOX
    expected = by_pillow(pictures, lambda image: image.resize((side, side), box).resize((32, 32), box))
    assert np.array_equal(corrupt(pictures, "pixelate", severity).images, expected)


def test_contrast_keeps_each_channels_mean(pictures):
    output = corrupt(pictures, "contrast", 5).images.astype(float)
    np.testing.assert_allclose(output.mean((2, 3)), pictures.images.mean((2, 3)), atol=0.2)
    np.testing.assert_allclose(output.std((2, 3)), 0.15 * pictures.images.std((2, 3)), rtol=0.1)


def test_elastic_moves_pixels_by_a_few_and_invents_none():
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8) * 8, (20, 3, 32, 32)).copy()
    images = ImageSet(ramp, np.zeros(20, np.int64), ("a",), "ramp")
    for severity in SEVERITIES:
        output = corrupt(images, "elastic", severity).images.astype(float)
        shifts = (output - ramp)[:, :, 10:22, 10:22] / 8
        assert 0.2 < np.abs(shifts).max() < 9
        assert output.max() <= ramp.max()
