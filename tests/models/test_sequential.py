"""Building a Net from a recipe's model."""

import pytest
import torch

from assay.core.errors import ShapeError, UsageError
from assay.models.sequential import Net, build_sequential
from assay.recipes.schema import Model

TINY = ("conv 4 3x3", "relu", "globalavgpool", "linear 5")


def test_a_net_gives_logits_and_keeps_what_it_was_made_of():
    net = Net(TINY, (3, 8, 8), 5)
    assert net(torch.rand(2, 3, 8, 8)).shape == (2, 5)
    assert (net.lines, net.shape, net.classes) == (TINY, (3, 8, 8), 5)


def test_tensors_are_named_by_layer_kind_and_number():
    names = [name for name, _ in Net(TINY, (3, 8, 8), 5).named_parameters()]
    assert names == ["layers.conv_1.weight", "layers.conv_1.bias", "layers.linear_4.weight", "layers.linear_4.bias"]


def test_initial_weights_depend_on_the_seed_alone():
    torch.manual_seed(1)
    first = build_sequential(Model(layers=TINY), (3, 8, 8), 5, seed=3)
    torch.rand(9)
    again, other = (
        build_sequential(Model(layers=TINY), (3, 8, 8), 5, seed=3),
        build_sequential(Model(layers=TINY), (3, 8, 8), 5, seed=4),
    )
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_building_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    build_sequential(Model(layers=TINY), (3, 8, 8), 5, seed=3)
    assert torch.equal(before, torch.get_rng_state())


def test_a_named_net_takes_its_arguments():
    net = build_sequential(Model(name="kth", arguments={"hidden": [16]}), (3, 32, 32), 7, seed=0)
    assert net.lines[-3:] == ("linear 16", "relu", "linear 7")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("flatten", "linear 4", "log_softmax"), "layer 2 'linear 4': leaves 4 outputs, but there are 5 classes"),
        (("conv 5 3x3", "relu"), "layer 1 'conv 5 3x3': leaves 5x6x6 outputs"),
        (("relu",), "layer 1 'relu': leaves 3x8x8 outputs"),
    ],
)
def test_a_net_must_end_in_one_output_for_each_class(lines: tuple[str, ...], message: str):
    with pytest.raises(ShapeError, match=message):
        build_sequential(Model(layers=lines), (3, 8, 8), 5, seed=0)


@pytest.mark.parametrize(
    ("model", "at"),
    [
        (Model(layers=("relu", "covn 3 3x3")), ("layers", 1)),
        (Model(layers=()), ("layers",)),
        (Model(name="kht"), ("name",)),
        (Model(name="kth", arguments={"filter": 3}), ("arguments", "filter")),
        (Model(name="kth", arguments={"kernels": [40, 3, 3]}), ("name",)),
    ],
)
def test_an_error_knows_its_place_in_the_recipe(model: Model, at: tuple[str | int, ...]):
    with pytest.raises(UsageError) as caught:
        build_sequential(model, (3, 32, 32), 10, seed=0)
    assert caught.value.at == at
