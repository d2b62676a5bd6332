"""The schedule `square-root`."""

from collections.abc import Callable
from typing import Any

from pydantic import PositiveInt

from assay.recipes.named_sections import Schedule, SchedulePoint, schedule


@schedule("square-root")
class SquareRoot(Schedule):
    """Divided by the square root of 1, 2, 3, ..., which grows by one every `every` epochs."""

    every: PositiveInt = 1

    def rate(self, peak: float, point: SchedulePoint) -> float:
        """The peak over the root of the current divisor."""
        return float(peak / (1 + point.epoch // self.every) ** 0.5)

    def scaled_keys(self, scale_epochs: Callable[[float], int]) -> dict[str, Any]:
        """Fewer epochs between changes."""
        return {"every": scale_epochs(self.every)}
