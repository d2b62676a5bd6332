"""What tests of pretrained nets share: the libraries, where they are installed, and real weights, where some are."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

needs_libraries = pytest.mark.skipif(
    not (find_spec("timm") and find_spec("torchvision")), reason="needs timm and torchvision: the extra 'pretrained'"
)


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """The folder of real ImageNet weights; tests that need it are skipped where there is none."""
    beside = Path(__file__).parents[3] / "shared" / "data" / "weights"
    folder = Path(os.environ.get("ASSAY_WEIGHTS") or beside)
    if not (folder / "mobilenetv1_075.safetensors").is_file():
        pytest.skip("real weights needed: set ASSAY_WEIGHTS to a folder with mobilenetv1_075.safetensors")
    return folder


def unlike_fresh(net: nn.Module) -> dict[str, Tensor]:
    """A state dict of the net's keys and shapes, its statistics too unlike those that a net begins with."""
    state = {key: value.clone() for key, value in net.state_dict().items()}
    for key, value in state.items():
        if key.endswith("running_mean"):
            value.normal_(0, 0.1)
        if key.endswith("running_var"):
            value.uniform_(0.5, 1.5)
    return state


def lively(like: Tensor) -> Tensor:
    """Small numbers in the shape and kind of a tensor, quickly: a few random ones over and over."""
    few = torch.randn(1021) * 0.05
    return few.repeat(-(-like.numel() // 1021))[: like.numel()].view(like.shape).to(like.dtype)
