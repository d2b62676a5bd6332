"""The hardware's ceilings: GEMM and 3x3 convolutions, forward and backward, in fp32 and bf16, in GFLOP/s.

Nothing of assay is measured here. The best of several shapes and repeats counts, because a ceiling is not an average.
"""

import argparse
import json
import os
import time
from collections.abc import Callable

import torch
from torch.nn.functional import conv2d

from assay.core.processor import can_bf16

CONVOLUTIONS = ((128, 64, 32), (128, 128, 16), (64, 256, 16))  # batch, channels in and out, height and width
GEMM = 4096
TOY_CONVOLUTIONS, TOY_GEMM = ((4, 16, 8),), 64


def rate(work: Callable[[], object], flop: float, device: str, repeats: int) -> float:
    """The best GFLOP/s of `repeats` calls, after one for set-up."""
    best = float("inf")
    for repeat in range(repeats + 1):
        _wait(device)
        start = time.perf_counter()
        work()
        _wait(device)
        if repeat:
            best = min(best, time.perf_counter() - start)
    return flop / best / 1e9


def convolution(shape: tuple[int, int, int], dtype: torch.dtype, device: str) -> tuple[Callable[[], object], float]:
    """A 3x3 convolution, forward and backward (inputs and weights), channels_last; and its FLOP."""
    batch, channels, side = shape
    x = torch.randn(batch, channels, side, side, device=device, dtype=dtype)
    x = x.to(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(channels, channels, 3, 3, device=device, dtype=dtype)
    weight = weight.to(memory_format=torch.channels_last).requires_grad_()
    gradient = torch.randn_like(x)
    flop = 3 * 2 * batch * side**2 * channels**2 * 9
    return lambda: torch.autograd.grad(conv2d(x, weight, padding=1), (x, weight), gradient), flop


def gemm(size: int, dtype: torch.dtype, device: str) -> tuple[Callable[[], object], float]:
    """A product of square matrices, and its FLOP."""
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    return lambda: a @ b, 2 * size**3


def ceilings(device: str, repeats: int = 5, toy: bool = False) -> dict[str, float]:
    """GFLOP/s by name: convolution_fp32, gemm_fp32, and in bf16 where the processor has it (else it takes minutes)."""
    shapes, size = (TOY_CONVOLUTIONS, TOY_GEMM) if toy else (CONVOLUTIONS, GEMM)
    rates_by_name = {}
    has_bf16 = toy or device != "cpu" or can_bf16()
    dtypes = {"bf16": torch.bfloat16, "fp32": torch.float32} if has_bf16 else {"fp32": torch.float32}
    for name, dtype in dtypes.items():
        rates = [rate(*convolution(shape, dtype, device), device, repeats) for shape in shapes]
        rates_by_name[f"convolution_{name}"] = max(rates)
        rates_by_name[f"gemm_{name}"] = rate(*gemm(size, dtype, device), device, repeats)
    return rates_by_name


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The hardware's ceilings in GFLOP/s, as one line of JSON.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--toy", action="store_true", help="tiny shapes, as a check")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    print(json.dumps(ceilings(options.device, options.repeats, options.toy)))
