"""Initial weights: the identity, unit deviation, and filters that whiten patches, against numpy's linear algebra."""

import numpy as np
import pytest
import torch
from torch import nn

from assay.models.special_layers import DiracConv, UnitLinear, WhiteningConv, fit_layers

IMAGES = torch.from_numpy(np.random.default_rng(0).normal(size=(230, 3, 9, 8)).cumsum(3)).float()  # neighbors resemble


def patches(images: torch.Tensor, height: int, width: int) -> np.ndarray:
    """All patches of the images as rows (P, C * height * width)."""
    windows = np.lib.stride_tricks.sliding_window_view(images.numpy().astype(float), (height, width), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, images.shape[1] * height * width)


def fitted(kernel: tuple[int, int], eps: float) -> WhiteningConv:
    layer = WhiteningConv(3, kernel)
    layer.fit(IMAGES, eps)
    return layer


def seeded(make: type[nn.Module], *arguments: object, **options: object) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return make(*arguments, **options)


@pytest.mark.parametrize(("channels", "filters", "side"), [(3, 8, 3), (4, 4, 5), (6, 2, 3)])
def test_a_dirac_convolution_passes_its_channels_on_exactly(channels: int, filters: int, side: int):
    images, kept = torch.rand(2, channels, 7, 6), min(channels, filters)
    found = DiracConv(channels, filters, side, padding=side // 2, bias=False)(images)
    assert torch.equal(found[:, :kept], images[:, :kept])


def test_further_filters_of_a_dirac_convolution_are_the_usual_ones():
    dirac, usual = (seeded(make, 3, 8, 3, bias=False) for make in (DiracConv, nn.Conv2d))
    assert torch.equal(dirac.weight[3:], usual.weight[3:])


@pytest.mark.parametrize("shape", [(256, 10), (3, 500)])
def test_unit_weights_are_the_usual_ones_over_their_standard_deviation(shape: tuple[int, int]):
    unit, usual = (seeded(make, *shape) for make in (UnitLinear, nn.Linear))
    torch.testing.assert_close(unit.weight, usual.weight / usual.weight.std(), rtol=5e-3, atol=0)
    assert torch.equal(unit.bias, usual.bias)


def test_a_single_unit_weight_is_finite():
    assert UnitLinear(1, 1).weight.abs().item() == pytest.approx(1)


@pytest.mark.parametrize("kernel", [(2, 2), (3, 1), (1, 1)])
def test_whitened_patches_have_the_identity_as_covariance(kernel: tuple[int, int]):
    layer = fitted(kernel, eps=0.0)
    with torch.no_grad():
        found = nn.functional.conv2d(IMAGES, layer.weight).transpose(0, 1).flatten(1).double()
    half = len(found) // 2
    covariance = (found[:half] @ found[:half].T / found.shape[1]).numpy()
    np.testing.assert_allclose(covariance, np.eye(half), atol=1e-4)


@pytest.mark.parametrize("eps", [5e-4, 0.3])
def test_whitening_filters_are_a_root_of_the_inverse_second_moments(eps: float):
    """W^T W = (M + eps)^-1, whatever signs and order the eigenvectors come in."""
    filters = fitted((2, 2), eps).weight[:12].flatten(1).double().numpy()
    rows = patches(IMAGES, 2, 2)
    expected = np.linalg.inv(rows.T @ rows / len(rows) + eps * np.eye(12))
    np.testing.assert_allclose(filters.T @ filters, expected, rtol=1e-4, atol=1e-4)


def test_whitening_filters_are_numpys_eigenvectors_over_the_roots_of_their_values():
    filters = fitted((2, 2), eps=5e-4).weight[:12].flatten(1).numpy()
    rows = patches(IMAGES, 2, 2)
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    expected = (vectors / np.sqrt(values + 5e-4)).T
    signs = np.sign((filters * expected).sum(1, keepdims=True))
    np.testing.assert_allclose(filters, signs * expected, rtol=1e-3, atol=1e-4)


def test_each_whitening_filter_comes_with_its_negative():
    weight = fitted((2, 2), eps=5e-4).weight
    assert weight.shape == (24, 3, 2, 2)
    assert torch.equal(weight[:12], -weight[12:])


def test_whitening_trains_its_bias_and_nothing_else():
    layer = fitted((2, 2), eps=5e-4)
    weight, bias = layer.weight.clone(), layer.bias.detach().clone()
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    layer(IMAGES).square().mean().backward()
    optimizer.step()
    assert torch.equal(layer.weight, weight)
    assert not (layer.bias == bias).any()


def test_whitening_of_empty_images_is_finite():
    layer = WhiteningConv(1, (2, 2))
    layer.fit(torch.zeros(3, 1, 4, 4))
    assert layer.weight.isfinite().all()


def test_fitting_a_net_reaches_nested_layers_and_leaves_the_others_alone():
    net = nn.Sequential(nn.Sequential(WhiteningConv(3, (2, 2))), nn.Conv2d(24, 5, 3))
    usual = net[1].weight.clone()
    fit_layers(net, lambda: IMAGES)
    assert torch.equal(net[0][0].weight, fitted((2, 2), eps=5e-4).weight)
    assert torch.equal(net[1].weight, usual)
