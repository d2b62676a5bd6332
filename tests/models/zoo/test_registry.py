"""Nets by name: each says what it is and runs, and a wrong argument is an error with its place."""

from typing import Any

import pytest
import torch

from assay.core.errors import UsageError
from assay.models.sequential import Net
from assay.models.zoo.registry import COLOR, NETS, NamedNet, format_argument


@pytest.mark.parametrize("name", [name for name in NETS if name != "base"])  # base: 67 MB of weights
def test_every_net_runs_on_the_images_it_was_made_for(name: str):
    net = NETS[name]
    outputs = Net(net.lines(7, {}), net.shape, 7).eval()(torch.rand(2, *net.shape))
    assert outputs.shape == (2, 7)


def test_every_net_says_in_one_line_what_it_is():
    assert [name for name in NETS if not 10 < len(NETS[name].description) < 85] == []


def test_defaults_are_the_factorys_own():
    def tiny(classes: int, width: int = 3, deep: bool = False) -> list[str]:
        """A tiny net."""
        return ["flatten", f"linear {width}", f"linear {classes}"]

    net = NamedNet(tiny, COLOR)
    assert net.defaults == {"width": 3, "deep": False}
    assert net.lines(4, {"width": 9}) == ["flatten", "linear 9", "linear 4"]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("kth", {"filter": [1, 2, 3]}, "unknown argument 'filter'; did you mean filters"),
        ("kth", {"filters": "64,128,256"}, r"filters: not a list \(given: 64,128,256; default: \[24,48,96\]\)"),
        ("kth", {"filters": [64, 128]}, "filters: too short"),
        ("kth", {"dropout": 1.5}, "dropout: input should be less than 1"),
        ("kth", {"batch_norm": "perhaps"}, "batch_norm: input should be a valid boolean"),
        ("airbench", {"widths": [64, 256]}, r"widths: too short \(given: \[64, 256\]; default: \[64,256,256\]\)"),
        ("airbench", {"widths": [0, 256, 256]}, "widths: input should be greater than 0"),
    ],
)
def test_a_wrong_argument_is_an_error_with_its_place(name: str, arguments: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message) as caught:
        NETS[name].lines(10, arguments)
    assert caught.value.at == ("arguments", next(iter(arguments)))


def test_an_argument_of_a_net_without_any_is_an_error():
    with pytest.raises(UsageError, match="takes none"):
        NETS["two-conv"].lines(10, {"depth": 3})


@pytest.mark.parametrize(
    ("value", "text"), [([64, 128], "[64,128]"), ("leaky_relu 0.01", "leaky_relu 0.01"), (0.5, "0.5"), (True, "true")]
)
def test_a_value_is_written_as_one_types_it(value: object, text: str):
    assert format_argument(value) == text
