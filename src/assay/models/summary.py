"""The layer table of a net, like torchinfo's: shapes and how they follow, parameters, mult-adds, memory.

All numbers are for one image in fp32. Training time: `training/estimate.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from math import prod

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assay.models.layer import Layer
from assay.models.shapes import Shape, format_shape

FLOAT_BYTES = 4
MIB = 1024**2


@dataclass(frozen=True)
class NetSummary:
    """The layers of a net for images of `shape` (C, H, W), and their totals."""

    layers: tuple[Layer, ...]
    shape: Shape

    @property
    def parameters(self) -> int:
        """Trainable numbers, as torch counts them."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def statistics(self) -> int:
        """Running means and variances of batch norm; Keras counts them as parameters."""
        return sum(layer.statistics for layer in self.layers)

    @property
    def mult_adds(self) -> int:
        """Multiplications with a weight in convolutions and linear layers; see `Layer`."""
        return sum(layer.mult_adds for layer in self.layers)

    @property
    def input_bytes(self) -> int:
        """Memory of one image."""
        return FLOAT_BYTES * prod(self.shape)

    @property
    def parameter_bytes(self) -> int:
        """Memory of the parameters."""
        return FLOAT_BYTES * self.parameters

    @property
    def forward_backward_bytes(self) -> int:
        """Memory of the outputs of layers with parameters, twice: values and gradients.

        torchinfo's convention; the paper mlflow-grid prints 7.00 MB for cerberus, with MB as 1024 * 1024 bytes.
        """
        return 2 * FLOAT_BYTES * sum(prod(layer.shape) for layer in self.layers if layer.parameters)

    @property
    def total_bytes(self) -> int:
        """Memory of input, forward and backward pass, and parameters."""
        return self.input_bytes + self.forward_backward_bytes + self.parameter_bytes

    def table(self) -> Table:
        """One row per layer."""
        table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        table.add_column("#", justify="right", no_wrap=True)
        table.add_column("layer")
        table.add_column("output", no_wrap=True)
        table.add_column("how it follows", style="dim")
        for heading in ("parameters", "mult-adds", "KiB"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_row("", "input", format_shape(self.shape), "", "", "", _kib(self.shape))
        for number, layer in enumerate(self.layers, 1):
            numbers = (_count(layer.parameters), _count(layer.mult_adds), _kib(layer.shape))
            table.add_row(
                str(number), escape(layer.line), format_shape(layer.shape), layer.how.replace("; ", "\n"), *numbers
            )
        return table

    def totals(self) -> str:
        """The totals, as lines of text."""
        running = f" (and {self.statistics:,} running statistics of batch norm)" if self.statistics else ""
        memory = {
            "input": self.input_bytes, "forward and backward": self.forward_backward_bytes,
            "parameters": self.parameter_bytes, "total": self.total_bytes,
        }  # fmt: skip
        lines = (
            f"parameters        {self.parameters:,}{running}",
            f"mult-adds         {self.mult_adds / 1e6:,.2f} M for one image",
            "memory in MiB     " + ", ".join(f"{name} {size / MIB:.2f}" for name, size in memory.items()),
        )
        return "\n".join(lines)

    def text(self, width: int = 120) -> str:
        """The table and the totals as plain text, at most `width` columns wide."""
        console = Console(file=StringIO(), width=width, color_system=None)
        with console.capture() as capture:
            console.print(self.table())
        return capture.get() + self.totals()


def summarize(layers: Sequence[Layer], shape: Shape) -> NetSummary:
    """The summary of parsed layers for images of `shape` (C, H, W)."""
    return NetSummary(tuple(layers), shape)


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"


def _kib(shape: Shape) -> str:
    return f"{FLOAT_BYTES * prod(shape) / 1024:,.1f}"
