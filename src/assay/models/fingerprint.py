"""What a net is, for a recipe's hash: the lines behind a name, and a fingerprint of your own module."""

import hashlib
import re
from inspect import getsource
from typing import TYPE_CHECKING

from assay.core.errors import UsageError
from assay.models.zoo.registry import NETS
from assay.recipes.identity import NET_DEFINITIONS
from assay.recipes.schema import Model

if TYPE_CHECKING:
    from torch import nn

_CLASSES = 2  # the lines depend on the number of classes, a net's definition does not


@NET_DEFINITIONS.add("named")
def named_net_lines(model: Model) -> list[str] | None:
    """The lines that a net's name stands for; None for a net that is no named list of lines."""
    if model.name is None or model.fingerprint or model.name not in NETS:
        return None
    try:
        return list(NETS[model.name].lines(_CLASSES, model.arguments))
    except UsageError:  # such a recipe cannot be run, but it can be listed
        return None


def module_fingerprint(module: "nn.Module") -> str:
    """Sixteen hex digits of a module: its structure, the names and shapes of its parameters, its classes' source.

    The source is left out where Python has none, as in some interactive sessions, and for torch's own classes.
    """
    shapes = [f"{name} {tuple(tensor.shape)}" for name, tensor in module.state_dict(keep_vars=True).items()]
    structure = re.sub(r"0x[0-9a-f]+", "", repr(module))  # without addresses
    classes = sorted({type(part) for part in module.modules()}, key=lambda kind: (kind.__module__, kind.__qualname__))
    sources = [_source(kind) for kind in classes if not kind.__module__.startswith("torch.")]
    return hashlib.sha256("\n".join([structure, *shapes, *sources]).encode()).hexdigest()[:16]


def _source(kind: type) -> str:
    try:
        return getsource(kind)
    except (OSError, TypeError):
        return ""
