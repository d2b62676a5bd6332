"""The schedule `square-root`."""

from typing import Annotated

from pydantic import PositiveInt

from assay.recipes.epochs import STAGE
from assay.recipes.named_sections import Schedule, SchedulePoint, schedule


@schedule("square-root")
class SquareRoot(Schedule):
    """Divided by the square root of 1, 2, 3, ..., which grows by one every `every` epochs."""

    every: Annotated[PositiveInt, STAGE] = 1

    def rate(self, peak: float, point: SchedulePoint) -> float:
        """The peak over the root of the current divisor."""
        return float(peak / (1 + point.epoch // self.every) ** 0.5)
