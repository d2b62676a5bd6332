"""What the figures of a study are given: a variant's runs, and its hyper-parameters as axes. Nothing here draws."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import mean
from typing import Any, Literal

from assay.core.numbers import Interval
from assay.evaluation.comparison import Comparison
from assay.evaluation.statistics import mean_interval
from assay.report.plots.style import GRAY, RED

Value = float | str

_LOG_SPAN = 30  # positive values that span more than this factor stand on a log axis
_RATIO, _EVEN = 1.5, 1.3  # so do values that grow by at least this factor, the same within that one


@dataclass(frozen=True, eq=False)
class VariantResults:
    """A variant as it is drawn.

    accuracies: of its finished runs, fractions of the validation images; histories: of the same runs, rows as in
    `figures.curves`; lost: how many runs besides have no result, diverged, failed or not yet made; values: its
    hyper-parameters by name, numbers or words; comparison: with the variant that it builds on.
    """

    name: str
    accuracies: tuple[float, ...]
    lost: int = 0
    histories: tuple[Sequence[Mapping[str, Any]], ...] = ()
    values: Mapping[str, float | str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    comparison: Comparison | None = None

    @property
    def mean(self) -> float | None:
        """Over seeds, in per cent."""
        return 100 * mean(self.accuracies) if self.accuracies else None

    @property
    def interval(self) -> Interval | None:
        """95 % t interval of the mean over seeds, in per cent; None for fewer than two runs."""
        found = mean_interval(self.accuracies)
        return None if found is None else (100 * found[0], 100 * found[1])

    @property
    def runs(self) -> str:
        """`3 runs` or `2 of 3 runs`."""
        done, of = len(self.accuracies), len(self.accuracies) + self.lost
        return f"{done if not self.lost else f'{done} of {of}'} run{'s' * (of != 1)}"


@dataclass(frozen=True)
class Key:
    """A hyper-parameter and the values that it took: numbers in their order, words as they came."""

    name: str
    values: tuple[Value, ...]

    @property
    def is_number(self) -> bool:
        """Whether all values are numbers."""
        return not any(isinstance(value, str) for value in self.values)

    @property
    def scale(self) -> Literal["category", "linear", "log", "symlog"]:
        """symlog: a log axis that has room for zero."""
        if not self.is_number:
            return "category"
        numbers = [float(value) for value in self.values]
        positive = [value for value in numbers if value > 0]
        if min(numbers) < 0 or not _spreads(positive):
            return "linear"
        return "log" if len(positive) == len(numbers) else "symlog"

    def of(self, one: VariantResults) -> Value | None:
        """The variant's value, if it has one."""
        value = one.values.get(self.name)
        return str(value) if value is not None and not self.is_number else value

    def text(self, value: Value) -> str:
        """A value as its tick says it."""
        return value if isinstance(value, str) else f"{value:g}"

    def place(self, value: Value) -> float:
        """Where a value stands between the lowest, 0, and the highest, 1."""
        places = [self._coordinate(one) for one in self.values]
        return (self._coordinate(value) - min(places)) / (max(places) - min(places))

    def _coordinate(self, value: Value) -> float:
        if isinstance(value, str) or self.scale == "category":
            return float(self.values.index(value))
        if self.scale == "linear":
            return float(value)
        if value == 0:  # a step below the least
            logs = [math.log10(float(one)) for one in self.values if one]
            return min(logs) - (max(logs) - min(logs)) / max(1, len(logs) - 1)
        return math.log10(value)


def keys_of(variants: Sequence[VariantResults]) -> list[Key]:
    """The hyper-parameters that took more than one value, in the order in which they were given."""
    found = []
    for name in dict.fromkeys(name for one in variants for name in one.values):
        values = list(dict.fromkeys(one.values[name] for one in variants if name in one.values))
        words = any(isinstance(value, str) for value in values)
        ordered = [str(value) for value in values] if words else sorted(values)
        if len(ordered) > 1:
            found.append(Key(name, tuple(ordered)))
    return found


def ranked(variants: Sequence[VariantResults]) -> list[VariantResults]:
    """Best first, those without a result last."""
    return sorted(variants, key=lambda one: math.inf if one.mean is None else -one.mean)


def remarks(shown: Sequence[VariantResults], notes: Sequence[str]) -> list[tuple[str, str]]:
    """The notes in gray, then in red a sentence for each set of faults: which variants have it."""
    said = [(text, GRAY) for text in notes]
    for faults in dict.fromkeys(one.faults for one in shown if one.faults):
        names = [one.name for one in shown if one.faults == faults]
        who = "all variants" if len(names) == len(shown) else ", ".join(names)
        said.append((f"FAULTY: {', '.join(faults)}: {who}", RED))
    return said


def _spreads(positive: Sequence[float]) -> bool:
    """Whether these sorted values, all positive, want a log axis."""
    if len(positive) < 2:
        return False
    ratios = [after / before for before, after in pairwise(positive)]
    by_ratios = len(ratios) > 1 and min(ratios) >= _RATIO and max(ratios) / min(ratios) <= _EVEN
    return positive[-1] / positive[0] > _LOG_SPAN or by_ratios
