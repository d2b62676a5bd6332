"""The data of a study's figures: the results of each variant, and its hyper-parameters as axes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import mean
from typing import Any, Literal

from assay.core.numbers import Interval
from assay.evaluation.comparison import Comparison
from assay.report.plots.style import GRAY, RED

Value = float | str

_LOG_SPAN = 30  # positive values that span more than this factor stand on a log axis
_RATIO, _EVEN = 1.5, 1.3  # so do values that grow by at least this factor, the same within that one


@dataclass(frozen=True, eq=False)
class VariantResults:
    """The results of a variant.

    accuracies: validation accuracies of its finished runs, as fractions; histories: of the same runs, rows as in
    `run.curves`; missing: number of other runs, which diverged, failed or have not run yet; values: its
    hyper-parameters by name, numbers or words; comparison: with the variant that it builds on; interval: 95 %, of the
    mean accuracy.
    """

    name: str
    accuracies: tuple[float, ...]
    missing: int = 0
    histories: tuple[Sequence[Mapping[str, Any]], ...] = ()
    values: Mapping[str, float | str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    comparison: Comparison | None = None
    interval: Interval | None = None

    @property
    def mean(self) -> float | None:
        """Mean accuracy over seeds, in per cent."""
        return 100 * mean(self.accuracies) if self.accuracies else None

    @property
    def runs(self) -> str:
        """`3 runs` or `2 of 3 runs`."""
        count_finished, total = len(self.accuracies), len(self.accuracies) + self.missing
        count = f"{count_finished} of {total}" if self.missing else f"{count_finished}"
        return f"{count} run" if total == 1 else f"{count} runs"


@dataclass(frozen=True)
class Hyperparameter:
    """A hyper-parameter and its values: numbers in rising order, words in the order of their appearance."""

    name: str
    values: tuple[Value, ...]

    @property
    def is_number(self) -> bool:
        """Whether all values are numbers."""
        return not any(isinstance(value, str) for value in self.values)

    @property
    def scale(self) -> Literal["category", "linear", "log", "symlog"]:
        """Scale of the axis; symlog is a log axis with room for zero."""
        if not self.is_number:
            return "category"
        numbers = [float(value) for value in self.values]
        positive = [value for value in numbers if value > 0]
        if min(numbers) < 0 or not _spreads(positive):
            return "linear"
        return "log" if len(positive) == len(numbers) else "symlog"

    def value_of(self, variant: VariantResults) -> Value | None:
        """The value in a variant, None if it has none."""
        value = variant.values.get(self.name)
        return str(value) if value is not None and not self.is_number else value

    def label(self, value: Value) -> str:
        """A value as the label of its tick."""
        return value if isinstance(value, str) else f"{value:g}"

    def position(self, value: Value) -> float:
        """Relative position of a value between the lowest, 0, and the highest, 1."""
        places = [self._coordinate(number) for number in self.values]
        return (self._coordinate(value) - min(places)) / (max(places) - min(places))

    def _coordinate(self, value: Value) -> float:
        if isinstance(value, str) or self.scale == "category":
            return float(self.values.index(value))
        if self.scale == "linear":
            return float(value)
        if value == 0:  # a step below the least
            logs = [math.log10(float(number)) for number in self.values if number]
            return min(logs) - (max(logs) - min(logs)) / max(1, len(logs) - 1)
        return math.log10(value)


def varied_hyperparameters(variants: Sequence[VariantResults]) -> list[Hyperparameter]:
    """The hyper-parameters with more than one value, in the order of their appearance."""
    keys = []
    for name in dict.fromkeys(name for variant in variants for name in variant.values):
        values = list(dict.fromkeys(variant.values[name] for variant in variants if name in variant.values))
        words = any(isinstance(value, str) for value in values)
        sorted_values = [str(value) for value in values] if words else sorted(values)
        if len(sorted_values) > 1:
            keys.append(Hyperparameter(name, tuple(sorted_values)))
    return keys


def by_accuracy(variants: Sequence[VariantResults]) -> list[VariantResults]:
    """The variants, best first, those without a result last."""
    return sorted(variants, key=lambda variant: math.inf if variant.mean is None else -variant.mean)


def caption_notes(variants: Sequence[VariantResults], notes: Sequence[str]) -> list[tuple[str, str]]:
    """The notes in gray, then for each set of faults a red sentence that names its variants."""
    lines = [(text, GRAY) for text in notes]
    for faults in dict.fromkeys(variant.faults for variant in variants if variant.faults):
        names = [variant.name for variant in variants if variant.faults == faults]
        names_text = "all variants" if len(names) == len(variants) else ", ".join(names)
        lines.append((f"FAULTY: {', '.join(faults)}: {names_text}", RED))
    return lines


def _spreads(positive: Sequence[float]) -> bool:
    """Whether these sorted positive values are better on a log axis."""
    if len(positive) < 2:
        return False
    ratios = [after / before for before, after in pairwise(positive)]
    by_ratios = len(ratios) > 1 and min(ratios) >= _RATIO and max(ratios) / min(ratios) <= _EVEN
    return positive[-1] / positive[0] > _LOG_SPAN or by_ratios
