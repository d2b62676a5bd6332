"""Pretrained nets by name: which hub a name belongs to, and building the net with a head for your classes.

Weights on disk: `pretrained_weights.py`; the head: `head.py`; preprocessing: `net_preprocessing.py`; what is trained:
`freezing.py`.
"""

import torch
from torch import nn

from assay.core.errors import MissingExtraError, UsageError, unknown
from assay.core.randomness import Stream, seeded, stream_seed
from assay.models.head import replace_head
from assay.models.hubs import ModelHub
from assay.models.timm_hub import TimmHub, has_timm
from assay.models.torchvision_hub import BARE_NAMES, TorchvisionHub
from assay.models.zoo.mobilenet import MobileNetHub
from assay.models.zoo.registry import NETS
from assay.recipes.schema import Model

_MOBILENET, _TORCHVISION, _TIMM = MobileNetHub(), TorchvisionHub(), TimmHub()


def find_hub(name: str | None) -> tuple[ModelHub, str] | None:
    """The hub of a net and its name there; None for nets that are lists of lines, and for unknown names.

    `torchvision/NAME` and `timm/NAME` are explicit. A bare name is looked up in assay's own nets, then in torchvision's
    BARE_NAMES, then in timm. Raises UsageError for a name that its hub does not have.
    """
    if name is None or name in NETS:
        return None
    if _MOBILENET.has(name):
        return _MOBILENET, name
    if name in BARE_NAMES:
        return _TORCHVISION, name
    prefix, _, bare = name.partition("/")
    for hub in (_TORCHVISION, _TIMM):
        if bare and hub.name == prefix:
            if not hub.has(bare):
                raise unknown(f"net of {prefix}", bare, hub.names())
            return hub, bare
    try:
        return (_TIMM, name) if _TIMM.has(name) else None
    except MissingExtraError:
        return None


def require_hub(model: Model) -> tuple[ModelHub, str]:
    """As `find_hub`; raises UsageError for a recipe's net that no hub has."""
    match = find_hub(model.name)
    if match is None:
        error = unknown("net", str(model.name), [*NETS, *BARE_NAMES, *_MOBILENET.names()])
        hint = "" if has_timm() else "; timm's nets need the extra 'pretrained'"
        raise UsageError(f"{error}{hint}", at=("name",))
    return match


def is_pretrained(model: Model) -> bool:
    """Whether a recipe's net comes from a hub.

    Raises UsageError for an unknown net, and for a key of pretrained nets on another net.
    """
    if model.name is not None and model.name not in NETS:
        require_hub(model)
        return True
    keys = model.as_pretrained if model.name in NETS else set()
    if keys:
        raise UsageError(f"only a pretrained net has this, {model.name} has not", at=(min(keys),))
    return False


def build_pretrained(model: Model, classes: int, seed: int) -> nn.Module:
    """The net with fresh weights that depend on the seed alone, for images (N, 3, H, W). Reads no file.

    Raises UsageError for an unknown net or one whose head is not a linear layer.
    """
    hub, name = require_hub(model)
    with seeded(stream_seed(seed, Stream.WEIGHTS)):
        net = hub.build(name, classes, model.arguments)
    replace_head(net, classes, model, seed)
    return net


def build_on_meta(model: Model, classes: int) -> nn.Module:
    """The net as its hub builds it, on the device `meta`: without memory, random numbers or weights, to be traced."""
    hub, name = require_hub(model)
    with torch.device("meta"):
        return hub.build(name, classes, model.arguments)


def describe_pretrained(model: Model) -> tuple[str, tuple[int, int, int]]:
    """A line about the net and its preprocessing, and the shape (C, H, W) of its images."""
    hub, name = require_hub(model)
    config = hub.config(name)
    mean, std = (", ".join(f"{value:g}" for value in values) for values in (config.mean, config.std))
    text = (
        f"{hub.name}'s {name}; its own preprocessing: shorter side to {config.resize} px, {config.interpolation}, "
        f"the center {config.crop} px, mean {mean}, std {std}"
    )
    return text, (3, config.crop, config.crop)
