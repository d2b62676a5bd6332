"""Pretrained nets: which library a name belongs to, the net with a new head, its weights and its own preprocessing.

The libraries themselves: `libraries.py`, `mobilenet.py`; files of weights: `weights.py`; what of a net is trained:
`frozen.py`. Nets that are lists of lines: `net.py`.
"""

from collections.abc import Container, Iterator
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.core.errors import AssayError, DataError, MissingExtraError, UsageError, unknown
from assay.core.randomness import Stream, seeded, stream_seed
from assay.models.fused import kept
from assay.models.hubs import ModelHub, PretrainedConfig, Timm, Torchvision, installed
from assay.models.weights import fit, read_weights
from assay.models.zoo.catalog import NETS
from assay.models.zoo.mobilenet import MobileNet
from assay.recipes.schema import Model, Preprocessing

# Those that assay's tests hold to torchvision's own results; a bare name that stands here is torchvision's.
TORCHVISION = (
    "alexnet", "googlenet", "inception_v3", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "resnet18",
    "resnet34", "resnet50", "vgg16", "vgg19",
)  # fmt: skip
_OURS, _TORCHVISION, _TIMM = MobileNet(), Torchvision(), Timm()
_LEFT_OUT = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}  # heads for training alone


class Head(nn.Linear):
    """The last layer of a pretrained net, made for one's own classes, with dropout before it."""

    p: float = 0.0

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, F) to logits (N, classes); on a CPU its dropout draws as that of other nets (`quick.py`)."""
        if self.training and self.p:
            x = x * kept(x, self.p) if x.device.type == "cpu" else functional.dropout(x, self.p)
        return super().forward(x)


def library_of(name: str | None) -> tuple[ModelHub, str] | None:
    """The library of a net and its name there; None for nets that are lists of lines, and for unknown names.

    `torchvision/NAME` and `timm/NAME` say it. A bare name is looked up in assay's own nets, then in TORCHVISION, then
    in timm. Raises UsageError for a name that its library does not have.
    """
    if name is None or name in NETS:
        return None
    if _OURS.has(name):
        return _OURS, name
    if name in TORCHVISION:
        return _TORCHVISION, name
    prefix, slash, bare = name.partition("/")
    if slash:
        for library in (_TORCHVISION, _TIMM):
            if library.name == prefix:
                if not library.has(bare):
                    raise unknown(f"net of {prefix}", bare, library.names())
                return library, bare
    try:
        return (_TIMM, name) if _TIMM.has(name) else None
    except MissingExtraError:
        return None


def is_pretrained(model: Model) -> bool:
    """Whether a recipe's net comes from a library. Raises UsageError for an unknown net, and for a key of such nets."""
    if model.name is not None and model.name not in NETS:
        _library(model)
        return True
    if model.name in NETS and (given := model.as_pretrained):
        raise UsageError(f"only a pretrained net has this, {model.name} has not", at=(min(given),))
    return False


def build(model: Model, classes: int, seed: int) -> nn.Module:
    """The net with fresh weights, a function of the seed alone, for images (N, 3, H, W): no file is read.

    Raises UsageError where it is unknown or its head is no linear layer.
    """
    library, name = _library(model)
    with seeded(stream_seed(seed, Stream.WEIGHTS)):
        net = library.build(name, classes, model.arguments)
    head = head_name(net, classes, model)
    parent, _, last = head.rpartition(".")
    old = net.get_submodule(head)
    assert isinstance(old, nn.Linear)
    new = Head(old.in_features, classes, bias=old.bias is not None)
    new.p = model.dropout
    setattr(net.get_submodule(parent), last, new)
    draw_head(new, seed)
    return net


def draw_head(head: nn.Module, seed: int) -> None:
    """Fresh weights for a head, of the seed alone, whatever is below it: torch's own for a linear layer."""
    assert isinstance(head, nn.Linear)
    with seeded(stream_seed(seed, Stream.WEIGHTS, 1)):
        head.reset_parameters()


def with_new_head(
    net: nn.Module, shared: Container[str], model: Model, classes: int, seed: int
) -> tuple[nn.Module, Head]:
    """A copy of the net that shares those of its tensors, with another fresh head; and that head."""
    keep = {id(tensor): tensor for name, tensor in named_tensors(net) if name in shared}
    copied = deepcopy(net, keep)
    head = copied.get_submodule(head_name(copied, classes, model))
    assert isinstance(head, Head)
    draw_head(head, seed)
    return copied, head


