"""The reports' nets: every count that a report states, and what their arguments do."""

from typing import Any

import pytest
import torch

from assay.errors import UsageError
from assay.models.layers import parse
from assay.models.net import Net
from assay.models.nets import NETS
from assay.models.summary import Summary, summarise

WIDE = {"filters": [64, 128, 256]}
DEEP = {**WIDE, "hidden": [512, 128]}
LEAKY = {**DEEP, "activation": "leaky_relu 0.01"}
DROP = {**LEAKY, "dropout": 0.3}
NORM = {**DROP, "batch_norm": True}

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


def summary(name: str, arguments: dict[str, Any]) -> Summary:
    net = NETS[name]
    return summarise(parse(net.lines(10, arguments), net.shape), net.shape)


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


@pytest.mark.parametrize("name", [name for name in NETS if name != "base"])
def test_every_net_runs_on_the_images_of_its_report(name: str):
    net = NETS[name]
    outputs = Net(net.lines(7, {}), net.shape, 7).eval()(torch.rand(2, *net.shape))
    assert outputs.shape == (2, 7)


@pytest.mark.parametrize("name", [name for name in NETS if NETS[name].shape == (3, 32, 32)])
def test_no_net_for_cross_entropy_ends_in_a_softmax(name: str):
    assert NETS[name].lines(10, {})[-1] == "linear 10"


def test_every_net_says_in_one_line_what_it_is():
    assert all(10 < len(NETS[name].description) < 85 for name in NETS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filter": [1, 2, 3]}, "unknown argument 'filter'; did you mean filters"),
        ({"filters": "64,128,256"}, r"filters: not a list \(given: 64,128,256; default: \[24,48,96\]\)"),
        ({"filters": [64, 128]}, "filters: too short"),
        ({"dropout": 1.5}, "dropout: input should be less than 1"),
        ({"batch_norm": "perhaps"}, "batch_norm: input should be a valid boolean"),
    ],
)
def test_a_wrong_argument_is_an_error_with_its_place(arguments: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message) as caught:
        NETS["kth"].lines(10, arguments)
    assert caught.value.at == ("arguments", next(iter(arguments)))


def test_an_argument_of_a_net_without_any_is_an_error():
    with pytest.raises(UsageError, match="takes none"):
        NETS["two-conv"].lines(10, {"depth": 3})
