"""The task that all tools share."""

import numpy as np
import pytest
import torch
from benchmarks.compare import entries, plan
from benchmarks.task import NETS, Task

from assay.data.split import split


@pytest.mark.parametrize("net", NETS)
def test_every_net_gives_logits_for_ten_classes(net: str) -> None:
    with torch.no_grad():
        assert Task(net).module().eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_an_epoch_for_throughput_is_whole_batches() -> None:
    assert all(net.images % net.batch_size == 0 for net in NETS.values())


def test_validation_images_are_those_that_assay_keeps() -> None:
    task = Task("two-conv", images=200, validate=True, synthetic=True)
    recipe, images = task.recipe, task.pictures()
    expected_places = split(images.labels, recipe.data.validation, recipe.data.split_seed).validation
    assert np.array_equal(task.parts()[1].images, images.images[expected_places])


def test_each_round_measures_every_tool_once_from_another_one_on() -> None:
    all_entries = entries(2)
    rounds = [[entry for _, number, entry in plan(all_entries, ["two-conv"], 3) if number == n] for n in range(3)]
    assert all(sorted(map(repr, entries_of_round)) == sorted(map(repr, all_entries)) for entries_of_round in rounds)
    assert len({entries_of_round[0] for entries_of_round in rounds}) == 3
