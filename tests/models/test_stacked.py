"""Nets side by side compute what each computes alone, layer by layer, and give their weights back."""

from collections.abc import Sequence

import pytest
import torch
from torch import Generator

from assay.core.randomness import seeded
from assay.core.runtime import Runtime
from assay.models.fused import fuse
from assay.models.sequential import Net
from assay.models.stacked import StackedNet, can_stack_lines
from assay.models.zoo.registry import NETS

from .test_layers import FEATURE_LINES, IMAGE_LINES

N, SEEDS = 6, (3, 1, 3)  # two nets of one seed: they share their draws
PLACE = Runtime("cpu", "fp32", threads=1)
CASES = [((line, "flatten", "linear 4"), shape) for line in IMAGE_LINES for shape in [(3, 12, 12), (1, 11, 13)]] + [
    ((line, "linear 4"), (12,)) for line in FEATURE_LINES
]
IN_A_ROW = ["conv 4 3x3", "relu", "dropout 0.3", "maxpool 2", "conv 6 3x3 same", "batchnorm", "dropout 0.5", "flatten"]
WHOLE = [
    *((shape, [*IN_A_ROW, "linear 8", "dropout 0.2", "relu", "linear 4"]) for shape in [(1, 8, 8), (3, 8, 8)]),
    *((NETS[name].shape, NETS[name].lines(10, {})) for name in sorted(NETS) if NETS[name].shape[1] <= 32),
]


def laid_out(images: torch.Tensor) -> torch.Tensor:
    return PLACE.batch(images) if images.ndim == 4 else images


def file_lock(net: Net, images: torch.Tensor, labels: torch.Tensor, seed: int) -> torch.Tensor:
    """The logits of one net in training, which gains gradients."""
    with seeded(seed):
        logits = fuse(net)(laid_out(images))
    torch.nn.functional.cross_entropy(logits, labels).backward()
    return logits


def check(lines: Sequence[str], shape: tuple[int, ...], classes: int) -> None:
    """Logits, gradients and batch norm's statistics of nets side by side are those of each alone."""
    nets = [PLACE.place(Net(lines, shape, classes)).train() for _ in SEEDS]
    wide, again = StackedNet(nets).train(), [PLACE.place(Net(lines, shape, classes)) for _ in SEEDS]
    images, labels = [torch.rand(N, *shape) for _ in SEEDS], [torch.randint(0, classes, (N,)) for _ in SEEDS]
    images[2], labels[2] = images[0], labels[0]
    together = torch.cat(images, 1)
    draws = {seed: Generator().manual_seed(seed) for seed in SEEDS}
    logits = wide(laid_out(together), [draws[seed] for seed in SEEDS])
    logits = logits.unflatten(1, (len(SEEDS), classes))
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.stack(labels, 1).flatten(), reduction="none")
    (losses.sum() / N).backward()
    for place, net in enumerate(nets):
        expected = file_lock(net, images[place], labels[place], SEEDS[place])
        torch.testing.assert_close(logits[:, place], expected, rtol=1e-4, atol=1e-5)
        theirs = dict(net.named_parameters())
        for name, parameter in wide.named_parameters():
            mine = None if parameter.grad is None else parameter.grad[place]
            torch.testing.assert_close(mine, theirs[name].grad, rtol=1e-3, atol=1e-5)
        wide.copy_to(again[place], place)
        torch.testing.assert_close(again[place].state_dict(), net.state_dict(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("lines", "shape"), CASES, ids=lambda value: str(value[0]))
def test_every_layer_computes_what_it_computes_alone(lines, shape):
    assert can_stack_lines(lines)
    check(lines, shape, 4)


@pytest.mark.parametrize(("shape", "lines"), WHOLE, ids=lambda value: str(value[0]))
def test_whole_nets_do_and_dropout_draws_what_each_net_would_draw(shape, lines):
    check(lines, shape, 10 if lines[-1] != "linear 4" else 4)


def test_a_layer_that_nobody_taught_it_is_not_known():
    assert not can_stack_lines(["conv 4 3x3", "layernorm", "flatten", "linear 3"])


def test_a_net_that_is_not_finite_leaves_the_others_as_they_are():
    lines, shape = ["conv 4 3x3", "batchnorm", "relu", "maxpool 2", "flatten", "linear 4"], (3, 8, 8)
    nets = [Net(lines, shape, 4) for _ in range(2)]
    with torch.no_grad():
        nets[0].layers[0].weight.fill_(torch.nan)
    wide, images = StackedNet(nets).train(), torch.rand(N, 3, 8, 8)
    logits = wide(torch.cat([images, images], 1)).unflatten(1, (2, 4))
    logits.square().sum().backward()
    assert logits[:, 0].isnan().all()
    torch.testing.assert_close(logits[:, 1], nets[1].train()(images), rtol=1e-4, atol=1e-5)
    assert all(parameter.grad[1].isfinite().all() for parameter in wide.parameters())
