"""Statistics of images by their definitions, and images made alike in one of them."""

import colorsys

import numpy as np
import pytest
import torch
from scipy import ndimage

from assay.data.luma import luma
from assay.evaluation.image_statistics import match_statistic, measure, sharpen_or_blur


def pictures(n=60, channels=3, seed=0, sigma=1.5, size=24):
    generator = np.random.default_rng(seed)
    fields = ndimage.gaussian_filter(
        generator.normal(size=(n, channels, size, size)), (0, 0, sigma, sigma), mode="wrap"
    )
    fields = 0.5 + generator.uniform(0.05, 0.12, (n, 1, 1, 1)) * fields / fields.std()
    return torch.from_numpy(fields + generator.uniform(-0.1, 0.1, (n, channels, 1, 1))).float().clamp(0, 1)


def test_each_statistic_is_its_definition():
    pixels = pictures(5)
    found = measure(pixels)
    for i, image in enumerate(pixels.double().numpy()):
        gray = np.tensordot([0.299, 0.587, 0.114], image, 1)
        laplacian = ndimage.laplace(255 * gray)[1:-1, 1:-1]
        saturation = [max(pixel) - min(pixel) for pixel in image.reshape(3, -1).T]
        assert found["brightness"][i] == pytest.approx(gray.mean(), abs=1e-5)
        assert found["contrast"][i] == pytest.approx(gray.std(), abs=1e-5)
        assert found["sharpness"][i] == pytest.approx(np.log10(laplacian.var()), abs=1e-3)
        assert found["saturation"][i] == pytest.approx(np.mean(saturation), abs=1e-5)
        assert found["red cast"][i] == pytest.approx(image[0].mean() - gray.mean(), abs=1e-5)
        assert found["blue cast"][i] == pytest.approx(image[2].mean() - gray.mean(), abs=1e-5)


def test_high_frequencies_are_those_above_a_quarter_of_a_period_a_pixel():
    places = torch.arange(32.0)
    waves = torch.stack([torch.sin(2 * torch.pi * k * places / 32) for k in (2, 7, 9, 15)])
    images = (0.5 + 0.3 * waves)[:, None, None, :].expand(4, 1, 32, 32)
    assert measure(images)["high frequencies"] == pytest.approx([0, 0, 1, 1], abs=1e-4)


def test_gray_images_have_no_colors():
    assert measure(pictures(3, 1)).keys() == {"sharpness", "high frequencies", "brightness", "contrast"}
    assert torch.equal(luma(pictures(3, 1)), pictures(3, 1))


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "red cast", "blue cast"])
def test_a_matched_statistic_has_the_others_distribution_and_its_own_order(name):
    mine, others = pictures(60, seed=1), pictures(90, seed=2)
    shift = {"brightness": 0.1, "contrast": 0.02, "saturation": 0.05}.get(name, 0.03)
    wanted = {key: values + shift for key, values in measure(others).items()}
    seen, how = match_statistic(name, mine, measure, wanted)
    values, before = measure(seen)[name], measure(mine)[name]
    expected = np.quantile(wanted[name], (np.arange(60) + 0.5) / 60)
    assert np.sort(values) == pytest.approx(expected, abs=0.012)  # but for values cut off at 0 or 1
    assert np.corrcoef(np.argsort(np.argsort(values)), np.argsort(np.argsort(before)))[0, 1] > 0.95
    assert how


def test_a_color_cast_leaves_the_luma_alone():
    mine = pictures(20, seed=1) * 0.6 + 0.2
    seen, _ = match_statistic("red cast", mine, measure, {"red cast": np.linspace(0, 0.05, 30)})
    assert measure(seen)["brightness"] == pytest.approx(measure(mine)["brightness"], abs=2e-3)


@pytest.mark.parametrize(("mine", "others", "told"), [(1.0, 1.8, "all blurred, sigma"), (1.8, 1.2, "all sharpened")])
def test_sharpness_is_matched_by_one_strength_for_all(mine, others, told):
    wanted = measure(pictures(60, seed=2, sigma=others))
    seen, how = match_statistic("sharpness", pictures(60, seed=1, sigma=mine), measure, wanted)
    assert measure(seen)["sharpness"].mean() == pytest.approx(wanted["sharpness"].mean(), abs=0.02)
    assert how.startswith(told)


def test_the_strength_of_a_blur_is_found_again():
    sharp = pictures(60, sigma=1.0)
    _, how = match_statistic("sharpness", sharp, measure, measure(sharpen_or_blur(sharp, 0.8)))
    assert how == "all blurred, sigma 0.80 px"


def test_saturation_is_that_of_hsv_times_value():
    pixel = torch.tensor([0.9, 0.3, 0.5]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    _, saturation, value = colorsys.rgb_to_hsv(0.9, 0.3, 0.5)
    assert measure(pixel)["saturation"][0] == pytest.approx(saturation * value, abs=1e-6)
