"""The hash of a set of tensors: equal for equal names and numbers, whatever their device and order in memory."""

import hashlib
from collections.abc import Mapping

import torch


def hash_tensors(tensors: Mapping[str, torch.Tensor], prefix: str = "") -> str:
    """SHA-256 in hexadecimal over the text `prefix` and the names and numbers of all tensors."""
    digest = hashlib.sha256(prefix.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
