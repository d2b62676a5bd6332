"""Inference gives the net's own logits, in whatever batches, and leaves the net as it was."""

import pytest
import torch

from assay.core.runtime import Runtime
from assay.data.preprocess import Preprocess
from assay.models.sequential import build_sequential
from assay.training import inference as module
from assay.training.inference import infer
from assay.training.tta import view_logits

FP32 = Runtime("cpu", "fp32", threads=1)


@pytest.fixture
def parts(recipe, images):
    net = build_sequential(recipe.model, images.shape, 3, 0)
    return net, torch.from_numpy(images.images), Preprocess.fit(recipe.preprocess, images)


@pytest.mark.parametrize("batch", [1, 33, 200, 500])
def test_the_logits_are_those_of_the_net_in_evaluation_mode(parts, monkeypatch, batch):
    net, images, preprocess = parts
    monkeypatch.setattr(module, "BATCH", batch)
    found = infer(net, images, preprocess, FP32)
    with torch.no_grad():
        expected = net.eval()(images.float() / 255)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert found.dtype == torch.float32


@pytest.mark.parametrize("views", [1, 2, 6])
def test_views_are_taken_of_preprocessed_pixels(parts, monkeypatch, views):
    net, images, preprocess = parts
    monkeypatch.setattr(module, "BATCH", 33)
    with torch.no_grad():
        expected = view_logits(net.eval(), images.float() / 255, views)
    torch.testing.assert_close(infer(net, images, preprocess, FP32, views), expected, rtol=1e-5, atol=1e-6)


def test_the_net_is_left_as_it_was(parts):
    net, images, preprocess = parts
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    net.train()
    infer(net, images, preprocess, FP32)
    assert net.training
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_bf16_still_gives_float32_logits(parts):
    net, images, preprocess = parts
    found = infer(net, images, preprocess, Runtime("cpu", "bf16", threads=1))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, infer(net, images, preprocess, FP32), rtol=0.05, atol=0.05)
