"""The order of an epoch follows from its arguments alone, and batches cover it."""

import torch

from assay.data.sampler import cut_batches, epoch_order


def test_order_is_a_permutation():
    assert sorted(epoch_order(1000, seed=0, epoch=0, shuffle=True).tolist()) == list(range(1000))


def test_order_is_a_pure_function_of_seed_and_epoch():
    first = epoch_order(100, seed=1, epoch=2, shuffle=True)
    torch.rand(5)  # whatever else draws numbers in between
    assert torch.equal(first, epoch_order(100, seed=1, epoch=2, shuffle=True))
    assert not torch.equal(first, epoch_order(100, seed=1, epoch=3, shuffle=True))
    assert not torch.equal(first, epoch_order(100, seed=2, epoch=2, shuffle=True))


def test_order_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    epoch_order(100, seed=1, epoch=2, shuffle=True)
    assert torch.equal(before, torch.get_rng_state())


def test_without_shuffle_the_images_come_as_they_lie():
    assert torch.equal(epoch_order(10, seed=1, epoch=2, shuffle=False), torch.arange(10))


def test_batches_cover_the_order_and_keep_the_short_last_one():
    whole = epoch_order(10, seed=0, epoch=0, shuffle=True)
    parts = cut_batches(whole, 4)
    assert [len(part) for part in parts] == [4, 4, 2]
    assert torch.equal(torch.cat(parts), whole)
