"""The hash of tensors: names and numbers count, the order in memory does not."""

import torch

from assay.core.tensor_hash import hash_tensors


def test_names_numbers_and_the_prefix_count():
    values = torch.rand(2, 3, 4, 4)
    tensors = [{"a": values}, {"b": values}, {"a": values + 1}, {"a": values, "b": values}]
    hashes = {hash_tensors(entry) for entry in tensors} | {hash_tensors({"a": values}, "prefix")}
    assert len(hashes) == 5


def test_the_order_in_memory_and_of_the_names_does_not_count():
    first, second = torch.rand(2, 3, 4, 4), torch.rand(5)
    expected = hash_tensors({"a": first, "b": second})
    assert hash_tensors({"b": second, "a": first.contiguous(memory_format=torch.channels_last)}) == expected
