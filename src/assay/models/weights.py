"""Files of pretrained weights: read safely, checked against the hash in their name, loaded into a net key by key.

Which file belongs to which net: `pretrained_weights.py`.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from assay.core.errors import DataError

_HASH = re.compile(r"(?:^|[-_])([0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{64})$")
_MAX_KEYS = 3  # in a message


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file or a plain state dict on the CPU, half precision as float32.

    A file name that ends in hexadecimal digits, `resnet18-f37072fd.pth`, states the beginning of the file's SHA-256,
    the libraries' convention. Raises DataError for a missing or damaged file, another hash, or anything but tensors.
    """
    _check_hash(path)
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except FileNotFoundError:
        raise DataError(f"there is no file of weights {path}") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    except Exception:  # a damaged file, or one that would run code; torch's own message advises to allow that
        raise DataError(f"{path} is damaged, or holds more than tensors, which may be harmful: not loaded") from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{path} is no plain state dict, names with a tensor each; save net.state_dict() alone")
    return {str(key): value.float() if value.is_floating_point() else value for key, value in state.items()}


def load_weights(
    net: nn.Module, state: dict[str, Tensor], head: str, source: object, unused_prefixes: Iterable[str] = ()
) -> None:
    """Load the tensors into a net with the same keys, except its head.

    head: the name of the head, which stays as it is where the state has none or one of another size. unused_prefixes:
    beginnings of keys for parts that the net leaves out. Raises DataError that names the keys that do not fit.
    """
    initial = net.state_dict()
    state = {key: value for key, value in state.items() if not key.startswith(tuple(unused_prefixes))}
    heads = [f"{head}.{tensor}" for tensor in ("weight", "bias") if f"{head}.{tensor}" in initial]
    if any(key not in state or state[key].shape != initial[key].shape for key in heads):
        state = {**state, **{key: initial[key] for key in heads}}
    problems = _problems(initial, state)
    if problems:
        raise DataError(f"{source} does not fit the net: {'; '.join(problems)}")
    net.load_state_dict({**initial, **state})


def _problems(initial: dict[str, Tensor], state: dict[str, Tensor]) -> list[str]:
    """The keys of a state that do not fit the net's own, as phrases."""
    missing_keys = [key for key in initial if key not in state and not key.endswith("num_batches_tracked")]
    extra_keys = [key for key in state if key not in initial]
    other_shapes = [
        f"{key} {tuple(value.shape)} instead of {tuple(initial[key].shape)}"
        for key, value in state.items()
        if key in initial and initial[key].shape != value.shape
    ]
    phrases = {"it lacks": missing_keys, "the net has no": extra_keys, "of another shape:": other_shapes}
    return [f"{phrase} {_list_keys(keys)}" for phrase, keys in phrases.items() if keys]


def _list_keys(keys: list[str]) -> str:
    hidden_keys = len(keys) - _MAX_KEYS
    return ", ".join(keys[:_MAX_KEYS]) + (f" and {hidden_keys} more" if hidden_keys > 0 else "")


def _check_hash(path: Path) -> None:
    match = _HASH.search(path.stem)
    if not match or not path.is_file():
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(match[1]):
        raise DataError(
            f"{path}: by its name its SHA-256 begins with {match[1]}, but it begins with {digest[: len(match[1])]}: it "
            "is damaged or another file; get it again, or rename it if these digits are no hash"
        )
