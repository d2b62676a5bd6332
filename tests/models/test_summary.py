"""The layer table."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from assay.models.layer import parse_lines
from assay.models.sequential import Net
from assay.models.summary import NetSummary, summarize
from assay.models.zoo.registry import NETS


def summary(name: str) -> NetSummary:
    net = NETS[name]
    return summarize(parse_lines(net.lines(10, {}), net.shape), net.shape)


@pytest.mark.parametrize("name", ["kth", "three-conv", "cited-14conv", "cnn-bn", "imp", "airbench"])
def test_totals_are_what_torch_counts_on_the_net(name: str):
    named = NETS[name]
    net = Net(named.lines(10, {}), named.shape, 10).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.rand(1, *named.shape))
    assert 2 * summary(name).mult_adds == counter.get_total_flops()
    assert summary(name).parameters == sum(p.numel() for p in net.parameters() if p.requires_grad)


def test_memory_counts_outputs_of_layers_with_parameters_twice():
    counted = summarize(parse_lines(["conv 2 3x3", "relu", "flatten", "linear 5"], (1, 4, 4)), (1, 4, 4))
    assert counted.input_bytes == 4 * 16
    assert counted.forward_backward_bytes == 2 * 4 * (2 * 2 * 2 + 5)
    assert counted.parameter_bytes == 4 * (2 * 9 + 2 + 8 * 5 + 5)


@pytest.mark.parametrize("name", list(NETS))
def test_every_row_fits_unbroken(name: str):
    """Into 100 columns; airbench, whose lines have more words, into the 120 that a file gets."""
    width = 120 if name == "airbench" else 100
    lines = summary(name).text(width).splitlines()
    rows = [line for line in lines if line.strip()[:1].isdigit()]
    assert len(rows) == len(summary(name).layers)
    assert all(len(line) <= width for line in lines)
    assert "…" not in "".join(lines)


def test_the_text_holds_line_shape_reason_and_costs():
    text = summary("cnn-bn").text()
    row = next(line for line in text.splitlines() if "conv 20 5x5" in line)
    assert " ".join(row.split()) == "5 conv 20 5x5 20x8x8 (12 + 2*0 - 5)/1 + 1 = 8 5,020 320,000 5.0"
    assert "parameters        8,550 (and 60 running statistics of batch norm)" in text
