"""Files of pretrained weights: read safely, checked against the hash in their name, fitted to a net by its own keys.

Where such files lie, and which a net of that name takes: `pretrained.py`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from assay.core.errors import DataError

_HASH = re.compile(r"(?:^|[-_])([0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{64})$")
_SHOWN = 3  # keys in a message


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file or of a plain state dict, half precision as float32, on the CPU.

    A name that ends in hexadecimal digits, `resnet18-f37072fd.pth`, gives the beginning of the file's SHA-256, as the
    libraries name theirs. Raises DataError for a missing or damaged file, another hash, or anything but tensors.
    """
    _check_hash(path)
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except FileNotFoundError:
        raise DataError(f"there is no file of weights {path}") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    except Exception:  # what torch raises for a damaged file or one that wants to run code; it advises to let it
        raise DataError(f"{path} is damaged, or holds more than tensors, which may be harmful: not loaded") from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{path} is no plain state dict, names with a tensor each; save net.state_dict() alone")
    return {str(key): value.float() if value.is_floating_point() else value for key, value in state.items()}


def hash_tensors(tensors: Mapping[str, Tensor], prefix: str = "") -> str:
    """SHA-256, in hex, of `prefix` and the names and values of all tensors. The memory layout does not matter."""
    digest = hashlib.sha256(prefix.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def fit(net: nn.Module, state: dict[str, Tensor], head: str, where: object, extra: Iterable[str] = ()) -> None:
    """Load the tensors into a net whose keys they have, all of them but for its new head.

    head: the head's name; where the file has none, or one of another size, the net keeps its own. extra: beginnings of
    keys that belong to parts this net leaves out. Raises DataError that names the keys that do not fit.
    """
    own = net.state_dict()
    state = {key: value for key, value in state.items() if not key.startswith(tuple(extra))}
    heads = [f"{head}.{part}" for part in ("weight", "bias") if f"{head}.{part}" in own]
    if any(key not in state or state[key].shape != own[key].shape for key in heads):
        state = {**state, **{key: own[key] for key in heads}}
    faults = [
        *_said("it lacks", [key for key in own if key not in state and not key.endswith("num_batches_tracked")]),
        *_said("the net has no", [key for key in state if key not in own]),
        *_said("of another shape:", [
            f"{key} {tuple(value.shape)} instead of {tuple(own[key].shape)}"
            for key, value in state.items() if key in own and own[key].shape != value.shape
        ]),
    ]  # fmt: skip
    if faults:
        raise DataError(f"{where} does not fit the net: {'; '.join(faults)}")
    net.load_state_dict({**own, **state})


def _said(what: str, keys: list[str]) -> list[str]:
    if not keys:
        return []
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return [f"{what} {', '.join(keys[:_SHOWN])}{more}"]


def _check_hash(path: Path) -> None:
    named: Any = _HASH.search(path.stem)
    if not named or not path.is_file():
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(named[1]):
        raise DataError(
            f"{path}: by its name its SHA-256 begins with {named[1]}, but it begins with {found[: len(named[1])]}: it "
            "is damaged or another file; get it again, or rename it if these digits are no hash"
        )