def named_tensors(net: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The parameters and buffers themselves, which a state dict gives without their identity."""
    yield from net.named_parameters()
    yield from net.named_buffers()


def head_name(net: nn.Module, classes: int, model: Model) -> str:
    """The name of the linear layer that gives the logits: the last of the net. Raises UsageError if there is none."""
    linear = {name: module.out_features for name, module in net.named_modules() if isinstance(module, nn.Linear)}
    name = list(linear)[-1] if linear else ""
    if linear.get(name) != classes:
        raise UsageError(f"{model.name} does not end in a linear layer, so its head cannot be replaced", at=("name",))
    return name


def described(model: Model) -> tuple[str, tuple[int, int, int]]:
    """A line on the net and its preprocessing, and the shape (C, H, W) of its images."""
    library, name = _library(model)
    own = library.own(name)
    mean, std = (", ".join(f"{value:g}" for value in values) for values in (own.mean, own.std))
    about = (
        f"{library.name}'s {name}; its own preprocessing: shorter side to {own.resize} px, {own.interpolation}, "
        f"the center {own.crop} px, mean {mean}, std {std}"
    )
    return about, (3, own.crop, own.crop)


def without_memory(model: Model, classes: int) -> nn.Module:
    """The net as its library builds it, to be walked and counted: no memory, no random numbers, no weights."""
    library, name = _library(model)
    with torch.device("meta"):
        return library.build(name, classes, model.arguments)


def load(net: nn.Module, model: Model, classes: int, folder: Path) -> None:
    """Give the net the weights that its recipe names, its head apart. `folder` holds files of weights.

    Raises DataError for a file that is wrong, AssayError for weights that cannot be had, with what to do.
    """
    if model.weights == "none":
        return
    library, name = _library(model)
    path = weights_file(model, folder)
    state, where = (read_weights(path), str(path)) if path else (_downloaded(model, folder), library.url(name))
    fit(net, state, head_name(net, classes, model), where, _LEFT_OUT.get(name, ()))


def obtain(model: Model, folder: Path) -> None:
    """See to it that the weights which a recipe names are on this machine. Raises AssayError where they cannot be."""
    if model.weights == "none":
        return
    path = weights_file(model, folder)
    if path is None:
        _downloaded(model, folder)
    elif not path.is_file():
        raise DataError(f"there is no file of weights {path}")


def weights_file(model: Model, folder: Path) -> Path | None:
    """The file of weights that a recipe names, there or not; for "library" the one that lies in `folder`, if any."""
    if model.weights != "library":
        given = Path(model.weights).expanduser()
        inside = folder / given
        return inside if inside.exists() and not given.exists() else given
    library, name = _library(model)
    paths = (folder / file for file in library.files(name, model.arguments))
    return next((path for path in paths if path.is_file()), None)


def has_file_name(model: Model, name: str) -> bool:
    """Whether a file of that name holds weights of the net, by its name alone."""
    library, net = _library(model)
    return name in library.files(net, model.arguments)


def prepared(spec: Preprocessing, model: Model) -> Preprocessing:
    """A recipe's preprocessing with the library's own numbers in the place of `net`. Raises UsageError without one."""
    words = [key for key in ("resize", "crop", "normalize") if getattr(spec, key) == "net"]
    if not words:
        return spec
    if not library_of(model.name):
        raise UsageError("only a pretrained net, given by its name, has preprocessing of its own", at=(words[0],))
    own = _own(model)
    if "normalize" in words and spec.scale != "unit":
        raise UsageError("normalize: net goes with scale: unit", at=("scale",))
    numbers = {"resize": own.resize, "crop": own.crop, "normalize": {"mean": own.mean, "std": own.std}}
    more = {"interpolation": own.interpolation} if "resize" in words else {}
    return Preprocessing.model_validate({**spec.model_dump(), **{key: numbers[key] for key in words}, **more})


def _own(model: Model) -> PretrainedConfig:
    library, name = _library(model)
    return library.own(name)


def _library(model: Model) -> tuple[ModelHub, str]:
    found = library_of(model.name)
    if found is None:
        error = unknown("net", str(model.name), [*NETS, *TORCHVISION, *_OURS.names()])
        more = "" if installed() else "; timm's nets need the extra 'pretrained'"
        raise UsageError(f"{error}{more}", at=("name",))
    return found


def _downloaded(model: Model, folder: Path) -> dict[str, Tensor]:
    library, name = _library(model)
    url, file = library.url(name), folder / library.files(name, model.arguments)[0]
    try:
        if url:
            return library.download(name, folder)
        reason = "are published for torch nowhere"
    except Exception as error:  # whatever the libraries' clients raise without a network
        reason = f"cannot be downloaded from {url} ({type(error).__name__})"
    raise AssayError(
        f"the weights of {model.name} {reason}. Put the file there as {file} ($ASSAY_WEIGHTS names another folder), or "
        "give it: model.weights=FILE"
    )
