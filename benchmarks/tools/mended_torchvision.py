"""Imported before anything that needs torchvision: makes its PyPI wheel, built for CUDA, work beside a CPU torch.

There `import torchvision` fails because two operators have no schema; declaring them is enough, as nothing here calls
them. Where torchvision imports as it is, nothing is changed.
"""

import sys

import torch

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_library: torch.library.Library | None = None  # what it declares lives as long as it does

try:
    import torchvision
except RuntimeError as error:
    if "torchvision::nms" not in str(error):
        raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    _library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in SCHEMAS:
        _library.define(schema)
    import torchvision  # noqa: F401
