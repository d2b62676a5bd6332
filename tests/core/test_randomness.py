"""Random streams are independent of each other, and torch's own state stays as it was."""

import itertools

import torch

from assay.core.randomness import Stream, seeded, stream_seed


def test_streams_of_all_purposes_and_places_differ():
    places = [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0)]
    seeds = [stream_seed(seed, stream, *at) for seed, stream, at in itertools.product(range(3), Stream, places)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_stream_depends_on_nothing_else():
    first = stream_seed(3, Stream.ORDER, 1)
    torch.rand(5)
    assert stream_seed(3, Stream.ORDER, 1) == first


def test_seeded_repeats_within_and_changes_nothing_outside():
    before = torch.get_rng_state()
    with seeded(5):
        first = torch.rand(4)
    with seeded(5):
        assert torch.equal(torch.rand(4), first)
    assert torch.equal(torch.get_rng_state(), before)
