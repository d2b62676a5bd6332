"""Random streams: every random number is a pure function of the seed, its purpose and its place in the run."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """The purposes of random numbers. Each has its own stream, so that none disturbs another."""

    WEIGHTS = 1
    SPLIT = 2
    ORDER = 3
    AUGMENT = 4
    DROPOUT = 5
    TEST = 6


def stream_seed(seed: int, stream: Stream, *where: int) -> int:
    """A 63-bit seed that depends only on the run's seed, the purpose and the place (epoch, step)."""
    # The length goes in too, because numpy pads with zeros: (3,) and (3, 0) would be one stream.
    sequence = np.random.SeedSequence((len(where), seed, stream, *where))
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)


@contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """Within it, torch's default generators (initial weights, dropout) follow from `seed`; then they are restored."""
    generators = _default_generators(device)
    states = [generator.get_state() for generator in generators]
    for generator in generators:  # not torch.manual_seed: without a GPU it keeps a stack trace of every call, for ever
        generator.manual_seed(seed)
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def _default_generators(device: str) -> list[torch.Generator]:
    """The default generators of torch on this device; layers such as dropout accept no other."""
    kind = device.split(":")[0]
    if kind == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]
        index = torch.device(device).index
        return [
            torch.default_generator,
            torch.cuda.default_generators[torch.cuda.current_device() if index is None else index],
        ]
    return (
        [torch.default_generator, torch.mps._get_default_mps_generator()]
        if kind == "mps"
        else [torch.default_generator]
    )
