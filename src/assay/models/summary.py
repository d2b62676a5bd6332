"""What each layer of a net does and costs, in the manner of torchinfo: shapes and why, parameters, mult-adds, memory.

All numbers are for one image and fp32. Where the layers come from: `layers.py`; their time: `assay.training.estimate`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from math import prod

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assay.models.layers import Layer, Shape, sizes

FLOAT_BYTES = 4
MIB = 1024**2


@dataclass(frozen=True)
class Summary:
    """The layers of a net for images of `shape` (C, H, W), and their totals."""

    layers: tuple[Layer, ...]
    shape: Shape

    @property
    def parameters(self) -> int:
        """Numbers that training changes, as torch counts."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def statistics(self) -> int:
        """Running means and variances of batch norm, which Keras counts among the parameters."""
        return sum(layer.statistics for layer in self.layers)

    @property
    def mult_adds(self) -> int:
        """Multiplications with a weight in convolutions and linear layers; see `Layer`."""
        return sum(layer.mult_adds for layer in self.layers)

    @property
    def input_bytes(self) -> int:
        """The image."""
        return FLOAT_BYTES * prod(self.shape)

    @property
    def parameter_bytes(self) -> int:
        """The parameters."""
        return FLOAT_BYTES * self.parameters

    @property
    def forward_backward_bytes(self) -> int:
        """The outputs of the layers that have parameters, twice: once for the values, once for their gradients.

        torchinfo's convention; report 2 prints it for cerberus as 7.00 MB, its MB being 1024 * 1024 bytes.
        """
        return 2 * FLOAT_BYTES * sum(prod(layer.shape) for layer in self.layers if layer.parameters)

    @property
    def total_bytes(self) -> int:
        """Input, forward and backward pass, and parameters together."""
        return self.input_bytes + self.forward_backward_bytes + self.parameter_bytes

    def table(self) -> Table:
        """One row for each layer."""
        table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        table.add_column("#", justify="right", no_wrap=True)
        table.add_column("layer")
        table.add_column("output", no_wrap=True)
        table.add_column("how it follows", style="dim")
        for heading in ("parameters", "mult-adds", "KiB"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_row("", "input", sizes(self.shape), "", "", "", _kib(self.shape))
        for number, layer in enumerate(self.layers, 1):
            numbers = (_count(layer.parameters), _count(layer.mult_adds), _kib(layer.shape))
            table.add_row(str(number), escape(layer.line), sizes(layer.shape), layer.how.replace("; ", "\n"), *numbers)
        return table

    def totals(self) -> str:
        """The sums, as lines of text."""
        running = f" (and {self.statistics:,} running statistics of batch norm)" if self.statistics else ""
        return "\n".join(
            (
                f"parameters        {self.parameters:,}{running}",
                f"mult-adds         {self.mult_adds / 1e6:,.2f} M for one image",
                f"memory in MiB     input {self.input_bytes / MIB:.2f}, forward and backward "
                f"{self.forward_backward_bytes / MIB:.2f}, parameters {self.parameter_bytes / MIB:.2f}, "
                f"total {self.total_bytes / MIB:.2f}",
            )
        )

    def text(self, width: int = 120) -> str:
        """The table and the totals as plain text, at most `width` columns wide."""
        console = Console(file=StringIO(), width=width, color_system=None)
        with console.capture() as captured:
            console.print(self.table())
        return captured.get() + self.totals()


def summarize(layers: Sequence[Layer], shape: Shape) -> Summary:
    """The summary of parsed layers for images of `shape` (C, H, W)."""
    return Summary(tuple(layers), shape)


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"


def _kib(shape: Shape) -> str:
    return f"{FLOAT_BYTES * prod(shape) / 1024:,.1f}"
