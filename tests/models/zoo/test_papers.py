"""The reports' nets: every count that a report states, and what their arguments do."""

from typing import Any

import pytest

from assay.models.layer import parse_lines
from assay.models.summary import NetSummary, summarize
from assay.models.zoo.registry import NETS

WIDE = {"filters": [64, 128, 256]}
DEEP = {**WIDE, "hidden": [512, 128]}
LEAKY = {**DEEP, "activation": "leaky_relu 0.01"}
DROP = {**LEAKY, "dropout": 0.3}
NORM = {**DROP, "batch_norm": True}

REPORTED = [name for name in NETS if NETS[name].factory.__module__ == "assay.models.zoo.papers"]

STATED: list[tuple[str, dict[str, Any], int]] = [
    ("kth", {}, 256_058),  # 3.2
    ("kth", WIDE, 903_818),  # 4.A.1
    ("kth", DEEP, 965_642),  # 4.A.2
    ("kth", {**DEEP, "kernels": [7, 5, 3]}, 708_106),  # 4.B
    ("kth", LEAKY, 965_642),  # 4.C
    ("kth", DROP, 965_642),  # 4.D and 5.A
    ("kth", NORM, 967_306),  # 4.E, 5.B and 5.C
    ("two-conv", {}, 62_006),
    ("three-conv", {}, 110_598),
    ("five-conv", {}, 3_154_982),
    ("cerberus", {}, 3_223_882),
    ("cited-4conv", {}, 9_074_218),
    ("mlp", {}, 235_146),
    ("cnn", {}, 8_490),
    ("cnn-bn", {}, 8_550),
    ("tuned", {"l1": 64}, 26_534),
    ("tuned", {"l1": 128}, 47_718),
    ("tuned", {"l1": 256}, 90_086),
    ("imp", {}, 438_634),
]


def summary(name: str, arguments: dict[str, Any]) -> NetSummary:
    net = NETS[name]
    return summarize(parse_lines(net.lines(10, arguments), net.shape), net.shape)


@pytest.mark.parametrize(("name", "arguments", "count"), STATED)
def test_parameters_are_those_the_report_states(name: str, arguments: dict[str, Any], count: int):
    assert summary(name, arguments).parameters == count


def test_base_has_the_count_that_keras_prints():
    base = summary("base", {})
    assert base.parameters + base.statistics == 16_783_882


def test_cerberus_has_the_figures_of_the_printed_table():
    cerberus = summary("cerberus", {})
    assert f"{cerberus.mult_adds / 1e6:.2f}" == "379.78"
    sizes = (cerberus.input_bytes, cerberus.forward_backward_bytes, cerberus.parameter_bytes, cerberus.total_bytes)
    assert [f"{size / 1024**2:.2f}" for size in sizes] == ["0.01", "7.00", "12.30", "19.31"]


def test_batch_norm_of_kth_follows_the_activations_but_not_conv_3():
    lines = NETS["kth"].lines(10, NORM)
    assert [lines[i - 1] for i, line in enumerate(lines) if line == "batchnorm"] == ["leaky_relu 0.01"] * 4
    third = lines.index("conv 256 3x3")
    assert lines[third + 1] == "maxpool 2"


def test_the_grid_has_four_different_variants():
    variants = ("relu", "relu-bn", "leaky-bn", "leaky-bn-dropout")
    assert len({tuple(NETS["grid"].lines(10, {"variant": variant})) for variant in variants}) == 4


@pytest.mark.parametrize("name", [name for name in REPORTED if NETS[name].shape == (3, 32, 32)])
def test_no_net_for_cross_entropy_ends_in_a_softmax(name: str):
    assert NETS[name].lines(10, {})[-1] == "linear 10"
