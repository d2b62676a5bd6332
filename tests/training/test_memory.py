"""What counts as memory that ran out, and how much there is."""

import mmap
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from assay.training import memory
from assay.training.memory import available_bytes, is_out_of_memory, peak_bytes, used_bytes

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def test_torchs_own_error_on_a_cpu_is_known():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_numpys_error_is_known():
    with pytest.raises(MemoryError) as caught:
        np.zeros(2**60, dtype=np.uint8)
    assert is_out_of_memory(caught.value)


def test_a_gpus_error_is_known():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    assert is_out_of_memory(RuntimeError("could not create a primitive"))  # what oneDNN makes of a failed allocation
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"))


def test_another_error_is_not_taken_for_it():
    with pytest.raises(RuntimeError) as caught:
        torch.ones(2, 3) @ torch.ones(2, 3)
    assert not is_out_of_memory(caught.value)
    assert not is_out_of_memory(ValueError("memory"))


@linux
def test_memory_is_counted_in_bytes():
    before = used_bytes()
    with mmap.mmap(-1, 60_000_000) as held:  # not from the heap, which assay keeps and which may have room for it
        held.write(b"1" * len(held))
        grown = used_bytes() - before
    assert 50_000_000 < grown < 200_000_000
    assert peak_bytes() >= before + 50_000_000
    assert available_bytes() > 60_000
    assert peak_bytes() < 2**40


@linux
def test_a_container_has_less_than_its_machine(tmp_path, monkeypatch):
    machine = memory.machine_bytes()
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert memory.container_bytes("memory.max", "memory.current", tmp_path) == 2_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.container_bytes("memory.max", "memory.current", tmp_path) is None
    assert machine > 2_000_000
    assert memory.container_bytes("none", "none", Path("/nowhere")) is None
